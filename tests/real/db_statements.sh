# Statements and probes on a real server: probes fail alone, cancel is quick, a lost connection says what was lost.
. "$(dirname "$0")/../lib.sh"
DB=${BUILD:-$PWD}/tests/real/db_test
cluster_start c || exit 1
createdb_in c app
sql c app -c "CREATE TABLE t (i int PRIMARY KEY)" -c "CREATE TABLE u (i int)" -c "INSERT INTO t SELECT generate_series(1, 100)" -c "CREATE ROLE weak LOGIN"
db() { run "$DB" host="$T/c" dbname=app "$@"; }
pg() { db user=postgres "$@"; }
psql_as() { "$PGBIN/psql" -X -h "$T/c" -U postgres app "$@"; }
running() { [ "$(sql c app -c "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ '$1' AND pid <> pg_backend_pid()")" -ge 1 ]; }
gone() { ! running "$1"; }

# ---- probes
pg -- probes "SELECT count(*) FROM public.t" "SELECT 1/0" "SELECT pg_sleep(9)" "SELECT * FROM nothere" "SELECT 'last'"
is "$out" $'100\nfailed: division by zero\nfailed: timed out\nfailed: relation "nothere" does not exist\nlast\nok=2 trips=1' "five probes, each for itself, one round trip"
db user=weak -- probes "SELECT count(*) FROM public.t" "SELECT 1"
is "$out" $'failed: not permitted\n1\nok=1 trips=1' "a missing right fills its own cell"
pg -- probes "SELECT concat_ws(' ', current_setting('transaction_read_only'), current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('search_path'), current_setting('TimeZone'))"
like "$out" '^on 2s 300ms pg_catalog, pg_temp UTC$' "read-only, with time-outs, on no search path of anybody's"
pg -- joined "SELECT count(*) FROM public.t" "SELECT current_setting('transaction_read_only')" "SELECT 'third'"
is "$out" $'100\non\nthird\nok=3 trips=1' "probes in one transaction have their answers in one round trip"
pg -- joined "SELECT 'first'" "SELECT 1/0" "SELECT 'after'" "SELECT 2/0" "SELECT 'last'"
is "$out" $'first\nfailed: division by zero\nafter\nfailed: division by zero\nlast\nok=3 trips=2' "where one fails, those after it are asked again, each for itself"
pg -- joined 100 "SELECT 'x'" "SELECT repeat('x', 20000)"
is "$out" "ok=200 trips=1" "two hundred of them"
pg -- probes "INSERT INTO public.t VALUES (1000)" "SELECT 1"
like "$out" '^failed: cannot execute INSERT in a read-only transaction' "a probe cannot write"
pg -- reads "SELECT 1" "SELECT current_setting('transaction_read_only')" listen "SELECT txid_current_if_assigned()"
is "$rc $out" $'0 1\non\n(null)\ntrips=6' "a transaction that has only read ends without being waited for"
check "and none is left open" wait_for 5 gone 'txid_current_if'
mkfifo "$T/lock"
psql_as -qAt <"$T/lock" >"$T/lock.out" 2>&1 &
exec 9>"$T/lock"
echo "SET application_name = 'locker'; BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT pg_backend_pid();" >&9
wait_for 10 grep -q '[0-9]' "$T/lock.out"
locker=$(cat "$T/lock.out")
pg -- probes "SELECT count(*) FROM public.u" "SELECT count(*) FROM public.t" "SELECT pg_relation_size('public.t'), 'size'" "SELECT 'last'"
is "$out" "0
failed: locked by pid $locker
failed: locked by pid $locker
last
ok=2 trips=2" "probes of a locked table fail alone and name who locks it"
pg -- catalog t u
like "$out" '^table public.t .*bytes=unknown heap=unknown' "the catalogue comes although one table is locked"
like "$out" '^table public.u .*bytes=0 heap=0' "with the sizes of the others"
like "$out" '^column t.i integer .*notnull' "and the locked table's columns"
like "$out" 'trips=1 ' "in one round trip"
exec 9>&-
pg -- probes 1000 "SELECT repeat('x', 20000)" "SELECT 1/0"
is "$out" "ok=1000 trips=1" "two thousand probes with 20 MB of answers, half of them failing, in one pipeline"

