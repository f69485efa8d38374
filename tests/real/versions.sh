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
}
for v in $(versions); do
    if ! version_use "$v"; then echo "# SKIP PostgreSQL $v: $version_why"; continue; fi
    cluster_start "c$v" 'autovacuum=off' || { not_ok "$v: the server starts"; continue; }
    flow "$v"
    cluster_stop "c$v" immediate
done
finish
