# shellcheck shell=bash
# Sourced by a bench: a private cluster in $work on a Unix socket (fsync off, autovacuum off), psql's settings for it; measuring,
# and the table of it in $OUT. Needs $here (this directory).
#   SEEDOPS: the binary (a plain -O2 build).  FLOOR: the floor program (`make bench/floor`); unsaid: beside the binary.
SEEDOPS=$(readlink -f "${SEEDOPS:?the binary to measure}"); FLOOR=$(readlink -f "${FLOOR:-$(dirname "$SEEDOPS")/bench/floor}")
[ -x "$FLOOR" ] || { echo "$FLOOR is not there: make bench/floor" >&2; exit 1; }
OUT=${OUT:-$(mktemp -d "${TMPDIR:-/tmp}/seedops-bench-out.XXXXXX")}; mkdir -p "$OUT"
[ -z "$(ls -A "$OUT")" ] || [ -e "$OUT/table.tsv" ] || { echo "$OUT holds something else: name another OUT" >&2; exit 1; }
rm -f "$OUT"/*
pgbin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
work=$(mktemp -d "${TMPDIR:-/tmp}/seedops-bench.XXXXXX"); chmod 755 "$work"; mkdir "$work/pg"
[ "$(id -u)" = 0 ] && chown postgres "$work/pg"
cleanup() { as_server "$pgbin/pg_ctl" -D "$work/pg/data" -m immediate stop >/dev/null 2>&1 || :; rm -rf "$work"; }
trap cleanup EXIT
# cluster_start [SETTING...]
cluster_start() {
    local setting options="-c listen_addresses= -c unix_socket_directories=$work/pg -c fsync=off -c autovacuum=off -c timezone=UTC"
    for setting in "$@"; do options+=" -c $setting"; done
    as_server "$pgbin/initdb" -D "$work/pg/data" -U bench -A trust --locale=C.UTF-8 -E UTF8 -N >/dev/null
    as_server "$pgbin/pg_ctl" -D "$work/pg/data" -w -l "$work/pg/log" start >/dev/null -o "$options"
    export PGHOST=$work/pg PGUSER=bench PGDATABASE=bench HOME=$work XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache PGTZ=UTC
    unset DATABASE_URL DIRECT_URL SEEDOPS_CONFIG ALLOW_PROD_SEED
    sql -d postgres -c 'CREATE DATABASE bench'
}
sql() { "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }
# project DIR [LINE...]: a directory under $work with a configuration of those lines and one environment, bench
project() {
    local dir=$work/$1; shift
    mkdir -p "$dir"; printf '%s\n' 'version: 1' "$@" 'environments:' '  bench: {url: "postgresql:///bench"}' >"$dir/seedops.yaml"
}
# csv_fixture DIR TABLE CSV: the rows of $work/CSV are that table's, keyed by code
csv_fixture() {
    project "$1" 'seeds: seeds'; mkdir -p "$work/$1/seeds"; cp "$work/$3" "$work/$1/seeds/"
    printf 'table: %s\nkey: [code]\nrows: !csv %s\n' "$2" "$3" >"$work/$1/seeds/a.yaml"
}

# timed NAME COMMAND...: adds "ms, private kB, RSS kB, exit code" to $OUT/NAME; ours NAME DIR ARGUMENT...: seedops in $work/DIR
timed() { "$FLOOR" measure "$OUT/$1" "${@:2}" >"$OUT/last" 2>&1; }
ours() { (cd "$work/$2" && timed "$1" "$SEEDOPS" "${@:3}"); }
# came NAME CODE: every run ended with that exit code; a run that failed was fast for nothing
came() { awk -v f="$1" -v c="$2" '$4 != c {print f ": exit " $4 ", not " c; exit 1}' "$OUT/$1" || { cat "$OUT/last"; exit 1; }; }
# median FILE COLUMN
median() { sort -n -k"$2,$2" "$1" | awk -v c="$2" '{v[NR] = $c} END {print v[int((NR + 1) / 2)]}'; }
highest() { awk -v c="$2" '$c > m {m = $c} END {print m + 0}' "$1"; }

# ---- the table: each bench has the same columns, so that `all` can put them together
printf 'work\tfloor ms\tours ms\tratio\tgoal\tprivate kB\tRSS kB\n' >"$OUT/table.tsv"
# row WORK OURS FLOOR GOAL [EXIT-CODE OF THE FLOOR]: names of `timed`; FLOOR or GOAL "-": none
row() {
    local floor=- ratio=- ours; ours=$(median "$OUT/$2" 1)
    if [ "$3" != - ]; then
        came "$3" "${5:-0}"; floor=$(median "$OUT/$3" 1); ratio=$(awk "BEGIN {printf \"%.2f\", $ours / $floor}"); floor=$(printf %.1f "$floor")
    fi
    printf '%s\t%s\t%.1f\t%s\t%s\t%s\t%s\n' "$1" "$floor" "$ours" "$ratio" "$4" "$(highest "$OUT/$2" 2)" "$(highest "$OUT/$2" 3)" >>"$OUT/table.tsv"
}
# markdown FILE: a table of tab-separated lines
markdown() { awk -F'\t' -v OFS=' | ' '{$1 = $1; print "| " $0 " |"} NR == 1 {gsub(/[^|]+/, "---"); print "|" $0 "|"}' "$1"; }
table_end() { markdown "$OUT/table.tsv" | tee "$OUT/table.md"; }
