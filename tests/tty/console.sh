#!/usr/bin/env bash
# The console on a pseudo-terminal and a real cluster: case C after somebody emptied it.
. "$(dirname "$0")/../lib-tty.sh"

cluster_start main
project=$T/project
mkdir "$project"
cp -r "$TOP/seedops.yaml" "$TOP/migrations" "$TOP/seeds" "$project"
cd "$project" || exit 1
export PROD_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none" PROD_DIRECT_URL="postgresql://nobody@127.0.0.1:1/none"

# Migrated, seeded, emptied. use NAME: the database that `local` is from here on.
createdb_in main template_c
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url main template_c)
"$SEEDOPS" migrate local >"$T/setup.log" 2>&1 && "$SEEDOPS" seed local >>"$T/setup.log" 2>&1 || { cat "$T/setup.log"; exit 1; }
sql main template_c -c 'DELETE FROM "Station"; DELETE FROM "Withdrawal"; DELETE FROM "Glacier"; DELETE FROM "Catchment"'
use() {
    sql main postgres -c "create database \"$1\" template template_c"
    LOCAL_DATABASE_URL=$(url main "$1"); database=$1
    forget_databases
}
stations() { sql main "$database" -c 'SELECT count(*) FROM "Station"'; }
newest_journal() { ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl 2>/dev/null | head -n 1; }
# Keeps other sessions from writing stations until `unlock`: an operation that takes as long as wanted.
lock() {
    PGAPPNAME=locker sql main "$database" -c 'BEGIN; LOCK TABLE "Station" IN SHARE MODE; SELECT pg_sleep(600)' \
        >"$T/lock.out" 2>&1 &
    locker=$!
    wait_for 60 holds_lock
}
holds_lock() {
    [ "$(sql main "$database" -c "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'ShareLock'
        AND relation = '\"Station\"'::regclass")" = 1 ]
}
unlock() {
    sql main postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'locker'" >"$T/unlock.out"
    wait "$locker" 2>/dev/null
}
waits_for_lock() {
    [ "$(sql main "$database" -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND datname = '$database'")" = 1 ]
}
console_is_gone() {
    [ "$(sql main postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seedops'
        AND datname = '$database'")" = 0 ]
}

# A console that runs beside the test: say lines of the script to it, and `driven NAME` in the end.
drive() {
    rm -f "$T/script"; mkfifo "$T/script"
    term "$SEEDOPS" local <"$T/script" >"$T/driver.log" 2>&1 &
    driver=$!
    exec 8>"$T/script"
}
trap '' PIPE     # a script that failed has ended before it was told all
say() { printf '%s\n' "$@" >&8; } 2>/dev/null
# Waits until the script has got this far.
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 60 test -e "$T/reached"; }
driven() { exec 8>&-; if wait "$driver"; then ok "$1"; else not_ok "$1"; note "$(cat "$T/driver.log")"; fi; }

use screens
check "opens on the Overview; digits change screens and change nothing else" term "$SEEDOPS" local <<'END'
size 110 32
wait Catchment
wait 12 applied
altscreen on
key 2
wait 20251020081502_init
key 3
wait 10 tables
key 4
wait  live  
key 6
wait statement
key 7
wait newest last
key 0
wait environment
key 1
wait Catchment
key 8
wait No plan yet
key 9
key 1
wait 12 applied
alive
key q q q
exit 0
altscreen off
echo on
cursor visible
END
is "$(stations)" 0 "no digit wrote anything"

check "an idle console uses no processor time" term "$SEEDOPS" local <<'END'
wait 12 applied
idle 1500
key ctrl-c
wait ctrl-c again leaves
key ctrl-c
exit 0
END

use seeded
check "four keys from an empty Station to a full one" term "$SEEDOPS" local <<'END'
size 110 32
wait 12 applied
type W
wait WRITE
type x
wait Seed
type s
wait 39 rows
key enter
wait Seeded local
END
is "$(stations)" 7 "all seven stations are there"

sometimes "Esc answers at once" term "$SEEDOPS" local <<'END'
wait 12 applied
type x
wait Seed
mark
key esc
gone Seed:
since 150
END

use pasted
check "a paste is one message, and what it does shows" term "$SEEDOPS" local <<'END'
wait 12 applied
type /
wait Enter choose
paste Thresh\nold
wait search / Threshold
key esc
gone Enter choose
key q
exit 0
END
is "$(grep -c '"kind":"text"' "$(newest_journal)")" 1 "one line in the journal"

