#!/usr/bin/env bash
# fleet.sh [ROUNDS]: 200 databases of one server beside an asynchronous libpq loop, alternating in one run.
#   SEEDOPS: the binary (a plain -O2 build).  FLOOR: bench/floor (it measures).  FLEET: bench/fleet.  See README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd); rounds=${1:-5}; N=${N:-200}
SEEDOPS=$(readlink -f "${SEEDOPS:?the binary to measure}"); FLOOR=$(readlink -f "${FLOOR:?bench/floor}")
FLEET=$(readlink -f "${FLEET:?bench/fleet}"); export TOP=${here%/*}
. "$TOP/tests/lib.sh"
# twice as many connections as databases, and more: those of a run that has just ended may not have left yet
cluster_start main max_connections=500 autovacuum=off shared_buffers=128MB log_line_prefix="'%p|'" >/dev/null || exit 1
mkdir -p "$T/p"; cp -r "$TOP/migrations" "$TOP/seeds" "$T/p"; cd "$T/p"
sed '/^environments/,$d' "$TOP/seedops.yaml" >seedops.yaml
printf 'environments:\n  tpl: {url: "%s"}\n' "$(url main tpl)" >>seedops.yaml
createdb_in main tpl
{ "$SEEDOPS" migrate tpl && "$SEEDOPS" seed tpl; } >"$T/log" 2>&1 || { cat "$T/log"; exit 1; }
sql main tpl -c 'vacuum (analyze, freeze)'
for i in $(seq -f %03g 1 "$N"); do echo "create database tenant_$i template tpl;"; done | sql main postgres
sed '/^  tpl:/d' seedops.yaml >many.yaml
printf '  tenants: {url: "%s", databases: tenant_%%}\n' "$(url main postgres)" >>many.yaml
export PGHOST=$T/main PGUSER=postgres PGDATABASE=tpl
# what a status sends, once, from the server's log
sql main postgres -c "alter system set log_statement = 'all'" -c 'select pg_reload_conf()' >/dev/null
"$SEEDOPS" status tpl >"$T/log" 2>&1 || { cat "$T/log"; exit 1; }
pid=$(grep -a 'execute <unnamed>: BEGIN' "$T/main/server.log" | tail -n 1 | cut -d'|' -f1)
python3 "$here/record.py" "$T/main/server.log" "$pid" >"$T/queries"
# a fleet's sessions wait longer than one alone, whose questions these are: with 200 at once they would run into two seconds
sed -i "s/'statement_timeout', '2000'/'statement_timeout', '9000'/" "$T/queries"
sql main postgres -c 'alter system reset log_statement' -c 'select pg_reload_conf()' >/dev/null
timed() { "$FLOOR" measure "$T/$1" "${@:2}" >/dev/null 2>"$T/$1.err"; }
round() {
    timed floor-three "$FLEET" floor "$N" 200;               timed engine "$FLEET" engine many.yaml 200
    timed floor-status "$FLEET" floor "$N" 200 "$T/queries"; timed status "$SEEDOPS" status tenants --config many.yaml --json
    timed one-by-one "$SEEDOPS" status tenants --config many.yaml --json --jobs 1
}
round; rm -f "$T"/{floor-three,engine,floor-status,status,one-by-one}        # the first one fills caches
for ((i = 0; i < rounds; i++)); do round; done
for f in floor-three engine floor-status status; do
    awk -v f="$f" '$4 != 0 {print f ": exit " $4; bad = 1; exit} END {exit bad}' "$T/$f" || { tail -n 3 "$T/$f.err"; exit 1; }
done
median() { sort -n "$T/$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
most() { awk -v c="$2" '{if ($c > m) m = $c} END {print m}' "$T/$1"; }
printf '| work | floor ms | ours ms | ratio | private kB | RSS kB |\n|---|---|---|---|---|---|\n'
row() { printf '| %s | %.0f | %.0f | %.2f | %s | %s |\n' "$1" "$(median "$2")" "$(median "$3")" \
    "$(awk "BEGIN{print $(median "$3") / $(median "$2")}")" "$(most "$3" 2)" "$(most "$3" 3)"; }
row "$N databases, three queries each" floor-three engine
row "status of $N, beside what it sends" floor-status status
row "the same, one after the other" floor-status one-by-one
