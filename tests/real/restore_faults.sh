#!/usr/bin/env bash
# Faults at every step of a restore, with a writer that adds rows all the time: what was pruned is in the database
# whole, or not at all and in its safepoint; nothing the writer committed is lost; another restore ends right.
. "$(dirname "$0")/../lib.sh"
cluster_start main "autovacuum=off" || exit 1
project=$T/project; mkdir -p "$project/seeds"; cd "$project" || exit 1
cat >seedops.yaml <<'END'
tables: {station: {class: context}, sensor: {class: context}, reading: {class: operational}, note: {class: operational}, remark: {class: operational}}
environments:
  local: {url: '${URL}'}
END
printf 'table: station\nkey: [code]\nprune: true\nrows:\n  - {code: a}\n' >seeds/station.yaml
helpers=()
tidy() { exec 6>&- 7>&-; [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
createdb_in main whole
sql main whole <<'END' || exit 1
create table station (id serial primary key, code text not null unique, name text);
create table sensor (id serial primary key, station int not null references station on delete cascade, code text not null);
create table reading (id bigserial primary key, sensor int not null references sensor on delete cascade, value float8);
create table note (id serial primary key, station int unique references station on delete set null, text text);
-- refers to a value that SET NULL takes from a note that stays; those of the station go with it
create table remark (id serial primary key, station int references station on delete cascade,
                     about int references note (station) on update set null);
create table written (id bigint primary key);
insert into station (code, name) values ('a', 'stays'), ('b', 'goes');
insert into sensor (station, code) select s.id, 's' || g from station s, generate_series(1, 3) g;
insert into reading (sensor, value) select s.id, random() from sensor s, generate_series(1, 300) g;
insert into note (station, text) select id, 'about ' || code from station;
insert into remark (station, about) select s.id, n.station from station s, note n;
END
URL=$(url main app); export URL
q() { sql main app -c "$1"; }
make() { sql main postgres -c "drop database if exists $1 with (force)" -c "create database $1 template $2" 2>/dev/null; }
contents() { q "select (select md5(string_agg(t::text, '|' order by id)) from station t), (select md5(string_agg(t::text, '|' order by id)) from sensor t), (select md5(string_agg(t::text, '|' order by id)) from note t), (select md5(string_agg(t::text, '|' order by id)) from remark t), (select md5(string_agg(t::text, '|' order by id)) from reading t where id <= 1800)"; }
state() { case "$(contents)" in "$before") echo whole ;; "$after") echo pruned ;; *) echo half ;; esac; }
unwritten() { q 'select count(*) from written w where not exists (select from reading r where r.id = w.id)'; }
make app whole
before=$(contents)
so prune local --confirm local --confirm-operational reading --confirm-operational note --confirm-operational remark --safepoint-dir "$T/safe" --json
S=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["safepoint"])' "$T/out") || { note "$err"; exit 1; }
after=$(contents)
make pruned app
fresh() { make app pruned; rm -rf "$XDG_STATE_HOME"; mkdir -p "$XDG_STATE_HOME"; }
restore() { so restore local "$S" --confirm local --json "$@"; }
writer_on() {
    sql main app >/dev/null 2>&1 <<'END' &
do $$ declare r bigint; begin loop
    insert into reading (sensor, value) select id, 1 from sensor where station = 1 limit 1 returning id into r;
    insert into written values (r);
    commit; perform pg_sleep(0.01);
end loop; end $$;
END
    writer=$!; helpers+=("$writer")
    wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c 'select count(*) > 3 from written')\" = t ]"
}
nobody() { wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d postgres -c \"select count(*) from pg_stat_activity where datname = 'app'\")\" = 0 ]"; }
writer_off() { sql main postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'app' and application_name = 'psql'" >/dev/null; wait "$writer" 2>/dev/null; nobody; }
ends_right() { # NAME
    restore
    is "$rc $(state) $(unwritten)" "0 whole 0" "$1: another restore ends right" || note "$err"
}

# ---- killed at each step ----
points=$(sed -n 's/^    X([A-Z_]*, "\(restore-[a-z]*\)".*/\1/p' "$TOP/src/base/failpoint.h")
is "$(wc -w <<<"$points")" 8 "the table has the steps that are gone through here"
for point in $points; do
    fresh; writer_on
    SEEDOPS_FAIL=$point:kill timeout -s KILL 60 "$SEEDOPS" restore local "$S" --confirm local >"$T/out" 2>"$T/err"; rc=$?
    writer_off
    [ "$point" = restore-done ] && wanted=whole || wanted=pruned
    is "$rc $(state) $(unwritten)" "137 $wanted 0" "killed at $point: all or nothing" || note "$(cat "$T/err")"
    ends_right "$point"
done
restore
like "$out" '"applied": ?false' "one more changes nothing"

# ---- the server is killed; the connection is cut ----
paused() {
    SEEDOPS_FAIL=$1:pause "$SEEDOPS" restore local "$S" --confirm local >"$T/out" 2>"$T/err" & pid=$!; helpers+=("$pid")
    wait_for 20 grep -q '^State:.T' "/proc/$pid/status"
}
go_on() { kill -CONT "$pid"; wait "$pid"; rc=$?; err=$(cat "$T/err"); }
for point in restore-loaded restore-writing restore-written restore-commit; do
    fresh; paused "$point"
    cluster_stop main immediate; cluster_start main >/dev/null
    go_on
    is "$rc $(state)" "1 pruned" "the server is killed at $point: nothing was written" || note "$err"
    ends_right "server killed at $point"
    fresh; paused "$point"
    q "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'seedops'" >/dev/null
    go_on
    is "$rc $(state)" "1 pruned" "the connection is cut at $point: nothing was written" || note "$err"
done

# ---- somebody writes between plan and restore ----
fresh; paused restore-planned
q "insert into station (code, name) values ('b', 'new')"
go_on
is "$rc $(q 'select count(*) from sensor')" "1 3" "another row took a unique value: nothing was written" || note "$err"
like "$err" 'not the one that was shown' "and it says so"
fresh; paused restore-planned
q "update note set text = 'newer' where text = 'about b'"
go_on
is "$rc $(q "select text, station from note where id = 2")" "0 newer|2" "a value nobody saved stays" || note "$err"
finish
