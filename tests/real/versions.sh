# The whole way on each PostgreSQL from 12 to 18: an empty database is migrated, seeded, found healthy, damaged,
# found so, and put right. Versions that can't be had here are skipped by name.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../versions"
cd "$TOP" || exit 1
export LOCAL_DATABASE_URL PROD_DATABASE_URL='' PROD_DIRECT_URL=''
flow() {
    local v=$1 db=c$1
    LOCAL_DATABASE_URL=$(url "$db" alpimonitor)
    createdb_in "$db" alpimonitor
    so status local --json
    is "$rc $(jq -r '.server.version' <<<"$out" | grep -oE '^[0-9]+')" "4 $v" "$v: status of an empty database"
    so migrate local
    is "$rc" 0 "$v: migrate"; [ "$rc" = 0 ] || note "$err"
    so seed local --dry-run
    is "$rc" 0 "$v: a dry run"; [ "$rc" = 0 ] || note "$err"
    so seed local
    is "$rc" 0 "$v: seed"; [ "$rc" = 0 ] || note "$err"
    so seed local --json
    is "$rc $(jq .applied <<<"$out")" "0 false" "$v: again writes nothing"
    so status local --json
    is "$rc $(jq .healthy <<<"$out")" "0 true" "$v: healthy"; [ "$rc" = 0 ] || note "$out$err"
    is "$(jq -r '.server.system_identifier | length > 15' <<<"$out")" true "$v: the cluster's identity"
    so count local --json
    is "$(jq -c '[.tables[] | select(.table == "Station" or .table == "Sensor") | .rows]' <<<"$out")" '[7,14]' "$v: count"
    sql "$db" alpimonitor -c "UPDATE \"Station\" SET name = name || '!' WHERE \"ofevCode\" = '2009'" -c 'DELETE FROM "Withdrawal"'
    so diff local Station --json
    is "$rc $(jq -c '[.tables[].changed]' <<<"$out")" '4 [1]' "$v: diff"
    so verify local
    is "$rc" 4 "$v: verify falls short"
    so seed local --scan
    is "$rc" 0 "$v: seed puts it right"; [ "$rc" = 0 ] || note "$err"
    so verify local
    is "$rc" 0 "$v: verify"; [ "$rc" = 0 ] || note "$out$err"
    for screen in overview diagnose activity; do
        so local --dump 100x30 --screen "$screen"
        is "$rc" 0 "$v: the $screen screen"
    done
    so capture local Station
    is "$rc" 0 "$v: capture"
    local extensions='CREATE EXTENSION pageinspect;'
    [ "$v" -lt 15 ] || extensions+=' CREATE EXTENSION pg_walinspect;'
    # a server before 15 counts late
    sql "$db" alpimonitor -c "$extensions" -c 'SET client_min_messages = error' -c 'TRUNCATE "Glacier" CASCADE' -c 'DELETE FROM "Station"'
    counted() { [ "$(sql "$db" alpimonitor -c "SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relname = 'Sensor'")" = t ]; }
    wait_for 10 counted
    so diagnose local --json
    is "$rc $(jq -c '[.tables[] | select(.table == "Station" or .table == "Glacier") | .verdict]' <<<"$out")" \
        '0 ["deleted","truncated"]' "$v: diagnose tells DELETE from TRUNCATE"; [ "$rc" = 0 ] || note "$err"
    so diagnose local --deep --json
    is "$rc" 0 "$v: diagnose --deep"; [ "$rc" = 0 ] || note "$err"
    if [ "$v" -ge 15 ]; then
        like "$(jq -r '.evidence[] | select(.source == "pg_walinspect") | .fact' <<<"$out")" 'transaction [0-9]+, committed 20.*14 Sensor' \
            "$v: the transaction in WAL"
    else
        like "$(jq -r '.not_permitted[] | .why' <<<"$out")" 'before PostgreSQL 15 only pg_waldump' "$v: WAL is not to be read from SQL"
    fi
    local before; before=$(sql "$db" alpimonitor -c "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")
    so preserve local --json
    is "$rc $(jq -r '[.plan.steps[].action] | join(" ")' <<<"$out")" '0 record slot list hold save' "$v: preserve"; [ "$rc" = 0 ] || note "$err"
    is "$(sql "$db" alpimonitor -c "SELECT count(*) FROM heap_page_items(get_raw_page('\"Sensor\"', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL")" \
        14 "$v: every deleted row is readable after all that"
    so preserve local --undo
    is "$rc $(sql "$db" alpimonitor -c "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")" "0 $before" "$v: preserve --undo"
}
for v in $(versions); do
    if ! version_use "$v"; then echo "# SKIP PostgreSQL $v: $version_why"; continue; fi
    cluster_start "c$v" 'autovacuum=off' || { not_ok "$v: the server starts"; continue; }
    flow "$v"
    cluster_stop "c$v" immediate
done
finish
