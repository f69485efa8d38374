#!/usr/bin/env bash
# An operation of the console goes by what the database and the files are now, not by what they were when the environment was
# opened: a table emptied since is held and not scanned, a fixture mended since is what is written.
. "$(dirname "$0")/../lib-tty.sh"
cluster_start main autovacuum=off || exit 1
createdb_in main app
mkdir -p "$T/p/seeds"; cd "$T/p" || exit 1
sql main app -c 'CREATE EXTENSION pageinspect' -c 'CREATE TABLE station (id int PRIMARY KEY, name text NOT NULL)' \
    -c "INSERT INTO station SELECT g, 's' || g FROM generate_series(1, 7) g" -c ANALYZE
printf 'environments:\n  local: {url: "%s"}\ntables:\n  station: {class: context, min_rows: 7}\n' "$(url main app)" >seedops.yaml
fixture() { { echo 'table: station'; echo 'rows:'; for g in 1 2 3 4 5 6 7; do echo "  - {id: $g, name: ${1:-s}$g}"; done; } >seeds/station.yaml; }
fixture
readable() { sql main app -c "SELECT count(*) FROM heap_page_items(get_raw_page('station', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
counted() { [ "$(sql main app -c "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'station'")" = 7 ]; }
drive() {
    rm -f "$T/script"; mkfifo "$T/script"
    term "$SEEDOPS" local <"$T/script" >"$T/driver.log" 2>&1 &
    driver=$!
    exec 8>"$T/script"
}
say() { printf '%s\n' "$@" >&8; } 2>/dev/null
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 60 test -e "$T/reached"; }
driven() { exec 8>&-; if wait "$driver"; then ok "$1"; else not_ok "$1"; note "$(cat "$T/driver.log")"; fi; }
trap '' PIPE

drive
say 'size 110 32' 'wait HEALTHY' 'gone looking'
reached
sql main app -c 'DELETE FROM station'
wait_for 60 counted
is "$(readable)" 7 "the deleted rows can be read"
say 'key enter' 'wait held'
driven "a table emptied after the environment was opened is held"
is "$(readable)" 7 "and was not scanned"

sql main app -c "INSERT INTO station SELECT g, 's' || g FROM generate_series(1, 7) g" -c ANALYZE
drive
say 'size 110 32' 'wait HEALTHY' 'gone looking'
reached
fixture changed
say 'type W' 'wait WRITE' 'type x' 'wait Seed' 'type s' 'wait 7 rows' 'key enter' 'wait Seeded local'
driven "a fixture changed after the environment was opened is seeded as it is now"
is "$(sql main app -c 'SELECT name FROM station WHERE id = 3')" changed3 "its row is written"
finish
