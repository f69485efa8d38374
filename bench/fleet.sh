#!/usr/bin/env bash
# fleet.sh [ROUNDS]: 200 databases of one server beside an asynchronous libpq loop, alternating in one run.
#   FLEET: bench/fleet (`make bench/fleet`); unsaid: beside the floor program. SEEDOPS, FLOOR, OUT: see cluster.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd); TOP=$(dirname "$here"); rounds=${1:-5}; N=${N:-200}
. "$here/cluster.sh"
FLEET=$(readlink -f "${FLEET:-${FLOOR%/*}/fleet}"); [ -x "$FLEET" ] || { echo "$FLEET is not there: make bench/fleet" >&2; exit 1; }
# twice as many connections as databases, and more: those of a run that has just ended may not have left yet
cluster_start max_connections=500 shared_buffers=128MB "log_line_prefix='%p|'"
mkdir "$work/fleet"; cp -r "$TOP/migrations" "$TOP/seeds" "$work/fleet"; cd "$work/fleet"
sed '/^environments/,$d' "$TOP/seedops.yaml" >seedops.yaml; cp seedops.yaml many.yaml
printf 'environments:\n  tpl: {url: "postgresql:///tpl"}\n' >>seedops.yaml
printf 'environments:\n  tenants: {url: "postgresql:///bench", databases: tenant_%%}\n' >>many.yaml
sql -c 'CREATE DATABASE tpl'
{ "$SEEDOPS" migrate tpl && "$SEEDOPS" seed tpl; } >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
sql -d tpl -c 'VACUUM (ANALYZE, FREEZE)'
for i in $(seq -f %03g 1 "$N"); do echo "CREATE DATABASE tenant_$i TEMPLATE tpl;"; done | sql
# what a status sends, once, from the server's log
sql -c "ALTER SYSTEM SET log_statement = 'all'" -c 'SELECT pg_reload_conf()' >/dev/null
"$SEEDOPS" status tpl >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
pid=$(grep -a 'execute <unnamed>: SELECT pg_catalog.set_config(.transaction_read_only' "$work/pg/log" | tail -n 1 | cut -d'|' -f1)
python3 "$here/record.py" "$work/pg/log" "$pid" >"$work/queries"
# a fleet's sessions wait longer than one alone, whose questions these are: with 200 at once they would run into two seconds
sed -i "s/'statement_timeout', '2000'/'statement_timeout', '9000'/" "$work/queries"
sql -c 'ALTER SYSTEM RESET log_statement' -c 'SELECT pg_reload_conf()' >/dev/null
round() {
    timed floor-three "$FLEET" floor "$N" 200;               timed engine "$FLEET" engine many.yaml 200
    timed floor-status "$FLEET" floor "$N" 200 "$work/queries"; timed status "$SEEDOPS" status tenants --config many.yaml --json
    timed one-by-one "$SEEDOPS" status tenants --config many.yaml --json --jobs 1
}
round; rm -f "$OUT"/{floor-three,engine,floor-status,status,one-by-one}        # the first one fills caches
for ((i = 0; i < rounds; i++)); do round; done
came engine 0; came status 0; came one-by-one 0
row "$N databases, three queries each" engine floor-three 1.1
row "status of $N, beside what it sends" status floor-status -
row 'the same, one after the other' one-by-one floor-status -
table_end
