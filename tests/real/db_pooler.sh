# SAFETY 1: through a transaction pooler nothing of ours reaches another client; it is recognised, also when it has one
# server connection only, and a session pooler is not taken for one.
. "$(dirname "$0")/../lib.sh"
DB=${BUILD:-$PWD}/tests/real/db_test
cluster_start c || exit 1
createdb_in c app
sql c app -c "CREATE TABLE t (i int)"
pgbouncer_start one c transaction default_pool_size=1 || exit 1
pgbouncer_start many c transaction default_pool_size=20 || exit 1
pgbouncer_start sess c session default_pool_size=20 || exit 1
pgbouncer_start sess1 c session default_pool_size=1 || exit 1
at() { echo "host=$T/$1 user=postgres dbname=app"; }
# shellcheck disable=SC2046
db() { local where=$1; shift; run "$DB" $(at "$where") "$@"; }

# ---- recognised
db c -- identity
like "$out" '^pooler=0$' "a direct connection is no pooler"
for where in one many; do
    db "$where" -- identity
    like "$out" '^pooler=1$' "$where: a transaction pooler is recognised"
    like "$out" '^reason=.*(same server process|changes between)' "$where: with its reason"
    db "$where" pooled=1 -- identity
    like "$out" '^pooler=1$' "$where: and with the URL's hint"
done
for where in sess sess1; do
    db "$where" -- identity
    like "$out" '^pooler=0$' "$where: a session pooler is not taken for a transaction pooler"
done
db c pooled=1 -- identity
like "$out" '^pooler=0$' "pgbouncer=true on a direct URL does not make it a pooler"

# a busy pool changes the backend by itself
background "$PGBIN/psql" -X -h "$T/many" -U postgres app -c "BEGIN" -c "SELECT pg_sleep(60)"
wait_for 10 eval '[ "$(sql c app -c "select count(*) from pg_stat_activity where query ~ '"'"'pg_sleep.60'"'"' and pid <> pg_backend_pid()")" = 1 ]'
db many -- identity
like "$out" '^pooler=1$' "many: recognised while others use the pool"

# one that takes turns between two server connections
pgbouncer_start turns c transaction default_pool_size=2 server_round_robin=1 || exit 1
"$PGBIN/psql" -X -h "$T/turns" -U postgres app -c "SELECT pg_sleep(0.5)" >/dev/null & two=$!
"$PGBIN/psql" -X -h "$T/turns" -U postgres app -c "SELECT pg_sleep(0.5)" >/dev/null
wait $two
db turns -- identity
like "$out" '^pooler=1$' "one that takes turns is recognised"

# one whose only server connection is always somebody else's when it is asked twice
pgbouncer_start busy c transaction default_pool_size=1 || exit 1
yes "SELECT pg_sleep(1.3);" | head -40 >"$T/sleeps.sql"
background "$PGBIN/psql" -X -h "$T/busy" -U postgres app -f "$T/sleeps.sql"
wait_for 10 eval '[ "$(sql c app -c "select count(*) from pg_stat_activity where query ~ '"'"'pg_sleep.1.3'"'"' and pid <> pg_backend_pid()")" = 1 ]'
db busy -- identity
like "$out" '^pooler=1$' "a busy pool of one is recognised"
kill "$bg"

# ---- nothing leaks: a second client on the one server connection, during and after our session
second() { "$PGBIN/psql" -XAtq -h "$T/one" -U postgres app -v ON_ERROR_STOP=1 "$@"; }
settings="SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('statement_timeout',
 'lock_timeout', 'search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'default_transaction_read_only', 'transaction_read_only',
 'extra_float_digits', 'bytea_output', 'client_connection_check_interval')"
before=$(second -c "$settings")
mkfifo "$T/go"
"$DB" $(at one) -- session "SELECT 1" "SELECT 1/0" "SELECT current_setting('statement_timeout')" <"$T/go" >"$T/during" 2>&1 &
ours=$!
exec 9>"$T/go"
wait_for 10 grep -q '^ready' "$T/during"
is "$(second -c "INSERT INTO t VALUES (1) RETURNING i")" 1 "during our session a second client can write"
is "$(second -c "$settings")" "$before" "and has its own settings"
echo again >&9
wait_for 10 eval '[ "$(grep -c "^ready" "$T/during")" = 2 ]'
is "$(second -c "INSERT INTO t VALUES (2) RETURNING i")" 2 "between our pipelines too"
exec 9>&-
wait "$ours"
like "$(cat "$T/during")" '^2s$' "our own probes had their own time-out"
is "$(second -c "INSERT INTO t VALUES (3) RETURNING i")" 3 "after our session a second client can write"
is "$(second -c "$settings")" "$before" "under its own settings"
is "$(second -c "SELECT count(*) FROM pg_prepared_statements")" 0 "no prepared statement was left"
is "$(second -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" 0 "no session lock was left"

# ---- a thousand probes through one server connection
db one -- probes 1000 "SELECT repeat('x', 1000)" 
like "$out" '^ok=1000 trips=1$' "a thousand probes pass through a pool of one"
db one -- probes "SELECT 1" "SELECT 1/0" "SELECT 2"
is "$out" $'1\nfailed: division by zero\n2\nok=2 trips=1' "through the pooler too a failed probe spoils no other"

# ---- B1: the commands read through the pooler, and write only by the direct URL
createdb_in c alpi
cd "$TOP" || exit 1
so migrate --url "$(url one alpi)"
is "$rc" 5 "migrate through a transaction pooler is refused"
like "$err" 'transaction pooler' "with the reason"
like "$err" 'direct_url' "and the way out"
is "$(sql c alpi -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")" 0 "nothing was made"
so migrate --url "$(url one alpi)" --direct-url "$(url c alpi)"
is "$rc" 0 "with the direct URL it migrates"
so seed --url "$(url one alpi)" --direct-url "$(url c alpi)"
is "$rc" 0 "and seeds"
so verify --url "$(url one alpi)" --direct-url "$(url c alpi)"
is "$rc" 0 "what is then read through the pooler is whole"
so status --url "$(url sess alpi)"
is "$rc" 0 "a session pooler will do for reading"
unlike "$out$err" 'transaction pooler' "without being called what it is not"
finish
