#!/usr/bin/env bash
# A million differences in the console: the first ones are there while the rest streams, the list is anywhere at once, in
# bounded memory, a key writes what it changes, and nothing runs when nothing happens. A plain build: of memory and time
# another one says little.
. "$(dirname "$0")/../lib-tty.sh"
SEEDOPS=${SEEDOPS_PLAIN:-$SEEDOPS}
if grep -qa __asan_init "$SEEDOPS"; then not_ok "there is a plain build (SEEDOPS_PLAIN)"; finish; fi
rows=1000000
cluster_start main "shared_buffers=256MB" "max_wal_size=4GB"
createdb_in main d
sql main d -c "create table m (id int primary key, name text not null)" -c "insert into m select g, 'row ' || g from generate_series(1, $rows) g"
sql main d -c "vacuum (analyze, freeze)"
mkdir "$T/project" "$T/project/seeds"; cd "$T/project" || exit
printf 'environments:\n  local: {url: "%s"}\nseeds: seeds\n' "$(url main d)" >seedops.yaml
printf 'table: m\nkey: [id]\nrows: !csv m.csv\n' >seeds/m.yaml
sql main d -c "\copy (select id, 'other ' || id as name from m order by id) to 'seeds/m.csv' (format csv, header)"

drive() {
    rm -f "$T/script"; mkfifo "$T/script"
    term "$SEEDOPS" local <"$T/script" >"$T/driver.log" 2>&1 & driver=$!
    exec 8>"$T/script"
}
trap '' PIPE     # a script that failed has ended before it was told all
say() { printf '%s\n' "$@" >&8; } 2>/dev/null
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 60 sh -c "test -e '$T/reached' || ! kill -0 $driver"; }
driven() { exec 8>&-; if wait "$driver"; then ok "$1"; else not_ok "$1"; note "$(cat "$T/driver.log")"; fi; }
backend() { sql main postgres -c "select pid from pg_stat_activity where datname = 'd' and state = 'active' and query like '%COPY (SELECT%' and pid <> pg_backend_pid()"; }

# The server stops in the middle of the comparison, so that there is a middle to look at.
drive
say 'wait 1 000 000' 'key enter' 'wait so far' 'wait other 5 '; reached
frozen=$(backend); kill -STOP "$frozen"
say 'expect so far' 'expect row 5' 'key down down' 'wait ▸ ~  3 ' 'key pgdn pgdn pgdn' 'wait other 36 ' 'key home' 'wait ▸ ~  1 ' \
    'expect so far' 'wait left'; reached
kill -CONT "$frozen"
say 'gone so far' 'wait 1 000 000 changed'; reached
say 'key end' 'wait ▸ ~  1000000' 'expect row 999995' 'pace 300 pgup' 'key home' 'wait ▸ ~  1 ' 'key end' 'wait ▸ ~  1000000'; reached
most=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(innermost "$driver")/status")
if [ "$most" -gt 500 ] && [ "$most" -le 8192 ]; then ok "a million differences in 8 MiB"; else not_ok "a million differences in 8 MiB"; note "RssAnon: $most kB"; fi
say 'mark' 'key up' 'wait ▸ ~  999999 ' 'fewer 1000' 'idle 1500' 'key q'
driven "differences are looked at while others stream, from end to end; a key writes what it changed; then nothing runs"

# What a frame of all of it takes, for the bound above to mean something.
check "a screen anew is more than that" term "$SEEDOPS" local <<'END'
wait 1 000 000
mark
key ctrl-l
wait Overview
idle 100
more 1000
END

# Two rows differ, right at the beginning: both are told, although no other follows. The server runs a little at a time.
{ echo id,name; printf '1,other 1\n2,other 2\n'; seq 3 $rows | awk '{print $1 ",row " $1}'; } >seeds/m.csv
drive
say 'wait 1 000 000' 'key enter' 'wait so far'; reached
frozen=$(backend); kill -STOP "$frozen"
rm -f "$T/reached"; say 'wait 2 differences so far' "touch $T/reached"
for _ in $(seq 20); do
    read -rt 0.15 <> <(:); [ -e "$T/reached" ] && break
    kill -CONT "$frozen"; read -rt 0.01 <> <(:); kill -STOP "$frozen"
done
kill -CONT "$frozen"
say 'gone so far' 'wait 2 changed' 'expect row 2' 'key q'
driven "a difference is told although no other follows"
sql main d -c "\copy (select id, 'other ' || id as name from m order by id) to 'seeds/m.csv' (format csv, header)"

sometimes "a comparison is cancelled within 100 ms" term "$SEEDOPS" local <<'END'
wait 1 000 000
key enter
wait so far
wait other 5 
mark
key ctrl-x
wait stopped at
since 100
expect Comparing stopped
expect ~  1 
END

finish