check "a resize storm ends with the right screen" term "$SEEDOPS" local <<'END'
wait 12 applied
resize 61 17
resize 300 100
resize 59 15
resize 200 50
resize 80 24
resize 59 15
resize 100 30
resize 40 8
resize 120 40
resize 80 16
resize 132 43
wait IngestionRun
alive
resize 60 15
wait 60x16
wait has 60x15
resize 59 16
wait has 59x16
resize 60 16
wait Catchment
key q
exit 0
END

check "below the least size no key acts blindly" term "$SEEDOPS" local <<'END'
wait 12 applied
resize 59 15
wait 60x16
type Wxs
key enter
type 2
paste pasted
idle 300
resize 100 30
wait Catchment
expect READ-ONLY
refute Enter choose
resize 59 15
wait 60x16
key ctrl-c
key ctrl-c
exit 0
END

check "NO_COLOR" env NO_COLOR=1 "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
wait 12 applied
plain
END
check "--color never" term "$SEEDOPS" local --color never <<'END'
wait 12 applied
plain
END
check "colours otherwise" term "$SEEDOPS" local <<'END'
wait 12 applied
colored
END
check "LANG=C" env -u LC_ALL LANG=C "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
wait 12 applied
expect ▸ Catchment
END
for kind in dumb nonsense; do
    check "TERM=$kind: one sentence, exit 1" env TERM=$kind "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
wait seedops status
exit 1
echo on
END
done
check "TERM unset: one sentence, exit 1" env -u TERM "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
wait seedops status
exit 1
END
run "$SEEDOPS" local </dev/null
is "$rc" 1 "no terminal: exit 1"
like "$err" 'seedops status' "no terminal: the sentence names the way out"

# ---- rows, files, copies ----

