# Several runs at once, CREATE INDEX CONCURRENTLY under the lock, blockers, lock time-outs, cancels, lost connections.
# shellcheck shell=bash
. "${TOP:-$(dirname "$0")/../..}/tests/lib-numbered.sh"

true_in() { [ "$(q "$1")" = t ]; }
# session NAME SQL...: a psql of that application name in the background, its transaction open until its pid is killed
session() { local name=$1; shift; PGAPPNAME=$name "$PGBIN/psql" -XAtq -h "$T/a" -U postgres -d "$db" "${@/#/-c}" -c 'select pg_sleep(300)' >/dev/null 2>&1 & }
end_session() { q "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '$1'" >/dev/null; }
active() { true_in "select count(*) > 0 from pg_stat_activity where query like '$1' and pid <> pg_backend_pid() and state = 'active' and datname = current_database()"; }

project five
for i in 1 2 3 4 5 6; do put "${i}_t.up.sql" "create table t$i (x int); select pg_sleep(0.1);"; done
pids=()
for i in 1 2 3 4 5; do "$SEEDOPS" migrate >"$T/log.five.$i" 2>&1 & pids+=($!); done
codes=''; for p in "${pids[@]}"; do wait "$p"; codes+=$?; done
is "$codes" 00000 "five runs at once all exit 0"
is "$(cat "$T"/log.five.? | grep -c '^seedops: applied')" 6 "each migration was applied once"
is "$(cat "$T"/log.five.? | grep -c 'nothing to do')" 4 "by one of them; the others had nothing left"
like "$(cat "$T"/log.five.?)" 'another run holds the migration lock: pid [0-9]+' "and said for whom they waited"
is "$(q 'select count(*) from schema_migrations')" 6 "with a row each"

project concurrently
put 1_t.up.sql 'create table t as select generate_series(1, 1000) as a;'
so migrate
put 2_i.up.sql 'create index concurrently t_a on t (a);'
session old "begin isolation level repeatable read; select count(*) from t"
wait_for 5 active 'select pg_sleep%'
"$SEEDOPS" migrate >"$T/log.first" 2>&1 & first=$!
wait_for 10 active 'create index concurrently%' || not_ok "the index is being built"
"$SEEDOPS" migrate >"$T/log.second" 2>&1 & second=$!
wait_for 10 grep -q 'another run holds' "$T/log.second"; is $? 0 "a second run waits for the lock while an index is built concurrently"
wait_for 10 grep -q 'waiting for a lock held by pid' "$T/log.first"; is $? 0 "who blocks the build is shown"
like "$(cat "$T/log.first")" 'held by pid [0-9]+ postgres@local "old" active 00:00:[0-9]+: select pg_sleep' "with application, age and query"
end_session old
wait $first; is $? 0 "the build ends: no deadlock with the one that waits"
wait $second; is $? 0 "and the second run has nothing to do"
true_in "select indisvalid from pg_index where indexrelid = 't_a'::regclass"; is $? 0 "the index is valid"

project others
put 1_t.up.sql 'create table t as select generate_series(1, 10) as a; create table u as select 1 as a;'
so migrate
put 2_i.up.sql 'create index concurrently on t (a);'
session old "begin isolation level repeatable read; select count(*) from t"
wait_for 5 active 'select pg_sleep%'
"$SEEDOPS" migrate >"$T/log.others" 2>&1 & ours=$!
wait_for 10 active 'create index concurrently on t%' || not_ok "our index is being built"
PGAPPNAME=builder "$PGBIN/psql" -XAtq -h "$T/a" -U postgres -d others -c 'create index concurrently u_a on u (a)' >/dev/null 2>&1 & builder=$!
wait_for 10 true_in "select count(*) = 1 from pg_stat_progress_create_index where index_relid = to_regclass('u_a')" || not_ok "another one is being built"
kill -INT $ours; wait $ours
is "$(q "select coalesce(obj_description('u_a'::regclass), 'no comment'), obj_description('t_a_idx'::regclass)")" \
    'no comment|seedops: left invalid by 2_i.up.sql' "only what we left invalid is marked as ours, not what another session builds"
unlike "$(cat "$T/log.others")" u_a "nor is its DROP advised"
end_session old
wait $builder
true_in "select indisvalid from pg_index where indexrelid = 'u_a'::regclass"; is $? 0 "its builder ends well"

