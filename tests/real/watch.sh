# watch under a fault script: stopped, started, emptied by DELETE and by TRUNCATE, migrated and failed by hand, its connection
# cut, restarted between two looks, hung, killed, made anew under the same path; and the watch itself killed and started
# again. Every event is told once and none is missed; what deleted rows are read back from is there after many looks; a
# look is one round trip. FULL=1: the script again and again for ten minutes, memory sampled throughout.
. "$(dirname "$0")/../lib.sh"
cp -r "$TOP/migrations" "$TOP/seeds" "$TOP/seedops.yaml" "$T/"; cd "$T" || exit 1
cluster() { cluster_start c 'shared_preload_libraries=pg_stat_statements' 'track_io_timing=on' "$@"; }
cluster || exit 1
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url c station)
db() { sql c station "$@"; }
make_database() { sql c postgres -c 'CREATE DATABASE station'; }
fill() { so migrate local; so seed local; [ "$rc" = 0 ] || note "$err"; }
make_database; fill
db -c 'CREATE EXTENSION pageinspect' -c 'CREATE EXTENSION pg_stat_statements'
tables='"Catchment", "Station", "Sensor", "Threshold", "Glacier", "StationGlacier", "Withdrawal"'

# ---- a watch, and what it tells
log=$T/log events=$T/events; : >"$log"; : >"$events"; mkdir "$T/heard"
# A binary without sanitizers has memory that says something; the other one finds more.
bin=$SEEDOPS; [ -n "${FULL:-}" ] && [ -x "${SEEDOPS_PLAIN:-}" ] && bin=$SEEDOPS_PLAIN
watch_start() { "$bin" watch local --interval "${interval:-0.2}" --exec "cat >>'$events'" "$@" >>"$log" 2>"$T/watch.err" & watch=$!; backgrounds+=("$watch"); }
begun() { grep -c '"watching local' "$log"; }
begun_after() { [ "$(begun)" -gt "$1" ]; }
looking() { wait_for 60 begun_after "${1:-0}"; }
told() { grep '"event":' "$log" | grep '"eventId"' | jq -r .event; }
heard() { jq -r .event "$events" 2>/dev/null; }
want=()
# after STEP EVENT...: the events that follow, all of them, in this order
after() {
    local step=$1; shift; want+=("$@")
    wait_for 90 test_told || :
    local got; got=$(told | tail -n +$((${#want[@]} - $# + 1)) | tr '\n' ' ')
    is "$got" "$(printf '%s ' "$@")" "$step: $*"
    [ "$got" = "$(printf '%s ' "$@")" ] || mapfile -t want < <(told)   # one failure is not waited for again and again
}
test_told() { [ "$(told | wc -l)" -ge ${#want[@]} ]; }
newest() { tail -n 1 "$events" | jq -r "$1"; }
looked() { db -c "SELECT calls FROM pg_stat_statements WHERE query LIKE 'SELECT d.oid, d.datname, pg_is_in_recovery()%pg_postmaster_start_time%'" | head -n 1; }
many_looks() { local from; from=$(looked); wait_for 60 more_than "$from" "${1:-10}"; }
more_than() { local n; n=$(looked); [ "${n:-0}" -ge $((${1:-0} + $2)) ]; }
readable() { local t; for t in Station Sensor Threshold; do db -c "SELECT count(*) FROM generate_series(0, pg_relation_size('\"$t\"') / 8192 - 1) g, heap_page_items(get_raw_page('\"$t\"', g::int)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; done | tr '\n' ' '; }
pause() { kill -STOP "$watch"; wait_for 10 grep -q 'State:.*T' "/proc/$watch/status"; }
goes_on() { kill -CONT "$watch"; }
anon() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
server_pids() { local p; p=$(head -n 1 "$T/c/data/postmaster.pid"); echo "$p $(pgrep -P "$p" | tr '\n' ' ')"; }
watch_start; looking
is "$(told | wc -l)" 0 "all is well: nothing to tell"
like "$(cat "$log")" 'watching local every 0.2 s: 7 tables, 12 migrations, all well' "but what is watched"

# ---- the faults
faults() {
    local before n pids
    cluster_stop c; after "stopped" unreachable
    cluster_start c; after "started" reachable
    db -c "BEGIN; DELETE FROM \"StationGlacier\"; DELETE FROM \"Withdrawal\"; DELETE FROM \"Threshold\"; DELETE FROM \"Sensor\"; DELETE FROM \"Station\"; DELETE FROM \"Glacier\"; DELETE FROM \"Catchment\"; COMMIT"
    before=$(readable)
    after "emptied by DELETE" below-floor
    is "$(newest '[.tables[] | select(.held) | .table] | length')" 7 "all seven tables in one event"
    is "$(newest .diagnosis.verdict)" deleted "with the diagnosis of that moment"
    many_looks 20
    is "$(readable)" "$before" "after twenty more looks every deleted row is still readable ($before)"
    so seed local; after "seeded" floor-restored
    db -c 'SET client_min_messages = warning' -c "TRUNCATE $tables CASCADE"; after "emptied by TRUNCATE" below-floor
    is "$(newest .diagnosis.verdict)" truncated "and diagnosed as that"
    so seed local; after "seeded again" floor-restored
    n=$RANDOM$RANDOM
    db -c "INSERT INTO _prisma_migrations (id, migration_name, checksum, started_at, finished_at, applied_steps_count) VALUES ('a$n', '2026$n', 'x', now(), now(), 1)"
    after "a migration of another release" migration-applied
    is "$(newest '.migrations[0].name')" "2026$n" "which is named"
    db -c "INSERT INTO _prisma_migrations (id, migration_name, checksum, started_at, applied_steps_count, logs) VALUES ('b$n', '2027$n', 'x', now(), 0, 'syntax error')"
    after "one that failed" migration-failed
    db -c "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'b$n'"; after "and was resolved" migration-resolved
    n=20260420184112_add_withdrawals
    db -c "UPDATE _prisma_migrations SET checksum = reverse(checksum) WHERE migration_name = '$n'"
    after "a checksum that changed" migration-modified
    db -c "UPDATE _prisma_migrations SET checksum = reverse(checksum) WHERE migration_name = '$n'"
    after "and changed back" migration-mended
    db -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seedops'" >/dev/null
    after "its connection cut" reconnected
    pause; cluster_stop c; cluster_start c; goes_on; after "restarted between two looks" restarted
    db -c "BEGIN; DELETE FROM \"Withdrawal\"; ROLLBACK"; many_looks 10     # told by the counters, but not true
    pids=$(server_pids)
    # shellcheck disable=SC2086
    kill -STOP $pids; after "hung" unreachable
    # shellcheck disable=SC2086
    kill -CONT $pids; after "going on" reachable
    # shellcheck disable=SC2086
    kill -STOP $(pgrep -P "${pids%% *}"); kill -9 $(server_pids); after "killed in the middle of a look" unreachable
    wait_for 20 bash -c "! pgrep -f -- '-D $T/c/data' >/dev/null"; rm -f "$T/c/data/postmaster.pid"
    cluster_start c; after "back after a crash" reachable     # and no table below its floor: the counters began anew
    many_looks 10
    kill -9 "$watch"; wait "$watch" 2>/dev/null
    db -c 'DELETE FROM "Withdrawal"'
    n=$(begun); watch_start; looking "$n"
    after "what happened while the watch was killed" below-floor
    is "$(newest '[.tables[].table] | join(" ")')" Withdrawal "no more than that"
    wait_for 30 grep -q '"lacking":true' "$T"/state/seedops/watch/*.json
    kill -9 "$watch"; wait "$watch" 2>/dev/null
    n=$(begun); watch_start; looking "$n"; many_looks 5     # nothing is told again
    so seed local; after "seeded once more" floor-restored
}
faults
db -c "DELETE FROM _prisma_migrations WHERE migration_name LIKE '2026%' AND length(migration_name) < 16"; after "a row gone from the ledger" migration-forgotten

# ---- ten minutes of it
if [ -n "${FULL:-}" ]; then
    first=$(anon "$watch") most=0
    until [ $SECONDS -ge 600 ]; do
        faults
        db -c "DELETE FROM _prisma_migrations WHERE migration_name LIKE '2026%' AND length(migration_name) < 16"; after "again" migration-forgotten
        now=$(anon "$watch"); [ "$now" -gt $most ] && most=$now
    done
    note "RssAnon $first kB after the first round, at most $most kB later"
    [ "$bin" != "${SEEDOPS_PLAIN:-}" ] || check "memory is flat" [ "$most" -le $((first + 512)) ]
fi

# ---- made anew under the same path
cluster_stop c; after "stopped for good" unreachable
rm -rf "$T/c/data"; cluster 'log_statement=none'; make_database
after "another cluster answers" reachable identity-changed
run "$SEEDOPS" envs --accept local --confirm local
is "$rc" 0 "the operator accepts it"
after "accepted" identity-restored below-floor migration-forgotten
pause; fill; goes_on; after "migrated and seeded" floor-restored migration-applied
kill -TERM "$watch"; wait "$watch"; is "$?" 0 "SIGTERM ends it cleanly: exit 0"
is "$(tail -n 1 "$log" | jq -r .exitCode)" 0 "and says so"

# ---- none missed, none twice
is "$(told | tr '\n' ' ')" "$(printf '%s ' "${want[@]}")" "every event was told once, in order (${#want[@]})"
is "$(heard | tr '\n' ' ')" "$(printf '%s ' "${want[@]}")" "and reached the command"
is "$(jq -r .id "$events" | sort | uniq -d)" "" "each with an id of its own"
check "every event fits its schema" python3 "$TOP/tests/schema.py" "$TOP/schemas/watch-event.schema.json" "$events"
check "every line fits the schema" python3 "$TOP/tests/schema.py" "$TOP/schemas/log-line.schema.json" "$log"
is "$(cat "$T/watch.err")" "" "nothing went to stderr"
check "its sessions are whole" "$SEEDOPS" sessions --verify

# ---- one round trip a look, by both ends' count
createdb_in c quiet; LOCAL_DATABASE_URL=$(url c quiet); fill; db() { sql c quiet "$@"; }
db -c 'CREATE EXTENSION pg_stat_statements' -c "SELECT pg_stat_statements_reset()" >/dev/null
run "$SEEDOPS" watch local --interval 0.1 --timeout 4000 --json
is "$rc $(jq -r .well <<<"$out") $(jq -r .events <<<"$out")" "0 true 0" "four seconds of nothing"
is "$(jq -r '.round_trips - .looks <= 3 and .looks >= 10 and .settlings == 1' <<<"$out")" true "a look is one round trip ($(jq -c . <<<"$out"))"
looks=$(jq -r .looks <<<"$out")
# the first look settles: its glance rides along with it
is "$(db -c "SELECT string_agg(DISTINCT calls::text, ' ') FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'quiet') AND query LIKE ANY (ARRAY['SELECT d.oid, d.datname, pg_is_in_recovery()%postmaster%', 'WITH RECURSIVE named AS%', 'select pg_catalog.count(*), coalesce(pg_catalog.sum(%'])")" "$looks" "and by the server's count $looks of each question"
is "$(db -c "SELECT count(*) FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'quiet') AND calls BETWEEN 4 AND $((looks - 1)) AND query !~* 'pg_stat_statements'")" 0 "and asks nothing else"
is "$(db -c "SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_user_tables WHERE relname IN ('Measurement', 'Withdrawal')" -c "SELECT pg_stat_reset()" >"$T/scans"; "$SEEDOPS" watch local --interval 0.1 --timeout 2000 >/dev/null; db -c "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) FROM pg_stat_user_tables WHERE relname <> '_prisma_migrations'")" 0 "no table is scanned but the ledger"

# ---- memory, of a binary without sanitizers: the same after fifty looks more
if [ -x "${SEEDOPS_PLAIN:-}" ]; then
    "$SEEDOPS_PLAIN" watch local --interval 0.1 >"$T/flat" 2>&1 & flat=$!; backgrounds+=("$flat")
    from=$(looked); wait_for 60 more_than "$from" 20; first=$(anon "$flat") most=0
    for _ in 1 2 3 4 5; do from=$(looked); wait_for 60 more_than "$from" 10; now=$(anon "$flat"); [ "$now" -le $most ] || most=$now; done
    check "memory is flat: $first kB, at most $most kB later" [ "$most" -le $((first + 256)) ]
    kill "$flat"; wait "$flat"
else echo "# SKIP part: no binary without sanitizers (SEEDOPS_PLAIN)"; fi

# ---- through a transaction pooler: each question is a transaction of its own, and others are left alone
if PATH=$PATH:/usr/sbin command -v pgbouncer >/dev/null; then
    pgbouncer_start p c transaction default_pool_size=1 || exit 1
    (LOCAL_DATABASE_URL="postgresql://postgres@/quiet?host=$T/p&port=5432&pgbouncer=true" exec "$SEEDOPS" watch local --interval 0.1 >"$T/pooled" 2>&1) & pooled=$!; backgrounds+=("$pooled")
    wait_for 30 grep -q 'watching local' "$T/pooled"
    db -c 'CREATE TABLE other (i int)'
    other() { "$PSQL" -XAtq -v ON_ERROR_STOP=1 -h "$T/p" -U postgres -d quiet -c "SET statement_timeout = '77s'; INSERT INTO other VALUES (1); SHOW statement_timeout"; }
    for _ in 1 2 3 4 5; do other; done >"$T/other" 2>&1
    is "$(sort -u "$T/other")" "77s" "another client of the same server process writes, under its own settings"
    db -c 'DELETE FROM "Withdrawal"'
    check "and the watch sees what is lost" wait_for 30 grep -q below-floor "$T/pooled"
    kill "$pooled"; wait "$pooled"
    so seed local
fi

# ---- the way in is cut, and there again
if command -v socat >/dev/null; then
    way_port=$(free_port)
    way_open() { socat "TCP-LISTEN:$way_port,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$T/c/.s.PGSQL.5432" & way=$!; backgrounds+=("$way"); }
    way_cut() { local ends; mapfile -t ends < <(pgrep -P "$way"); kill "$@" "${ends[@]}"; }
    way_open
    (LOCAL_DATABASE_URL="postgresql://postgres@127.0.0.1:$way_port/quiet" exec "$SEEDOPS" watch local --interval 0.2 >"$T/way" 2>&1) & through=$!; backgrounds+=("$through")
    wait_for 30 grep -q 'watching local' "$T/way"
    way_cut; check "a connection that is cut is made again" wait_for 30 grep -q '"reconnected"' "$T/way"
    way_cut "$way"; wait "$way" 2>/dev/null; check "the way in is gone" wait_for 30 grep -q '"unreachable"' "$T/way"
    way_open; check "and there again" wait_for 60 grep -q '"reachable"' "$T/way"
    kill "$through"; wait "$through"
    # the seed above is told first, where the pooled watch had told what was lost
    is "$(jq -r 'select(.eventId and .event != "floor-restored") | .event' "$T/way" | tr '\n' ' ')" "reconnected unreachable reachable " "each is told once"
fi

# ---- how it ends
run "$SEEDOPS" watch local --until-bad --timeout 500 --interval 0.1; is "$rc" 0 "--until-bad --timeout: well all the time, exit 0"
db -c 'DELETE FROM "Withdrawal"'
wait_for 20 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/c' -U postgres -d quiet -c \"SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relname = 'Withdrawal'\")\" = t ]"
run "$SEEDOPS" watch local --until-bad --exec "cat >'$T/last'"; is "$rc" 4 "--until-bad, rows missing: exit 4"
is "$(jq -r .event "$T/last")" below-floor "and the command has run before it ended"
so seed local
db -c "INSERT INTO _prisma_migrations (id, migration_name, checksum, started_at, applied_steps_count) VALUES ('z', '2029_z', 'x', now(), 0)"
run "$SEEDOPS" watch local --until-bad; is "$rc" 3 "--until-bad, a failed migration: exit 3"
db -c "DELETE FROM _prisma_migrations WHERE id = 'z'"
LOCAL_DATABASE_URL="postgresql://postgres:s3cr3t-canary@127.0.0.1:1/x" run "$SEEDOPS" watch local --until-bad; is "$rc" 2 "--until-bad, nobody there: exit 2"
unlike "$out$err" s3cr3t-canary "without the password"
run "$SEEDOPS" watch local --interval soon; is "$rc" 64 "--interval soon is a mistake"
run "$SEEDOPS" watch nowhere; is "$rc" 64 "so is an environment that is not declared"
# a second one beside the first
: >"$log"; interval=0.1; watch_start; looking
run "$SEEDOPS" watch local --interval 0.1 --timeout 1000
like "$out" 'another watch of local is running' "a second watch says that it remembers nothing"
# a command that fails is said; one that hangs does not keep the watch from ending
kill -TERM "$watch"; wait "$watch"; : >"$log"
db -c 'DELETE FROM "Withdrawal"'
"$SEEDOPS" watch local --interval 0.2 --exec 'echo no such hook >&2; exit 9' >"$log" 2>&1 & watch=$!; backgrounds+=("$watch")
check "a command that fails is told" wait_for 30 grep -q 'no such hook' "$log"
kill -INT "$watch"; wait "$watch"; is "$?" 0 "SIGINT ends it as well"
so seed local
"$SEEDOPS" watch local --interval 0.2 --exec "echo started >'$T/hangs'; exec tail -f /dev/null" >"$log" 2>&1 & watch=$!; backgrounds+=("$watch")
check "a command that hangs" wait_for 30 test -s "$T/hangs"
kill -TERM "$watch"; wait "$watch"; is "$?" 0 "is ended with the watch"
like "$(cat "$log")" 'not passed on' "which says what did not go out"
# on a terminal: text, and the bell
is "$(db -c 'DELETE FROM "Withdrawal"'; many_looks 0; script -qec "$SEEDOPS watch local --until-bad" /dev/null </dev/null | grep -c $'\a')" 1 "a terminal is rung"

# ---- clocks
fake=$(dpkg -L libfaketime 2>/dev/null | grep 'libfaketimeMT.so.1$'); asan=$(gcc -print-file-name=libasan.so 2>/dev/null)
nm -D "$SEEDOPS" 2>/dev/null | grep -q __asan_init || asan=
if [ -n "$fake" ]; then
    so seed local; echo '+0' >"$T/offset"; : >"$log"
    LD_PRELOAD="$asan $fake" FAKETIME_TIMESTAMP_FILE=$T/offset FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 "$SEEDOPS" watch local --interval 0.1 >"$log" 2>&1 & watch=$!; backgrounds+=("$watch")
    looking; echo '+3600' >"$T/offset"
    check "the clock set forward is told" wait_for 30 grep -q '"clock-jumped"' "$log"
    like "$(cat "$log")" 'set forward by (60 min|3[56][0-9][0-9] s)' "with by how much"
    from=$(looked); wait_for 30 more_than "$from" 10
    is "$(grep -c '"clock-jumped"' "$log")" 1 "once"
    unlike "$(cat "$log")" '"(unreachable|below-floor)"' "and nothing else"
    kill -TERM "$watch"; wait "$watch"
else echo "# SKIP part: no libfaketime here"; fi
finish
