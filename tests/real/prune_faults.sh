#!/usr/bin/env bash
# Faults at every step of a prune and a reset, with a writer that adds children all the time: whatever happens, a row
# that was ever committed is in the database or in a whole safepoint, and a prune is all or nothing.
. "$(dirname "$0")/../lib.sh"
. "$TOP/tests/lib-writer.sh"
here=$(cd "$(dirname "$0")" && pwd)
cluster_start main "autovacuum=off" || exit 1
project=$T/project; mkdir -p "$project/seeds"; cd "$project" || exit 1
cat >seedops.yaml <<'END'
tables: {station: {class: context}, sensor: {class: context}, reading: {class: operational}, note: {class: operational}}
environments:
  local: {url: '${URL}'}
END
printf 'table: station\nkey: [code]\nprune: true\nrows:\n  - {code: a}\n' >seeds/station.yaml
tidy() { exec 6>&- 7>&-; [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
createdb_in main pattern
sql main pattern <<'END' || exit 1
create table station (id serial primary key, code text not null unique, name text);
create table sensor (id serial primary key, station int not null references station on delete cascade, code text not null);
create table reading (id bigserial primary key, sensor int not null references sensor on delete cascade, value float8);
create table note (id serial primary key, station int references station on delete set null, text text);
-- every reading that was ever committed, by whomever
create table written (id bigint primary key);
insert into station (code, name) values ('a', 'stays'), ('b', 'goes');
insert into sensor (station, code) select s.id, 's' || g from station s, generate_series(1, 3) g;
insert into reading (sensor, value) select s.id, random() from sensor s, generate_series(1, 500) g;
insert into note (station, text) select id, 'about ' || code from station;
insert into written select id from reading;
END
q() { sql main app -c "$1"; }
fresh() { # a database as it was, and a state directory without a memory of another
    sql main postgres -c 'drop database if exists app with (force)' -c 'create database app template pattern' 2>/dev/null
    rm -rf "$XDG_STATE_HOME" "$T/safe"; mkdir -p "$XDG_STATE_HOME"
}
URL=$(url main app); export URL
names=(--confirm local --confirm-operational reading --confirm-operational note)
prune() { so prune local "${names[@]}" "$@"; }
# ids of readings in whole safepoints
saved() { local f; for f in $(find "$XDG_STATE_HOME" "$T/safe" -name '*.safepoint' 2>/dev/null); do
    "$SEEDOPS" restore --to-sql "$f" 2>/dev/null | awk '/^CREATE TEMP TABLE/ {mine = /"reading"/} /^COPY/ {on = mine; next} /^\\\./ {on = 0} on {print $1}'; done; }
lost() { comm -23 <(q 'select id from written' | sort -u) <({ q 'select id from reading'; saved; } | sort -u) | wc -l; }
# all of station b, or nothing of it; and nothing of a
state() { q "select case when (select count(*) from station) = 2 and (select count(*) from sensor) = 6 and (select station from note where text = 'about b') = 2 and (select count(*) from reading r join sensor s on s.id = r.sensor where s.station = 2) >= 1500 then 'before'
    when (select count(*) from station where code = 'b') = 0 and (select count(*) from sensor) = 3 and (select station from note where text = 'about b') is null then 'after' else 'half' end
    || case when (select count(*) from reading r join sensor s on s.id = r.sensor where s.station = 1) >= 1500 then '' else ' and a lost some' end"; }
whole() { # NAME WANTED-STATE-REGEX
    local name=$1
    like "$(state)" "^($2)\$" "$name: all or nothing"
    is "$(lost)" 0 "$name: no row is lost"
}
in_time() { timeout -s KILL 60 "$@"; }

# ---- killed at each step ----
points=$(sed -n 's/^    X([A-Z_]*, "\(prune-[a-z]*\)".*/\1/p' "$TOP/src/base/failpoint.h")
is "$(wc -w <<<"$points")" 10 "the table has the steps that are gone through here"
for point in $points; do
    fresh; writer_on 3000
    SEEDOPS_FAIL=$point:kill in_time "$SEEDOPS" prune local "${names[@]}" >"$T/out" 2>"$T/err"; rc=$?
    writer_off
    [ $rc = 137 ] || { [ $rc = 1 ] && grep -qE 'serialize|grew|not the ones' "$T/err"; } || not_ok "$point: the process was to die there ($rc: $(cat "$T/err"))"
    wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c \"select count(*) from pg_stat_activity where application_name = 'seedops'\")\" = 0 ]"
    [ "$point" = prune-done ] && whole "kill at $point" 'after|before' || whole "kill at $point" before
    [ "$(state)" = after ] && continue
    prune
    is "$rc $(state)" "0 after" "after a kill at $point it can be done" || note "$err"
    is "$(lost) $(find "$XDG_STATE_HOME" -name '*.partial' | wc -l)" "0 0" "and what the dead one left is removed"
done

# ---- each step fails ----
for point in $(grep -v prune-done <<<"$points"); do
    fresh
    SEEDOPS_FAIL=$point:error prune
    is "$rc $(state) $(find "$XDG_STATE_HOME" -name '*safepoint*' -type f | wc -l)" "1 before 0" "$point fails: nothing went, no safepoint stays"
done
# ---- a reset is killed at each step: every row is as it was, or all are gone and the fixture's one is there ----
reset_state() { q "select case when (select count(*) from station) = 1 and (select count(*) from sensor) = 0 and (select count(*) from note where station is null) = 2 then 'reset' else '' end"; }
points=$(sed -n 's/^    X([A-Z_]*, "\(prune-[a-z]*\|reset-[a-z]*\)".*/\1/p' "$TOP/src/base/failpoint.h")
is "$(wc -w <<<"$points")" 11 "a reset has one step more"
for point in $points; do
    fresh; writer_on 3000
    SEEDOPS_FAIL=$point:kill in_time "$SEEDOPS" reset local "${names[@]}" >"$T/out" 2>"$T/err"; rc=$?
    writer_off
    [ $rc = 137 ] || { [ $rc = 1 ] && grep -qE 'serialize|grew|not the ones' "$T/err"; } || not_ok "reset, $point: the process was to die there ($rc: $(cat "$T/err"))"
    wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c \"select count(*) from pg_stat_activity where application_name = 'seedops'\")\" = 0 ]"
    if [ "$point" = prune-done ] && [ "$(reset_state)" = reset ]; then ok "a reset killed at $point is done"; else is "$(state)" before "a reset killed at $point changed nothing"; fi
    is "$(lost)" 0 "reset, $point: no row is lost"
    case $point in prune-safe | reset-seeded | prune-commit)
        so reset local "${names[@]}"
        is "$rc $(reset_state) $(lost)" "0 reset 0" "after a kill at $point it can be done" || note "$err" ;;
    esac
done

# ---- the server is killed; the connection is cut ----
paused() { # POINT ARGS...: starts a prune (or $action) that stops there
    local point=$1; shift
    SEEDOPS_FAIL=$point:pause "$SEEDOPS" "${action:-prune}" local "${names[@]}" "$@" >"$T/out" 2>"$T/err" & pid=$!
    wait_for 20 grep -q '^State:.T' "/proc/$pid/status"
}
go_on() { kill -CONT "$pid"; wait "$pid"; rc=$?; out=$(cat "$T/out"); err=$(cat "$T/err"); }
# where it begins anew, and comes to the same point again
go_on_always() { while kill -CONT "$pid" 2>/dev/null; do read -rt 0.05 <> <(:) || :; done; go_on 2>/dev/null; }
for point in prune-saving prune-safe prune-commit; do
    fresh; paused "$point"
    cluster_stop main immediate; cluster_start main >/dev/null
    go_on
    is "$rc" 1 "the server is killed at $point: it fails"
    whole "server killed at $point" before
    fresh; paused "$point"
    q "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'seedops'" >/dev/null
    go_on
    is "$rc" 1 "the connection is cut at $point: it fails"
    whole "cut at $point" before
done
port=$(free_port)
for when in before after; do
    fresh
    python3 "$here/drop_at_commit.py" "$port" "$T/main/.s.PGSQL.5432" "$when" & dropper=$!; helpers+=("$dropper")
    wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
    URL="postgresql://postgres@127.0.0.1:$port/app" ALLOW_PROD_SEED=1 in_time "$SEEDOPS" prune local "${names[@]}" >"$T/out" 2>"$T/err"; rc=$?
    kill "$dropper"; wait "$dropper" 2>/dev/null
    if [ $when = before ]; then
        is "$rc" 1 "the COMMIT is lost on its way: it fails" || note "$(cat "$T/err")"
        like "$(cat "$T/err")" 'was rolled back' "and it found out that nothing was done"
        whole "COMMIT lost" before
    else
        is "$rc" 0 "the COMMIT's answer is lost: it found out that all was done" || note "$(cat "$T/err")"
        whole "answer lost" after
    fi
done

# ---- no room for the safepoint ----
fresh; mkdir -p "$T/safe"
if mount -t tmpfs -o size=64k tmpfs "$T/safe" 2>/dev/null; then
    prune --safepoint-dir "$T/safe"
    is "$rc" 1 "a full disk: it fails"
    whole "full disk" before
    umount "$T/safe"
fi
fresh
(trap '' XFSZ; ulimit -f 12; exec "$SEEDOPS" prune local "${names[@]}" >"$T/out" 2>"$T/err"); rc=$?
is "$rc" 1 "no more room while it is written: it fails"
whole "no more room" before
is "$(find "$XDG_STATE_HOME" -name '*safepoint*' -type f | wc -l)" 0 "and leaves no half safepoint"
fresh
prune --safepoint-dir /proc/nowhere
is "$rc" 1 "a directory that cannot be made: it fails"
whole "no directory" before

# ---- somebody adds a row between plan and delete ----
fresh; paused prune-planned
q 'with n as (insert into reading (sensor, value) select id, 7 from sensor where station = 2 limit 1 returning id) insert into written select id from n'
go_on
is "$rc $(state) $(lost)" "0 after 0" "a reading more: it goes, too, and is saved" || note "$err"
fresh; paused prune-planned
q "insert into sensor (station, code) values (2, 'new')"
go_on
is "$rc" 1 "a row of a context table more: back to the plan" || note "$err"
like "$err" 'not the ones that were planned' "and it says so"
fresh; paused prune-planned
q 'with n as (insert into reading (sensor, value) select s.id, 7 from sensor s, generate_series(1, 400) where station = 2 returning id) insert into written select id from n'
go_on
is "$rc" 1 "a tenth more readings: back to the plan" || note "$err"
like "$err" 'grew by more than 10 %' "and it says so"
whole "growing" before
fresh; paused prune-planned
q "insert into note (station, text) select 2, 'more' from generate_series(1, 5)"
go_on
is "$rc $(q 'select count(*) from note where station = 2')" "1 6" "many more notes that would lose their station: back to the plan" || note "$err"
like "$err" 'note has 6 rows that would go or change, 1 were confirmed' "and it says so"
fresh
q "create table shadow (id int); insert into shadow values (1);
   create function take() returns trigger language plpgsql as 'begin delete from shadow; return null; end';
   create trigger taker after delete on sensor execute function take(); alter database app set track_counts = off"
prune
is "$rc $(q 'select count(*) from shadow')" "5 1" "without counters a trigger's own deletes are unseen: refused" || note "$err"
like "$err" 'trigger taker of sensor' "and it names the trigger"
q 'drop trigger taker on sensor'
prune
is "$rc" 0 "without a trigger the rows themselves tell" || note "$err"
fresh; paused prune-safe
q 'with n as (insert into reading (sensor, value) select id, 7 from sensor where station = 1 limit 1 returning id) insert into written select id from n'
("$PSQL" -XAtq -h "$T/main" -U postgres -d app -c "set lock_timeout = '200ms'; insert into reading (sensor, value) select id, 7 from sensor where station = 2 limit 1" 2>&1 | grep -q 'lock timeout') && ok "a child of a row that goes is kept out by its lock" || not_ok "a child of a row that goes is kept out by its lock"
go_on
is "$rc" 0 "and the prune goes on" || note "$err"

# ---- somebody changes, removes a row that is saved and not yet deleted: its lock comes with the next attempt ----
fresh; reading=$(q 'select min(r.id) from reading r join sensor s on s.id = r.sensor where s.station = 2')
paused prune-safe
q "update reading set value = 4711 where id = $reading"
go_on_always
is "$rc $(state) $(lost)" "0 after 0" "a reading changed after it was saved: all begins anew" || note "$err"
like "$err" 'beginning anew' "and it says so"
safe=$(find "$XDG_STATE_HOME" -name '*.safepoint'); is "$(grep -c . <<<"$safe")" 1 "of the first attempt's safepoint nothing is left"
like "$("$SEEDOPS" restore --to-sql "$safe")" "^$reading	[0-9]+	4711\$" "what is saved is what was deleted"
fresh; paused prune-safe
q "delete from reading where id = $reading; delete from written where id = $reading"
go_on_always
is "$rc $(state) $(lost)" "0 after 0" "a reading removed after it was saved: all begins anew" || note "$err"
fresh; q 'alter table reading disable trigger all; delete from sensor where station = 2; alter table reading enable trigger all'
prune
is "$rc" 0 "readings whose sensor is gone already are nobody's to take" || note "$err"

# ---- converge: what it would write is confirmed, too ----
fresh; action=converge; printf 'table: station\nkey: [code]\nprune: true\nrows:\n  - {code: a, name: fixed}\n' >seeds/station.yaml
paused prune-planned
q "update station set name = 'somebody else''s' where code = 'a'"
go_on
is "$rc $(q "select name from station where code = 'a'")" "1 somebody else's" "a value that it would overwrite is another one by now: back to the plan" || note "$err"
like "$err" 'go or be written are not the ones that were planned' "and it says so"
is "$(grep -c '^plan ' <<<"$out")" 2 "and shows the new plan" || note "$out"
whole "converge" before
paused prune-planned; go_on
is "$rc $(q "select string_agg(code || name, ' ') from station")" "0 afixed" "confirmed as it is now it is done" || note "$err"
unset action; printf 'table: station\nkey: [code]\nprune: true\nrows:\n  - {code: a}\n' >seeds/station.yaml

# ---- a table of the application's with a fixture: another row comes to the place of one that was to go ----
createdb_in main own; mkdir -p "$T/own/seeds"; cd "$T/own" || exit 1
printf 'tables: {item: {class: operational}}\nenvironments:\n  local: {url: "${URL}"}\n' >seedops.yaml
printf 'table: item\nkey: [code]\nprune: true\nrows:\n  - {code: a}\n' >seeds/item.yaml
URL=$(url main own); names=(--confirm local --confirm-operational item)
own() { sql main own -c "$1"; }
own 'create table item (code text primary key)'; own "insert into item values ('a'), ('b')"
place=$(own "select ctid from item where code = 'b'")
paused prune-planned
own "delete from item where code = 'b'"; own 'vacuum item'; own "insert into item values ('c')"
is "$(own "select ctid from item where code = 'c'")" "$place" "another row is in the same place"
go_on
is "$rc $(own 'select string_agg(code, chr(32) order by code) from item')" "1 a c" "and stays" || note "$err"
prune
is "$rc $(own 'select string_agg(code, chr(32)) from item')" "0 a" "until it is planned itself" || note "$err"
finish