# ---- cancel and time-out
pg cancel_after=200 -- run "SELECT pg_sleep(60)"
like "$out" '^class=cancelled sqlstate=57014$' "a running statement is cancelled"
like "$out" '^cancel_ms=[0-9]{1,2}$' "within 100 ms"
like "$out" 'alive=1$' "and the connection lives on"
pg cancel_after=200 -- probes 10 "SELECT pg_sleep(1.9)"
like "$out" '^class=cancelled' "a pipeline of ten slow probes is cancelled"
like "$out" '^cancel_ms=[0-9]{2,3} alive=1$' "whole, and the connection lives on"
pg -- timed 150 "SELECT pg_sleep(60)"
like "$out" '^message=the statement timed out$' "a time-out of ours is called one"
like "$out" '^why=it took longer than 150 ms$' "with its length"
wait_for 5 gone 'pg_sleep.60'
is "$?" 0 "and the server does not go on with it"
pg -- run "SELECT 1" "SELEC 2"
like "$out" $'^1\nposition=1 ' "a syntax error has its position"
like "$out" '^class=query sqlstate=42601$' "and its SQLSTATE"
pg -- run "SELECT 'äö', x FROM t"
like "$out" '^position=14 ' "positions count characters"
pg -- run "DO \$\$ BEGIN RAISE NOTICE 'hello'; END \$\$"
like "$out" '^notice=NOTICE hello$' "notices go to the sink"
is "$err" "" "and not to stderr"

# ---- rights, with the GRANT that mends them (E6)
db user=weak -- run "SELECT * FROM t"
like "$out" '^hint=as its owner: GRANT SELECT.* ON TABLE "t" TO "weak"$' "permission denied names the GRANT"
db user=weak -- run "CREATE TABLE x (i int)"
like "$out" '^hint=as its owner: GRANT USAGE, CREATE ON SCHEMA "public" TO "weak"$' "for a schema too"

# ---- lost connections
lose() { # HOW ARGUMENT...: runs db in the background, ends its backend once it sleeps
    local how=$1; shift
    "$DB" host="$T/c" user=postgres dbname=app "$@" >"$T/lost" 2>&1 &
    local pid=$!
    wait_for 10 running 'pg_sleep.61'
    $how
    wait "$pid"; rc=$?; out=$(cat "$T/lost")
}
terminate() { sql c app -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep.61' AND pid <> pg_backend_pid()" >/dev/null; }
lose terminate -- run "SELECT pg_sleep(61)"
like "$out" '^class=lost sqlstate=57P01$' "a terminated backend: lost"
like "$out" 'alive=0$' "and known to be dead"
lose terminate -- commit "SELECT pg_sleep(61)"
like "$out" '^class=unknown-outcome' "while committing: outcome unknown"
lose terminate -- probes "SELECT 1" "SELECT 2, pg_sleep(61)" "SELECT 3"
like "$out" '^class=lost' "in a pipeline: lost"
stop_backend() { local p; p=$(sql c app -c "SELECT pid FROM pg_stat_activity WHERE query ~ 'pg_sleep.61' AND pid <> pg_backend_pid()"); kill -STOP "$p"; stopped=$p; }
lose stop_backend cancel_after=1500 -- commit "SELECT pg_sleep(61)"
like "$out" '^class=unknown-outcome' "a server that does not even hear the cancel, while committing: unknown"
like "$out" '^cancel_ms=2[0-9]{3}$' "after two seconds"
kill -CONT "$stopped"
lose stop_backend cancel_after=1500 -- run "SELECT pg_sleep(61)"
like "$out" '^class=cancelled' "and otherwise: cancelled"
kill -CONT "$stopped"
# a client that vanishes takes its statement with it
"$DB" host="$T/c" user=postgres dbname=app session=1 -- run "SELECT pg_sleep(62)" >/dev/null 2>&1 &
vanishing=$!
wait_for 10 running 'pg_sleep.62'
kill -9 "$vanishing"; wait "$vanishing" 2>/dev/null
wait_for 10 gone 'pg_sleep.62'
is "$?" 0 "with session settings the server ends the statement of a client that vanished"
lose "cluster_stop c immediate" -- run "SELECT pg_sleep(61)"
like "$out" '^class=lost' "the server is killed in mid-query: lost"
like "$out" '^hint=.+' "with a next step"
finish
