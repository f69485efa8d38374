#!/usr/bin/env bash
# A console stays open while files change: what it shows, compares and runs is what is on disk now; what was
# confirmed is done, or nothing.
. "$(dirname "$0")/../lib-tty.sh"
cluster_start main || exit 1
createdb_in main db
mkdir "$T/p"; cp -r "$TOP/seedops.yaml" "$TOP/migrations" "$TOP/seeds" "$T/p"; cd "$T/p" || exit 1
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url main db)
"$SEEDOPS" migrate local >"$T/log" 2>&1 && "$SEEDOPS" seed local >>"$T/log" 2>&1 || { cat "$T/log"; exit 1; }
new=migrations/20270101000000_new
mkdir $new; echo 'CREATE TABLE made_first (i int);' >$new/migration.sql

# A script that stops where the test has something to do: `reached` waits for it, then the files change.
rm -f "$T/script"; mkfifo "$T/script"
"$BUILD/tests/tty/term" "$SEEDOPS" local <"$T/script" >"$T/driver.log" 2>&1 & driver=$!
exec 8>"$T/script"
say() { printf '%s\n' "$@" >&8; }
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 20 test -e "$T/reached"; }
trap '' PIPE

say 'size 110 32' 'wait 1 pending' 'key W' 'wait WRITE' 'key 2' 'wait 20270101000000_new'
reached
echo 'CREATE TABLE made_second (i int);' >$new/migration.sql
# the dialog was made of the file as it was; the file has changed before it is confirmed
say 'key x' 'wait Apply all' 'type a' 'wait Cancel' 'type \r' 'wait look at it again and confirm' 'wait Close'
reached
is "$(sql main db -c "SELECT count(*) FROM pg_class WHERE relname IN ('made_first', 'made_second')")" 0 "a file that changed after it was shown is not run"
# the list has read the file again once it shows its new checksum
say 'key esc' 'gone Close' 'key r' "wait $(sha256sum $new/migration.sql | cut -c 1-10)" 'key x' 'wait Apply all' 'type a' 'wait Cancel' 'type \r' 'wait 13 applied'
reached
is "$(sql main db -c "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname IN ('made_first', 'made_second')")" made_second "looked at again, the new text runs"
"$SEEDOPS" migrate status local >"$T/status" 2>&1
is "$?" 0 "and the ledger has the checksum of what is on disk"
sed -i 's/Rhône, Sion"/Rhône à Sion"/' seeds/station.yaml
say 'key 1' 'key r' 'wait 1 changed' 'key x' 'wait Seed' 'type s' 'wait update' 'type \r' 'wait HEALTHY' 'key q' 'exit 0'
exec 8>&-
if wait $driver; then ok "an edited fixture is seen by r, planned and seeded"; else not_ok "an edited fixture is seen by r, planned and seeded"; note "$(cat "$T/driver.log")"; fi
is "$(sql main db -c "SELECT name FROM \"Station\" WHERE \"ofevCode\" = '2011'")" 'Rhône à Sion' "with its new text"
finish
