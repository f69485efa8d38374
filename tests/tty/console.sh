#!/usr/bin/env bash
# The console on a pseudo-terminal and a real cluster: case C after somebody emptied it.
. "$(dirname "$0")/../lib.sh"
BUILD=${BUILD:-.}
SEEDOPS=$(command -v "$SEEDOPS")
term() { "$BUILD/tests/tty/term" "$@"; }
export TERM=xterm-256color
unset NO_COLOR COLORFGBG TMUX

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
}
stations() { sql main "$database" -c 'SELECT count(*) FROM "Station"'; }
newest_journal() { ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl 2>/dev/null | head -n 1; }
# Keeps other sessions from writing stations until `unlock`: an operation that takes long, for as long as wanted.
lock() {
    mkfifo "$T/lock.$1"
    sql main "$database" <"$T/lock.$1" >"$T/lock.out" 2>&1 &
    locker=$!
    exec 7>"$T/lock.$1"
    echo 'BEGIN; LOCK TABLE "Station" IN SHARE MODE; SELECT 1;' >&7
    wait_for 10 grep -q 1 "$T/lock.out"
}
unlock() { exec 7>&-; wait "$locker"; }
waits_for_lock() {
    [ "$(sql main "$database" -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND datname = '$database'")" = 1 ]
}
nobody_is_connected() {
    [ "$(sql main postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database'")" = 0 ]
}

use screens
check "opens on the Overview; digits change screens and change nothing else" term "$SEEDOPS" local <<'END'
size 110 32
wait Catchment
wait 12 applied
altscreen on
key 2
wait 20251020081502_init
key 3
wait operational
key 4
wait tables with fixtures
key 6
wait statement
key 7
wait newest last
key 0
wait environment
key 1
wait Catchment
key 8 9
key esc
alive
expect Catchment
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

finish