project retry
put 1_t.up.sql 'create table t (a int);'
so migrate
session api "begin; select * from t"
wait_for 5 active 'select pg_sleep%'
q 'create table seen (x int)'
put 2_b.up.sql 'alter table t add b int;'
"$SEEDOPS" migrate >"$T/log.retry" 2>&1 & run=$!
wait_for 15 grep -q 'trying again' "$T/log.retry"; is $? 0 "a lock that cannot be had in time is tried again"
like "$(cat "$T/log.retry")" 'held by pid [0-9]+ postgres@local "api"' "the holder is named meanwhile"
timeout 8 "$PGBIN/psql" -XAtq -h "$T/a" -U postgres -d retry -c 'select count(*) from t' >/dev/null; is $? 0 "between tries the table is free for others"
end_session api
wait $run; is $? 0 "and succeeds when it is free"
session api "begin; select * from t"
wait_for 5 active 'select pg_sleep%'
put 3_c.up.sql 'alter table t add c int;'
so migrate --timeout 4000; is "$rc" 3 "in the end it gives up"
like "$err" '3_c.up.sql failed: canceling statement due to lock timeout' "with the server's words"
like "$err" '3_c.up.sql:1' "the place"
like "$err" 'nothing of it was kept' "and says what is left"
is "$(state_of 3_c.up.sql)" pending "it is pending"
end_session api; so migrate; is "$rc" 0 "a later run applies it"

project cancel
put 1_t.up.sql 'create table t as select generate_series(1, 1000) as a; '
so migrate
put 2_slow.up.sql 'create table slow (x int); select pg_sleep(300);'
"$SEEDOPS" migrate >"$T/log.cancel" 2>&1 & run=$!
wait_for 10 active '%pg_sleep(300)%'
kill -INT $run; wait $run; is $? 130 "a cancelled migration exits 130"
like "$(cat "$T/log.cancel")" '2_slow.up.sql was cancelled' "and says so"
is "$(state_of 2_slow.up.sql)" pending "nothing of it is left"
true_in "select count(*) = 0 from pg_locks where locktype = 'advisory'"; is $? 0 "the lock is free"
rm migrations/2_slow.up.sql
put 2_i.up.sql 'create index concurrently t_a on t (a);'
session old "begin isolation level repeatable read; select count(*) from t"
wait_for 5 active 'select pg_sleep%'
"$SEEDOPS" migrate >"$T/log.cancel" 2>&1 & run=$!
wait_for 10 true_in "select count(*) > 0 from pg_index where not indisvalid"
kill -TERM $run; wait $run; is $? 130 "a cancelled concurrent build exits 130"
like "$(cat "$T/log.cancel")" 'DROP INDEX CONCURRENTLY "public"."t_a"' "the invalid index is named with its DROP"
is "$(state_of 2_i.up.sql)" failed "the migration stays failed"
end_session old
so migrate resolve 2_i.up.sql --rolled-back; is "$rc" 0 "resolved"
so migrate; is "$rc" 0 "the retry drops what we left and builds it"
like "$err" 'dropping the invalid index public.t_a' "and says so"
true_in "select indisvalid from pg_index where indexrelid = 't_a'::regclass"; is $? 0 "the index is valid now"
put 3_u.up.sql 'create unique index concurrently if not exists t_u on t (a);'
q 'insert into t values (1)'; q 'create unique index concurrently t_u on t (a)' 2>/dev/null
so migrate; is "$rc" 3 "an invalid index that we did not make is not accepted"
like "$err" 't_u" exists but is invalid' "it is named"
true_in "select count(*) = 1 from pg_index where indexrelid = 't_u'::regclass and not indisvalid"; is $? 0 "and not dropped"

project blocking_tool
put 1_t.up.sql 'create table t as select generate_series(1, 1000) as a;'
so migrate
put 2_i.up.sql 'create index concurrently t_a on t (a);'
session old "begin; insert into t values (0)"     # holds the build in its first phase
wait_for 5 active 'select pg_sleep%'
"$SEEDOPS" migrate >"$T/log.tool" 2>&1 & run=$!
wait_for 10 active 'create index concurrently%'
# another tool waits for the lock in a statement, and is not the one that the server ends
PGAPPNAME=tool "$PGBIN/psql" -XAtq -h "$T/a" -U postgres -d blocking_tool -c "set deadlock_timeout = '60s'" \
    -c "set statement_timeout = '5s'" -c "select pg_advisory_lock(hashtext('schema_migrations'))" >/dev/null 2>&1 &
wait_for 5 active 'select pg_advisory_lock%'
end_session old
wait $run; is $? 0 "a tool that waits for the lock in a statement does not stop a concurrent build for good"
like "$(cat "$T/log.tool")" 'deadlock detected.*trying again' "the server ended our build, which was tried again"
like "$(cat "$T/log.tool")" 'dropping the invalid index public.t_a' "without what it had left"
true_in "select indisvalid from pg_index where indexrelid = 't_a'::regclass"; is $? 0 "the index is valid"

