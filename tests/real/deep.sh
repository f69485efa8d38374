# diagnose --deep: the statement and its role, the transaction and its commit, analysed values, the log, the other
# databases of the server; each part fails alone, and says what would open it.
. "$(dirname "$0")/../lib.sh"
cluster_start c 'autovacuum=off' "shared_preload_libraries='pg_stat_statements'" 'logging_collector=on' 'log_statement=mod' \
    'track_commit_timestamp=on' 'log_duration=on' || exit 1
createdb_in c alpi; createdb_in c other
cd "$TOP" || exit 1
# one environment's name for several databases: each is visited for the first time
at() { LOCAL_DATABASE_URL=$1; "$SEEDOPS" envs --forget local >/dev/null 2>&1; }
export LOCAL_DATABASE_URL; at "$(url c other)"
"$SEEDOPS" migrate local >/dev/null 2>&1; "$SEEDOPS" seed local >/dev/null 2>&1
at "$(url c alpi)"
"$SEEDOPS" migrate local >/dev/null 2>&1; "$SEEDOPS" seed local >/dev/null 2>&1
sql c alpi -c 'CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_walinspect; CREATE EXTENSION pageinspect' \
    -c 'CREATE ROLE api LOGIN SUPERUSER; CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader' -c ANALYZE
