# shellcheck shell=bash
# Sourced by a bench: a private cluster in $work on a Unix socket (fsync off, autovacuum off), psql's settings for it.
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
    unset DATABASE_URL DIRECT_URL SEEDOPS_CONFIG
    sql -d postgres -c 'CREATE DATABASE bench'
}
sql() { "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }
# median FILE COLUMN
median() { sort -n -k"$2,$2" "$1" | awk -v c="$2" '{v[NR] = $c} END {print v[int((NR + 1) / 2)]}'; }
highest() { awk -v c="$2" '$c > m {m = $c} END {print m + 0}' "$1"; }
# markdown FILE: a table of tab-separated lines
markdown() { awk -F'\t' -v OFS=' | ' '{$1 = $1; print "| " $0 " |"} NR == 1 {gsub(/[^|]+/, "---"); print "|" $0 "|"}' "$1"; }