project waiting
put 1_t.up.sql 'create table t (a int);'
session holder "select pg_advisory_lock(hashtext('schema_migrations'))"
wait_for 5 active 'select pg_sleep%'
"$SEEDOPS" migrate >"$T/log.waiting" 2>&1 & run=$!
wait_for 10 grep -q 'another run holds' "$T/log.waiting"
kill -INT $run; wait $run; is $? 130 "waiting for the migration lock can be cancelled"
true_in "select to_regclass('schema_migrations') is null"; is $? 0 "and nothing was made"
end_session holder

# ---- one message a migration ----
project trips
sql a postgres -c "alter database trips set log_statement = 'all'"
messages() { grep -c 'LOG:  statement: begin;reset all' "$T/a/server.log"; }
for i in $(seq 1 11); do put "${i}_t.up.sql" "create table t$i (x int); insert into t$i values (1);"; done
so migrate; is "$rc" 0 "eleven migrations"
is "$(messages)" 11 "take one message each, lock check, script, row and COMMIT together"
is "$(grep -c 'LOG:  statement: \(insert\|commit\|create table t\)' "$T/a/server.log")" 0 "and none beside them"

# ---- through a pooler ----
if command -v pgbouncer >/dev/null; then
    project pooled
    put 1_t.up.sql 'create table t (a int);'
    port=$(free_port); mkdir -p "$T/pool"; chmod 777 "$T/pool"
    cat >"$T/pool/conf" <<INI
[databases]
pooled = host=$T/a dbname=pooled user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir = $T/pool
auth_type = any
pool_mode = transaction
logfile = $T/pool/log
pidfile = $T/pool/pid
ignore_startup_parameters = extra_float_digits
INI
    as_server pgbouncer -q -d "$T/pool/conf"
    wait_for 5 test -S "$T/pool/.s.PGSQL.$port"
    DATABASE_URL="postgresql://postgres@127.0.0.1:$port/pooled?pgbouncer=true" so migrate
    is "$rc" 5 "migrating through a transaction pooler is refused"
    like "$err" 'transaction pooler' "with the reason"
    like "$err" 'direct_url|DIRECT_URL' "and the way out"
    true_in "select to_regclass('t') is null"; is $? 0 "nothing was changed"
    DIRECT_URL=$DATABASE_URL DATABASE_URL="postgresql://postgres@127.0.0.1:$port/pooled?pgbouncer=true" so migrate
    is "$rc" 0 "with DIRECT_URL the direct one is taken"
    kill "$(cat "$T/pool/pid")"
else
    note "SKIP no pgbouncer: migrating through a pooler was not tried"
fi

# ---- lost at COMMIT ----
project lost
q 'create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(300); return null; end $$'
put 1_t.up.sql 'create table t (a int); create constraint trigger c after insert on t deferrable initially deferred for each row execute function slow();'
so migrate
put 2_ins.up.sql 'insert into t values (1); -- the trigger runs at COMMIT'
"$SEEDOPS" migrate >"$T/log.lost" 2>&1 & run=$!
wait_for 10 true_in "select count(*) > 0 from pg_stat_activity where query like 'begin;%2_ins%' and wait_event = 'PgSleep'"
kill -9 "$(q "select pid from pg_stat_activity where wait_event = 'PgSleep'")"
wait $run; is $? 3 "the server killed while committing, before it had committed"
like "$(cat "$T/log.lost")" 'the connection was lost; 2_ins.up.sql was not applied' "it says which"
is "$(wait_for 20 q 'select 1'; q 'select count(*) from t')" 0 "and that is so"

project kept
put 1_t.up.sql 'create table t (a int);'
so migrate
sql a postgres -c "alter system set synchronous_standby_names = 'nobody'" -c 'alter database kept set synchronous_commit = local' -c 'select pg_reload_conf()' >/dev/null
put 2_ins.up.sql 'set local synchronous_commit = remote_write; insert into t values (1);'
put 3_more.up.sql 'create table more (x int);'
"$SEEDOPS" migrate >"$T/log.kept" 2>&1 & run=$!
wait_for 10 true_in "select count(*) > 0 from pg_stat_activity where wait_event = 'SyncRep'"
kill -9 "$(q "select pid from pg_stat_activity where wait_event = 'SyncRep'")"
wait $run; is $? 0 "the server killed after it had committed, before it could say so"
like "$(cat "$T/log.kept")" '2_ins.up.sql was committed before the connection was lost' "it says which"
like "$(cat "$T/log.kept")" 'applied 3_more.up.sql' "and goes on"
is "$(wait_for 20 q 'select 1'; q 'select count(*) from t')" 1 "and that is so"
finish