# 24 MB of WAL that has nothing to do with it: the read goes by pieces
sql c other -c "CREATE TABLE noise AS SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g"
"$PSQL" -XAtq -h "$T/c" -U api -d alpi -c 'DELETE FROM "Station" WHERE "createdAt" < now() + interval '"'1 day'" -c 'DELETE FROM "Withdrawal"' -c 'DELETE FROM "Glacier"' -c 'DELETE FROM "Catchment"'
xid=$(sql c alpi -c "SELECT DISTINCT t_xmax FROM heap_page_items(get_raw_page('\"Station\"', 0)) WHERE t_xmax <> '0'")
sql c other -c "CREATE TABLE more_noise AS SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g"
readable() { sql c alpi -c "SELECT count(*) FROM heap_page_items(get_raw_page('\"Sensor\"', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
is "$(readable)" 14 "deleted rows are readable to begin with"
so diagnose local --deep --json
is "$rc $(jq -r .verdict <<<"$out")" "0 deleted" "diagnose --deep"; [ "$rc" = 0 ] || note "$err"
is "$(readable)" 14 "and are after it"
facts=$(jq -r '.evidence[] | .source + " | " + (.table // "") + " | " + .fact' <<<"$out")
like "$facts" 'pg_stat_statements .* DELETE FROM "Station" WHERE .* 1 call, 7 rows, role api' "the statement and its role"
like "$facts" "pg_walinspect .* transaction $xid, committed 20.*: .*14 Sensor" "the transaction in WAL, with its rows a table"
like "$facts" "heap_page_items.*Station .*7 dead rows .* transaction $xid" "the transaction of the dead rows"
like "$facts" "pg_xact_commit_timestamp .* transaction $xid, which the dead rows name, committed 20" "when that was committed"
like "$facts" 'pg_stats .* Station .* analysed values of .*' "analysed values"
like "$facts" 'log/.* statement: DELETE FROM "Station"' "the server's log"
like "$facts" 'database other has 7 of the 7 tables, 7 with rows \(about 39 in all\)' "the other database"
like "$(jq -r .by <<<"$out")" "role api .*transaction $xid" "by whom"
commit=$(sed -nE "s/.*transaction $xid, committed ([^:]+:[^:]+:[0-9.]+Z).*/\1/p" <<<"$facts")
is "$(jq -r '.since + " " + .until' <<<"$out")" "$commit $commit" "since when, to the commit"
like "$err" 'reading WAL|^$' "progress, where there is a terminal"
# a role that may only SELECT: each part is named with what would open it
at "postgresql://reader@/alpi?host=$T/c"
so diagnose local --deep --json
is "$rc $(jq -r .verdict <<<"$out")" "0 deleted" "a role that may only SELECT has the verdict, too"; [ "$rc" = 0 ] || note "$err"
denied=$(jq -r '.not_permitted[] | .what + ": " + (.grant // "-")' <<<"$out")
like "$denied" "statements: GRANT pg_read_all_stats TO .reader" "statements"
like "$denied" "log: GRANT EXECUTE ON FUNCTION pg_current_logfile" "the log"
like "$denied" "WAL: GRANT pg_read_server_files TO .reader" "WAL"
like "$(jq -r '.evidence[].fact' <<<"$out")" 'analysed values of' "what is in pg_stats it may read"
is "$(readable)" 14 "nothing was pruned"
# the wrong database: connecting tells
createdb_in c empty
at "$(url c empty)"
"$SEEDOPS" migrate local >/dev/null 2>&1
so diagnose local --deep --json
like "$(jq -r '.evidence[].fact' <<<"$out")" 'database other has 7 of the 7 tables, 7 with rows' "the rows are found in another database"
like "$(jq -r '.not_permitted[] | .what + ": " + .why' <<<"$out")" 'statements: pg_stat_statements is not installed' "what is not installed is said"
# truncated
at "$(url c other)"
sql c other -c 'CREATE EXTENSION pg_walinspect' -c 'SET client_min_messages = error' -c 'TRUNCATE "Catchment", "Station", "Sensor", "Threshold", "Glacier", "StationGlacier", "Withdrawal" CASCADE'
so diagnose local --deep --json
is "$rc $(jq -r .verdict <<<"$out")" "0 truncated" "after TRUNCATE"
like "$(jq -r '.evidence[] | select(.source == "pg_walinspect") | .fact' <<<"$out")" 'transaction [0-9]+, committed 20.*: .*Station new' "the transaction that made the new files"
like "$(jq -r '.evidence[] | select(.source == "pg_xact_commit_timestamp") | .fact' <<<"$out")" \
    'transaction [0-9]+, which gave .*Station.* a new file, committed 20' "and its commit, without any right"
so diagnose local --deep
is "$rc" 0 "as text"
like "$out" 'by +.*transaction [0-9]+' "which says by which transaction"
# reading WAL takes its time, and ctrl-c ends it
sql c other -c "CREATE TABLE much AS SELECT g, repeat('x', 500) FROM generate_series(1, 300000) g"
"$SEEDOPS" diagnose local --deep >"$T/cancelled" 2>&1 & reader=$!
reads() { [ "$(sql c postgres -c "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_get_wal_records_info' AND application_name = 'seedops' AND state = 'active'")" = 1 ]; }
check "the server reads WAL" wait_for 20 reads
kill -INT $reader; wait $reader
is "$?" 130 "ctrl-c cancels it"
ended() { ! reads; }
check "and the server's statement, too" wait_for 5 ended

# ---- what others wrote and what was analysed may be secrets ----
createdb_in c vault
sql c vault <<'SQL'
CREATE TABLE account (name text PRIMARY KEY, token text, pw text, "plain" text);
INSERT INTO account SELECT 'n' || g, 'canary-token-' || g, 'canary-pw-' || g, NULL FROM generate_series(1, 300) g;
ANALYZE account;
CREATE EXTENSION pg_stat_statements;
DELETE FROM account WHERE token = 'canary-log-1' OR "plain" = $$canary-log-2$$ OR pw = E'\'canary-log-3'; -- canary-log-4
DELETE FROM account WHERE length(name) = 424242;
WITH x AS (SELECT 'more
	delete from account canary-log-5' AS y) DELETE FROM account WHERE token = (SELECT y FROM x);
PREPARE p AS DELETE FROM account WHERE pw = $1;
EXECUTE p('canary-log-6');
ALTER TABLE account ADD CONSTRAINT c CHECK (token <> 'canary-log-7'); ALTER TABLE account DROP CONSTRAINT c;
DELETE FROM account;
SQL
mkdir "$T/vault"; cd "$T/vault" || exit 1
printf 'tables: {account: {class: context, min_rows: 5, secret: [token]}}\nenvironments: {local: {url: "%s"}}\nseeds: seeds\n' "$(url c vault)" >seedops.yaml
mkdir seeds; printf 'table: account\nrows:\n  - {name: n1, pw: !env CANARY}\n' >seeds/account.yaml
export CANARY=canary-env-7
so diagnose local --deep --json
is "$rc $(jq -r .verdict <<<"$out")" "0 deleted" "a table with secrets is diagnosed"; [ "$rc" = 0 ] || note "$err"
facts=$(jq -r '.evidence[] | .source + " | " + .fact' <<<"$out")
like "$facts" "log/.*DELETE FROM account WHERE token = '...' OR \"plain\" = .*pw = E'...'" "the log's statement is shown"
like "$facts" 'log/.*WHERE length\(name\) = \.\.\.' "without numbers"
like "$facts" 'pg_stat_statements .*DELETE FROM account' "and that of pg_stat_statements"
like "$facts" 'analysed values of name' "analysed values are those of the column that is none"
so diagnose local --deep
unset CANARY
so diagnose local --deep --json
like "$(jq -r '.not_permitted[] | .what + ": " + .why' <<<"$out")" 'analysed values: which columns are secret is not known' "which nobody can tell without the fixtures"
is "$(grep -rlE 'canary-|424242' "$XDG_STATE_HOME" "$T/out" "$T/err")" "" "no literal and no secret value is on record or was shown"
cd "$TOP" || exit 1

# ---- a server that does not keep commit times
sql c postgres -c 'ALTER SYSTEM SET track_commit_timestamp = off'
cluster_stop c; cluster_start c
so diagnose local --deep --json
like "$(jq -r '.not_permitted[] | .what + ": " + .why' <<<"$out")" 'commit timestamps: .*track_commit_timestamp is off' "is said to be one"
finish
