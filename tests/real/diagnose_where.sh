# diagnose wherever it may be asked: on a standby, through a transaction pooler, as a role with no rights at all, in a
# console on a real screen. It writes nothing, leaves nothing behind, and says what it could not see.
. "$(dirname "$0")/../lib.sh"
cluster_start c 'autovacuum=off' 'wal_level=replica' 'max_wal_senders=3' || exit 1
createdb_in c alpi
cd "$TOP" || exit 1
export LOCAL_DATABASE_URL PROD_DATABASE_URL='' PROD_DIRECT_URL=''
at() { LOCAL_DATABASE_URL=$1; forget_databases; }
at "$(url c alpi)"
"$SEEDOPS" migrate local >/dev/null 2>&1; "$SEEDOPS" seed local >/dev/null 2>&1
sql c alpi -c 'CREATE EXTENSION pageinspect'
# ---- a standby that has all of it
mkdir -p "$T/s"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$T/s"
as_server "$PGBIN/pg_basebackup" -D "$T/s/data" -R -X stream -h "$T/c" -U postgres >"$T/base.log" 2>&1 || note "$(cat "$T/base.log")"
echo "unix_socket_directories='$T/s'" | as_server tee -a "$T/s/data/postgresql.conf" >/dev/null
cluster_start s || exit 1
caught_up() { [ "$(sql s alpi -c "SELECT pg_last_wal_replay_lsn() >= '$(sql c alpi -c 'SELECT pg_current_wal_lsn()')'::pg_lsn")" = t ]; }
sql c alpi -c 'DELETE FROM "Station"' -c 'DELETE FROM "Withdrawal"' -c 'DELETE FROM "Glacier"' -c 'DELETE FROM "Catchment"'
check "the standby catches up" wait_for 20 caught_up
readable() { sql c alpi -c "SELECT count(*) FROM heap_page_items(get_raw_page('\"Sensor\"', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
at "$(url s alpi)"
so diagnose local --json
is "$rc" 0 "a standby is diagnosed"; [ "$rc" = 0 ] || note "$err"
unlike "$(jq -r '.verdict + " " + .confidence' <<<"$out")" '^(never-seeded|truncated|seed-rolled-back|recreated) (certain|high)' "its counters, which count nothing, convince nobody"

so diagnose local --deep --json
is "$rc" 0 "deeper, too"; [ "$rc" = 0 ] || note "$err"
so preserve local
is "$rc" 5 "nothing is preserved by writing to it"
so preserve local --dry-run
is "$rc" 0 "its plan is shown"
like "$out" 'pg_wal_replay_pause' "which says to pause the replay"
for write in "seed local" "reset local --confirm local" "converge local --confirm local"; do
    # shellcheck disable=SC2086
    so $write
    is "$rc" 5 "refused on a standby: $write"
    like "$err" 'The server is a standby' "with the reason"
done
so prune local --dry-run
is "$rc" 0 "the plan of a prune is made there" || note "$err"
unlike "$err" 'will be lost' "and costs nothing: on a standby no scan destroys rows"
so local --dump 80x24 --screen diagnose
is "$rc" 4 "the screen is drawn"
cluster_stop s
# ---- through a transaction pooler: the same verdict, in few round trips, and no setting stays behind
pgbouncer_start pool c transaction 'default_pool_size=1' || exit 1
at "$(url c alpi)"
so diagnose local --json
direct=$(jq -c '[.verdict, .confidence, .since]' <<<"$out")
at "$(url pool alpi)"
so diagnose local --json
is "$rc $(jq -c '[.verdict, .confidence, .since]' <<<"$out")" "0 $direct" "through a transaction pooler the verdict is the same"
check "in at most four round trips" test "$(jq .round_trips <<<"$out")" -le 4
is "$(sql pool alpi -c "SELECT current_setting('default_transaction_read_only') || current_setting('statement_timeout') || current_setting('search_path')")" \
    'off0"$user", public' "and no setting stays in the pooled session"
so diagnose local --deep --json
is "$rc" 0 "deeper, too"; [ "$rc" = 0 ] || note "$err"
so preserve local
is "$rc" 5 "a preserve wants the direct connection"
like "$err" 'transaction pooler' "and says so"
# ---- no rights at all
sql c alpi -c 'CREATE ROLE nobody_at_all LOGIN' -c 'REVOKE ALL ON SCHEMA public FROM PUBLIC' -c 'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC'
at "postgresql://nobody_at_all@/alpi?host=$T/c"
so diagnose local --json
is "$rc $(jq -r '.verdict + " " + .confidence' <<<"$out")" "0 deleted certain" "a role with no rights learns the truth: catalogue and counters are open to all"; [ "$rc" = 0 ] || note "$err"
like "$(jq -r '.not_permitted[].grant' <<<"$out")" 'GRANT' "and what would tell more"
so diagnose local --deep --json
is "$rc" 0 "deeper it fails nowhere"; [ "$rc" = 0 ] || note "$err"
so preserve local Station
is "$rc" 0 "preserve gives it lines for someone else"
like "$out" 'someone who can' "and says so"
# where nothing is wrong but that it may not look
createdb_in c well
at "$(url c well)"
"$SEEDOPS" migrate local >/dev/null 2>&1; "$SEEDOPS" seed local >/dev/null 2>&1
sql c well -c 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
at "postgresql://nobody_at_all@/well?host=$T/c"
so diagnose local --json
is "$rc $(jq -r '.verdict + " " + .confidence' <<<"$out")" "0 no-privilege certain" "on a healthy database it learns that it may not look"
for size in 80x24 120x40; do
    so local --dump $size --screen diagnose
    like "$out" 'NO PRIVILEGE' "the screen says it at $size"
done
so status local
unlike "$out" 'NEVER SEEDED|no such table' "status does not call them missing or empty"
like "$out" 'not permitted' "but closed"
is "$(readable)" 14 "every deleted row is readable after all that"
finish