use differs
"$SEEDOPS" seed local >"$T/setup.log" 2>&1 || cat "$T/setup.log"
sql main differs <<'SQL'
UPDATE "Station" SET name = 'Somewhere else' WHERE "ofevCode" = '2011';
DELETE FROM "Sensor" WHERE "stationId" = (SELECT id FROM "Station" WHERE "ofevCode" = '2009');
SQL
cat >"$T/editor" <<'END'
#!/bin/sh
printf '%s\n' "$PWD" "$@" >"$EDITED"
printf 'the editor has the terminal\n'
read -r line
END
chmod 755 "$T/editor"
export EDITED=$T/edited
check "a table's rows, searched, filtered, copied, edited" env EDITOR="$T/editor" "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
size 120 30
wait 12 applied
key 4
wait ▸ Station
type /
wait Enter choose
type Station
key enter
gone Enter choose
key enter
wait Somewhere else
expect changed
expect 2011
type f
wait Enter choose
type nobody
key enter
gone Somewhere else
key esc
wait Somewhere else
type y
output \e]52;c;U29tZXdoZXJlIGVsc2U=\x07
type e
wait the editor has the terminal
altscreen off
echo on
key enter
altscreen on
echo off
wait Somewhere else
key q q q
exit 0
END
is "$(sed -n 1p "$EDITED")" "$(cd "$project" && pwd -P)" "the editor starts where the names do"
like "$(sed -n 2p "$EDITED")" '^\+[0-9]+$' "it gets the line"
is "$(sed -n 3p "$EDITED")" seeds/station.yaml "it gets the file"
line=$(sed -n 2p "$EDITED")
like "$(sed -n "${line#+},+3p" seeds/station.yaml)" 2011 "which is the row's"

# Files change while the console is open: what e wrote is read at the next look, nothing needs a new start.
cp seeds/station.yaml "$T/station.yaml"
printf '#!/bin/sh\nsed -i "${1#+},+3s/name: .*/name: Somewhere else/" "$2"\necho mended\nread -r line\n' >"$T/fixer"
chmod 755 "$T/fixer"
check "a fixture mended from the console is read anew" env EDITOR="$T/fixer" "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
size 120 30
wait 12 applied
key 4
wait tables with fixtures differ
key enter
wait declared at
type e
wait mended
key enter
altscreen on
wait declared at
key r
wait is as its fixture declares it
key q q q
exit 0
END
cp "$T/station.yaml" seeds/station.yaml

check "after Activity's own connection the first one still answers" term "$SEEDOPS" local <<'END'
size 120 30
wait 12 applied
key 6
wait statement
gone looking
key 4
wait ▸ Station
key enter
wait Somewhere else
gone comparing
key 6
wait statement
key 1
wait Catchment
key r
gone looking
key q q
exit 0
END

check "a click selects, two open" term "$SEEDOPS" local <<'END'
size 120 30
wait 12 applied
wait Station
key 4
wait ▸ Station
click 6 5
click 6 5
wait declared
END

for size in 80x24 300x100 60x16; do
    run "$SEEDOPS" local --dump $size
    is "$rc" 4 "--dump $size: the exit code is status's"
    like "$out" 'Catchment' "--dump $size: the screen is drawn"
    is "$(wc -l <"$T/out")" "${size#*x}" "--dump $size: so many lines"
done
mkdir "$T/many"
{
    printf 'version: 1\nproject: many\nmigrations:\n  dir: %s/migrations\nseeds: %s/seeds\nenvironments:\n' "$project" "$project"
    for i in {10..49}; do printf '  env%s:\n    url: %s\n    role: local\n' "$i" "$LOCAL_DATABASE_URL"; done
} >"$T/many/seedops.yaml"
run "$SEEDOPS" --config "$T/many/seedops.yaml" --dump 120x60
is "$(grep -cE 'env[0-9]+ +local +. yes +. yes +. no' <<<"$out")" 40 "forty environments are looked at, each with its lights"
[ "$rc" = 0 ] || note "$rc $err"
run "$SEEDOPS" production --dump 80x24
is "$rc" 2 "--dump: nobody listens"

# ---- signals ----

for signal in TERM HUP; do
    check "SIG$signal ends cleanly" term "$SEEDOPS" local <<END
wait 12 applied
signal $signal
exit 130
altscreen off
cursor visible
echo on
END
    like "$(tail -n 1 "$(newest_journal)")" '"end"' "SIG$signal: the journal is closed"
done
for signal in SEGV ABRT BUS; do
    check "SIG$signal leaves the terminal usable" env ASAN_OPTIONS=handle_segv=0:handle_abort=0:handle_sigbus=0 \
        "$BUILD/tests/tty/term" "$SEEDOPS" local <<END
wait 12 applied
altscreen on
signal $signal
killed $signal
altscreen off
cursor visible
echo on
END
done
check "SIGTERM ends it even when the terminal takes no more" term "$SEEDOPS" local <<'END'
size 200 60
wait 12 applied
deaf
signal TERM
exit 130
echo on
END
check "SIGPIPE is nothing" term "$SEEDOPS" local <<'END'
wait 12 applied
signal PIPE
key 2
wait 20251020081502_init
END
check "stopped by ctrl-z and by a signal, and continued" term "$SEEDOPS" local <<'END'
wait 12 applied
key ctrl-z
stopped
altscreen off
echo on
continue
altscreen on
echo off
wait 12 applied
signal TSTP
stopped
altscreen off
continue
altscreen on
key 2
wait 20251020081502_init
signal STOP
stopped
resize 90 30
continue
wait 20251020081502_init
key q q
exit 0
END

# ---- while a write runs ----

# The keys to a seed, and to one that waits for the lock.
seed='size 110 32
wait 12 applied
type W
wait WRITE
type x
wait Seed
type s
wait 39 rows
key enter'
begin_seed="$seed
wait seeding"

use cancelled
lock
check "ctrl-x cancels a seed that waits" term "$SEEDOPS" local <<END
$begin_seed
key ctrl-x
wait Seeding stopped
key q
exit 0
END
unlock
is "$(stations)" 0 "cancelled: nothing was written"

use unread
lock
drive
say "$begin_seed"
check "a seed waits for a lock" wait_for 60 waits_for_lock
say deaf; reached
waits_no_more() { ! waits_for_lock; }
say 'key ctrl-x'
check "ctrl-x cancels although the terminal takes nothing that is drawn" wait_for 60 waits_no_more
say hears 'wait Seeding stopped' 'key q' 'exit 0'
driven "once it is read again, the screen shows what became of it"
unlock
is "$(stations)" 0 "cancelled unread: nothing was written"

use left
lock
check "leaving while a write runs asks first, then cancels" term "$SEEDOPS" local <<END
$begin_seed
type q
wait Leave while a write runs?
key tab
key enter
exit 0
END
check "its connections are closed" wait_for 60 console_is_gone
unlock
is "$(stations)" 0 "left: nothing was written"

use stopped
lock
drive
say "$begin_seed"
check "a seed waits for a lock" wait_for 60 waits_for_lock
say 'key ctrl-z' stopped 'altscreen off' 'echo on'
console_stopped() { grep -q 'State:.*stopped' /proc/"$(innermost "$driver")"/status; }
check "ctrl-z stops in the middle of a write" wait_for 60 console_stopped
unlock
say continue 'altscreen on' 'wait Seeded local' 'key q' 'exit 0'
driven "and it goes on"
is "$(stations)" 7 "stopped and continued: everything was written"

use hungup
lock
check "the terminal is closed in the middle of a write" term "$SEEDOPS" local <<END
$begin_seed
hangup
exit 130
END
check "its connections are closed" wait_for 60 console_is_gone
unlock
is "$(stations)" 0 "closed: nothing was written"
like "$(tail -n 1 "$(newest_journal)")" '"end"' "closed: the journal is"

use killed
lock
check "SIGTERM in the middle of a write" term "$SEEDOPS" local <<END
$begin_seed
signal TERM
exit 130
echo on
altscreen off
END
unlock
is "$(stations)" 0 "terminated: nothing was written"
like "$(grep '"outcome"' "$(newest_journal)" | tail -n 1)" 'cancelled' "terminated: how the write ended is in the journal"

# ---- two at once, homes, secrets ----

use shared
drive
say 'size 110 32' 'wait 12 applied' 'wait EMPTY' "touch $T/second-open"
wait_for 60 test -e "$T/second-open"
check "two consoles: the first seeds" term "$SEEDOPS" local <<END
$seed
wait Seeded local
key q
exit 0
END
say 'key r' 'gone EMPTY' 'key q' 'exit 0'
driven "two consoles: the second sees it"

# ---- the server goes and comes ----

drive
say 'size 110 32' 'wait HEALTHY' 'type W' 'wait WRITE 10'
reached
cluster_stop main
say 'key r' 'gone WRITE' 'wait not ready yet'
reached
cluster_start main 8>&-
say 'gone not ready yet' 'wait HEALTHY' 'expect READ-ONLY' 'key q' 'exit 0'
driven "a lost connection ends write mode, is tried again, and looks again"
cluster_stop main
drive
say 'size 110 32' 'wait not ready yet' 'wait ctrl-x' 'key ctrl-x' 'wait cancelled' 'key r' 'wait not ready yet'
reached
cluster_start main 8>&-
say 'gone not ready yet' 'wait HEALTHY' 'key q' 'exit 0'
driven "a server that is down is waited for, unless cancelled"

check "a state directory that cannot be written: works, and says so" \
    env XDG_STATE_HOME=/proc/none "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
size 110 32
wait 12 applied
wait not recorded
key q
exit 0
END
if [ "$(id -u)" = 0 ]; then
    # nobody has no home of his own, and HOME is another's
    chmod 755 "$HOME"
    # the checkout may lie where nobody may look
    install -m 755 "$BUILD/tests/tty/term" "$SEEDOPS" "$T"
    for home in /nonexistent "$HOME"; do
        check "HOME missing or another's: works, and says so" runuser -u nobody -- \
            env -u XDG_STATE_HOME HOME="$home" "$T/term" "$T/seedops" local <<'END'
size 110 32
wait 12 applied
wait not recorded
key q
exit 0
END
    done
    # root by sudo: the caller's HOME is left alone
    mkdir "$T/caller"
    chown nobody "$T/caller"
    touch "$T/before"
    check "root with another's HOME: works" \
        env -u XDG_STATE_HOME HOME="$T/caller" "$BUILD/tests/tty/term" "$SEEDOPS" local <<'END'
size 110 32
wait 12 applied
wait ● rec
key q
exit 0
END
    is "$(find "$T/caller" -mindepth 1)" "" "nothing is written there"
    own=$(getent passwd 0 | cut -d: -f6)/.local/state/seedops/sessions
    is "$(find "$own" -newer "$T/before" -name '*.jsonl' -print -delete | wc -l)" 1 "but in root's own"
else
    note "not tried, it needs root: another's HOME"
fi

sql main postgres -c "create role guest login password 'hunter2'" \
    -c "alter database shared owner to guest" >/dev/null
sql main shared -c "grant select on all tables in schema public to guest" >/dev/null
sed -i '1i local all guest scram-sha-256' "$T/main/data/pg_hba.conf"
sql main postgres -c "select pg_reload_conf()" >/dev/null
LOCAL_DATABASE_URL="postgresql://guest@/shared?host=$T/main"
check "a password is asked for, never shown, and lets in" term "$SEEDOPS" local <<'END'
size 110 32
wait Password for
type hunter3
key backspace
type 2
no-output hunter
refute hunter
key enter
wait 12 applied
no-output hunter
key q
exit 0
END
is "$(grep -c hunter "$(newest_journal)")" 0 "nor is it in the journal"

finish
