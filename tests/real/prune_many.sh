#!/usr/bin/env bash
# Many rows are saved by a second connection while the first one deletes them: what is deleted is in the safepoint, row by
# row, whatever others write meanwhile, whichever step fails, and whether there is a second connection or not.
. "$(dirname "$0")/../lib.sh"
. "$TOP/tests/lib-writer.sh"
cluster_start main "autovacuum=off" "log_statement=all" "log_line_prefix='%p '" || exit 1
project=$T/project; mkdir -p "$project/seeds"; cd "$project" || exit 1
cat >seedops.yaml <<'END'
tables: {station: {class: context}, sensor: {class: context}, reading: {class: operational}}
environments:
  local: {url: '${URL}'}
END
printf 'table: station\nkey: [code]\nprune: true\nrows:\n  - {code: a}\n' >seeds/station.yaml
tidy() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
createdb_in main pattern
sql main pattern <<'END' || exit 1
create table station (id serial primary key, code text not null unique, name text);
create table sensor (id serial primary key, station int not null references station on delete cascade, code text not null);
create table reading (id bigserial primary key, sensor int not null references sensor on delete cascade, value float8, at timestamptz default now(), note text);
create index on reading (sensor);
create table written (id bigint primary key);     -- every reading that was ever committed
insert into station (code, name) values ('a', 'stays'), ('b', 'goes');
insert into sensor (station, code) select s.id, 's' || g from station s, generate_series(1, 3) g;
insert into reading (sensor, value, note) select s.id, random(), 'note ' || g from sensor s, generate_series(1, 40000) g;
insert into written select id from reading;
vacuum analyze;
END
q() { sql main app -c "$1"; }
fresh() {
    sql main postgres -c 'drop database if exists app with (force)' -c 'create database app template pattern' 2>/dev/null
    rm -rf "$XDG_STATE_HOME"; mkdir -p "$XDG_STATE_HOME"; : >"$T/main/server.log"
}
URL=$(url main app); export URL
names=(--confirm local --confirm-operational reading)
prune() { so prune local "${names[@]}" "$@"; }
content() { q "select count(*), md5(string_agg(r::text, '' order by id)) from reading r $1"; }
beside() { # whether the rows were read by another connection than the one that deleted them
    local read deleted
    read=$(sed -n 's/^\([0-9]*\) .*COPY (SELECT c\."id".*TO STDOUT$/\1/p' "$T/main/server.log" | grep -v LIMIT | tail -n 1)
    deleted=$(sed -n 's/^\([0-9]*\) .*DELETE FROM ONLY "public"\."reading".*/\1/p' "$T/main/server.log" | tail -n 1)
    [ -n "$read" ] && [ -n "$deleted" ] && [ "$read" != "$deleted" ]
}
files() { find "$XDG_STATE_HOME" \( -name '*.safepoint' -o -name '*.partial' \) | wc -l; }
# all of station b, or nothing of it; and nothing of a
state() { q "select case when (select count(*) from station) = 2 and (select count(*) from sensor) = 6 and (select count(*) from reading r join sensor s on s.id = r.sensor where s.station = 2) >= 120000 then 'before'
    when (select count(*) from station where code = 'b') = 0 and (select count(*) from sensor) = 3 then 'after' else 'half' end
    || case when (select count(*) from reading r join sensor s on s.id = r.sensor where s.station = 1) = 120000 then '' else ' and a lost some' end"; }
saved() { local f; for f in $(find "$XDG_STATE_HOME" -name '*.safepoint'); do
    "$SEEDOPS" restore --to-sql "$f" 2>/dev/null | awk '/^CREATE TEMP TABLE/ {mine = /"reading"/} /^COPY/ {on = mine; next} /^\\\./ {on = 0} on {print $1}'; done; }
lost() { comm -23 <(q 'select id from written' | sort -u) <({ q 'select id from reading'; saved; } | sort -u) | wc -l; }

# ---- there and back ----
fresh; before=$(content '')
prune
is "$rc $(state) $(files)" "0 after 1" "a hundred thousand rows go" || note "$err"
check "they were read by one connection and deleted by another" beside
like "$out" 'reading  240000 rows before, 120000 after' "and counted"
so restore local --confirm local last
is "$rc $(content '')" "0 $before" "restore brings back every row as it was" || note "$err"

# ---- where there is no second connection, one does both ----
fresh; q "do \$\$ begin create role narrow login superuser connection limit 1; exception when others then null; end \$\$"
sql main postgres -c "alter role narrow nosuperuser connection limit 1" -c "grant pg_read_all_data, pg_write_all_data to narrow"
URL=$(url main app | sed 's/postgres@/narrow@/') prune
is "$rc $(state) $(lost) $(files)" "0 after 0 1" "without a second connection they go as well" || note "$err"
if beside; then not_ok "one connection did both"; else ok "one connection did both"; fi

# ---- a reset writes its fixtures after that, into the same safepoint's transaction ----
fresh; so reset local "${names[@]}"
is "$rc $(q 'select count(*) from station') $(q 'select count(*) from reading') $(lost) $(files)" "0 1 0 0 1" "a reset as well" || note "$err"
check "beside each other, too" beside

# ---- others write meanwhile ----
paused() { # POINT: starts a prune that stops there
    SEEDOPS_FAIL=$1:pause "$SEEDOPS" prune local "${names[@]}" >"$T/out" 2>"$T/err" & pid=$!
    wait_for 20 grep -q '^State:.T' "/proc/$pid/status"
}
go_on() { kill -CONT "$pid"; wait "$pid"; rc=$?; out=$(cat "$T/out"); err=$(cat "$T/err"); }
go_on_always() { while kill -CONT "$pid" 2>/dev/null; do read -rt 0.05 <> <(:) || :; done; go_on 2>/dev/null; }
b_sensor="(select min(id) from sensor where station = 2)"
add() { q "with x as (insert into reading (sensor, value) select $b_sensor, 1 from generate_series(1, $1) returning id) insert into written select id from x"; }
fresh; paused prune-planned; add 700; go_on
is "$rc $(state) $(lost)" "0 after 0" "rows that came since the plan go and are saved" || note "$err"
like "$out" '240700 rows before, 120000 after' "their number is reported"
fresh; paused prune-planned; add 13000; go_on
is "$rc $(state) $(lost) $(files)" "1 before 0 0" "many more than were confirmed: nothing goes" || note "$err"
like "$err" '133000 rows that would go or change, 120000 were confirmed' "and it says how many"
fresh; paused prune-planned; q "delete from reading where sensor in (select id from sensor where station = 2)"; go_on
is "$rc $(q 'select count(*) from station') $(files)" "1 2 0" "all of them gone meanwhile: another plan" || note "$err"
fresh; paused prune-locked
like "$(sql main app -c "set lock_timeout = '1s'" -c "insert into reading (sensor, value) select $b_sensor, 2" 2>&1)" 'lock timeout' \
    "no row comes once their parents are locked"
go_on; is "$rc $(state) $(lost)" "0 after 0" "and it goes on"
fresh; paused prune-locked
q "update reading set note = 'changed meanwhile' where id = (select max(r.id) from reading r join sensor s on s.id = r.sensor where s.station = 2)"
go_on_always
is "$rc $(state) $(lost)" "0 after 0" "a row that is changed meanwhile: it begins anew" || note "$err"
like "$("$SEEDOPS" restore --to-sql "$(find "$XDG_STATE_HOME" -name '*.safepoint')")" 'changed meanwhile' "and saves it as it became"
fresh; paused prune-deleting
q "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'seedops' and query like 'COPY%'" >/dev/null
go_on; is "$rc $(state) $(lost) $(files)" "1 before 0 0" "the connection that reads is cut: nothing goes" || note "$out"
fresh; paused prune-deleting
q "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'seedops' and query like 'DELETE%'" >/dev/null
go_on; is "$rc $(state) $(lost) $(files)" "1 before 0 0" "the one that deletes is cut: nothing goes" || note "$out"
fresh; paused prune-deleting; kill -INT "$pid"; go_on
is "$rc $(state) $(lost) $(files)" "130 before 0 0" "cancelled in the middle: nothing goes" || note "$out"

# ---- a trigger keeps a row, or takes one more ----
fresh
q "create function kept() returns trigger language plpgsql as 'begin return case when old.id % 7777 = 0 then null else old end; end'"
q "create trigger kept before delete on reading for each row execute function kept()"
prune; is "$rc $(state) $(files)" "1 before 0" "a trigger keeps rows: nothing goes" || note "$out"
like "$err" 'fewer rows than planned' "and it says so"

# ---- killed at each step, and each fails, while someone adds rows ----
points=$(sed -n 's/^    X([A-Z_]*, "\(prune-[a-z]*\)".*/\1/p' "$TOP/src/base/failpoint.h")
for point in $points; do
    fresh; writer_on 240000
    SEEDOPS_FAIL=$point:kill timeout -s KILL 60 "$SEEDOPS" prune local "${names[@]}" >"$T/out" 2>"$T/err"; rc=$?
    writer_off
    [ $rc = 137 ] || { [ $rc = 1 ] && grep -qE 'serialize|grew|not the ones' "$T/err"; } || not_ok "$point: the process was to die there ($rc: $(cat "$T/err"))"
    wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c \"select count(*) from pg_stat_activity where application_name = 'seedops'\")\" = 0 ]"
    [ "$point" = prune-done ] && want='after|before' || want=before
    like "$(state)" "^($want)\$" "killed at $point: all or nothing"
    is "$(lost)" 0 "killed at $point: no row is lost"
    [ "$point" = prune-done ] && continue
    SEEDOPS_FAIL=$point:error prune
    is "$rc $(state) $(find "$XDG_STATE_HOME" -name '*safepoint*' -type f -newer "$T/err" | wc -l)" "1 before 0" "$point fails: nothing went" || note "$err"
done
fresh; prune; is "$rc $(state) $(lost) $(find "$XDG_STATE_HOME" -name '*.partial' | wc -l)" "0 after 0 0" "and then it can be done" || note "$err"
finish
