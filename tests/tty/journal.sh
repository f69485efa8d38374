#!/usr/bin/env bash
# What the console and the commands record: on which database, what was decided, run and noted, and no secret,
# whichever way it came in. And `seedops sessions`, which lists it.
. "$(dirname "$0")/../lib-tty.sh"
sessions=$XDG_STATE_HOME/seedops/sessions
newest() { ls "$sessions"/*.jsonl | sort | tail -1; }
inputs() { jq -c "select(.in.kind == \"$2\") | .in" "$1"; }

port=$(free_port)
cluster_start main "listen_addresses='127.0.0.1'" "port=$port" || exit 1
ours() { as_server "$PGBIN/psql" -XAtq -v ON_ERROR_STOP=1 -h "$T/main" -p "$port" -U postgres "$@"; }
ours -d postgres -c 'create database db'
url=postgresql://postgres@/db?host=$T/main\&port=$port
mkdir "$T/p"; cp -r "$TOP/seedops.yaml" "$TOP/migrations" "$TOP/seeds" "$T/p"; cd "$T/p" || exit 1
export LOCAL_DATABASE_URL=$url
identifier=$(ours -d db -c 'select system_identifier from pg_control_system()')

# ---- what a command records; modes under a lax umask ----
umask 0
SSH_CONNECTION='192.0.2.7 50000 192.0.2.1 22' so migrate local
umask 077
journal=$(newest)
is "$(stat -c %a "$sessions") $(stat -c %a "$journal")" "700 600" "a journal is 0600 in a 0700 directory, under umask 0 too"
is "$(head -1 "$journal" | jq -r '[.environment, .command, .from] | join(" ")')" "local migrate 192.0.2.7" "its header says what, where and from where"
is "$(inputs "$journal" identity | jq -r '.server | .database + " " + .system_identifier' | sort -u)" "db $identifier" "a command's journal says which database it was pointed at"
is "$(inputs "$journal" guard | jq -r '[.name, .ok] | join(" ")')" "migrate true" "and what the guard allowed"
like "$(inputs "$journal" statement | jq -r .text)" 'CREATE TABLE "Station"' "and what was run"
so seed local --confirm wrong
is "$rc $(inputs "$(newest)" outcome | jq -r .error.class)" "5 refused" "a refusal is on record"
PROD_DATABASE_URL=$url PROD_DIRECT_URL=$url so seed production
is "$rc $(inputs "$(newest)" guard | jq -c '[.name, .title, .ok // false]' | sort -u)" '5 ["seed","production",false]' "so is what the guard refused"
is "$(inputs "$(newest)" start | jq -r .text)" "command: seed" "with the words of the command line"
forget_databases   # one database under two names is a copy

# ---- the console ----
check "the console records, a note too" term "$SEEDOPS" local <<'END'
size 120 40
wait 12 applied
expect ● rec
key m
wait note
type called the hosting company
key enter
wait Noted in the journal
key 7
wait called the hosting company
key q
key q
exit 0
END
journal=$(newest)
is "$(inputs "$journal" note | jq -r .text)" "called the hosting company" "the note is in the journal"
is "$(head -1 "$journal" | jq -r '[.columns, .rows] | join("x")')" 120x40 "the size of the terminal in its header"
is "$(inputs "$journal" identity | jq -r .server.system_identifier | sort -u)" "$identifier" "and the database it looked at"
is "$(tail -1 "$journal" | jq -r '.end.summary | [.notes, (.databases | length)] | join(" ")')" "1 1" "its last line sums it up"

sed 's/^  local:/  off:\n    url: ${LOCAL_DATABASE_URL}\n    journal: off\n  local:/' seedops.yaml >off.yaml
before=$(ls "$sessions" | wc -l)
check "journal: off is shown" term "$SEEDOPS" --config off.yaml off <<'END'
size 120 40
wait 12 applied
expect ○ off
key q
exit 0
END
is "$(ls "$sessions" | wc -l)" "$before" "and nothing is recorded"
check "recording stops when such an environment is opened" term "$SEEDOPS" --config off.yaml <<'END'
size 120 40
wait ● rec
key :
type off
key enter
wait 12 applied
wait ○ off
key q
key q
exit 0
END
is "$(inputs "$(newest)" journal | tail -1 | jq -r .text)" "off has journal: off" "which its last line says"
is "$(inputs "$(newest)" status | wc -l)" 0 "and nothing of the environment is in it"

# ---- a disk that fills up under it ----
cat >"$T/full.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int fd, const void *bytes, size_t length)
{
    static ssize_t (*real)(int, const void *, size_t);
    char link[64], path[4096] = "";
    if (!real)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/sessions/") && access(DISK "/hangs", F_OK) == 0)
        while (access(DISK "/hangs", F_OK) == 0)
            usleep(20000);
    if (strstr(path, "/sessions/") && access(DISK "/full", F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, bytes, length);
}
END
cc -shared -fPIC -DDISK="\"$T\"" -o "$T/full.so" "$T/full.c" -ldl || exit 1
drive() { rm -f "$T/script"; mkfifo "$T/script"; LD_PRELOAD=$T/full.so ASAN_OPTIONS=verify_asan_link_order=0 term "$SEEDOPS" local <"$T/script" >"$T/driver.log" 2>&1 & driver=$!; exec 8>"$T/script"; }
say() { printf '%s\n' "$@" >&8; }
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 60 test -e "$T/reached"; }
driven() { exec 8>&-; if wait $driver; then ok "$1"; else not_ok "$1"; note "$(cat "$T/driver.log")"; fi; }
drive
say 'size 120 40' 'wait 12 applied' 'wait ● rec'
reached; touch "$T/full"
say 'key 2' 'wait ✗ not recorded' 'key 3' 'wait Measurement' 'key Q' 'exit 0'
driven "a disk that fills up is shown, and stops nobody"
rm "$T/full"
drive
say 'size 120 40' 'wait 12 applied' 'wait ● rec'
reached; touch "$T/hangs"
say 'key 2' 'wait 20260420184112' 'key 3' 'wait Measurement' 'wait ✗ not recorded' 'expect Measurement'
reached; rm "$T/hangs"
say 'wait ● rec' 'key Q' 'exit 0'
driven "so is one that hangs; keys are answered meanwhile, and it is recorded when it answers"
so sessions --verify "$(newest)"
is "$rc ${out%% *}" "0 whole" "with nothing missing"

# ---- killed ----
exec 8>&-; rm -f "$T/script"; mkfifo "$T/script"
"$SEEDOPS" wait --url "postgresql://postgres@127.0.0.1:1/x" >/dev/null 2>&1 & killed=$!
wait_for 60 grep -q '"kind":"start"' <(cat "$sessions"/*-$killed-*.jsonl 2>/dev/null) || wait_for 60 test -n "$(ls "$sessions" | grep -- "-$killed-")"
state() { "$SEEDOPS" sessions --json | jq -r ".sessions[] | select(.session | contains(\"-$killed-\")) | .state"; }
is "$(state)" running "a session that runs is listed as running"
kill -9 $killed; wait $killed 2>/dev/null
is "$(state)" killed "and as killed, afterwards"

# ---- the list ----
so seed local
so diff local Station
is "$(inputs "$(newest)" store | jq -c '[.name, .tables[0].missing]')" '["diff:Station",null]' "a command's journal has what it showed"
so sessions
like "$out" "local +db on .*#$identifier +migrate +ok" "the list says who did what on which database"
is "$(head -2 <<<"$out" | tail -1 | grep -c ' diff ')" 1 "newest first"
count() { "$SEEDOPS" sessions --json "$@" | jq '.sessions | length'; }
is "$(count --outcome refused)" 2 "--outcome refused"
is "$(count --action migrate) $(count --action prune)" "1 0" "--action"
is "$(count --table Station)" 2 "--table: what was written or compared"
is "$(count --environment production) $(count --environment nowhere)" "1 0" "--environment"
is "$(count --user "$(id -un)" --since 1h) $(count --user nobody) $(count --until 1h)" "$(count) 0 0" "--user, --since, --until"
so sessions --outcome perhaps; is "$rc" 64 "a word that is no outcome"
so sessions last; is "$rc" 64 "a session that nothing is to be done with"
(cd / && env -i PATH="$PATH" HOME="$HOME" XDG_STATE_HOME="$XDG_STATE_HOME" "$SEEDOPS" sessions) >"$T/out" 2>&1
is "$? $(wc -l <"$T/out")" "0 $(("$(count)" + 1))" "without a database and a configuration"
two=$(ls "$sessions"/*.jsonl | sort | sed -n '1p;$p')
# shellcheck disable=SC2086
so sessions --merge $two --json
is "$(jq -r '[.timeline[].at] == ([.timeline[].at] | sort)' <<<"$out") $(jq -r '[.timeline[].session] | unique | length' <<<"$out")" "true 2" "--merge: one timeline by the wall clock"
so sessions --merge $two
like "$out" "^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3}Z  1  " "in words, a moment is one"

# the first format had no ID in its header
printf '{"journal":1,"started_ms":1577836800000,"command":"status","hash":"H"}\n' >"$sessions/20200101T000000Z-1-00000000.jsonl"
so sessions
like "$out" '^20200101T000000Z-1-00000000 +2020-01-01' "a journal without an ID is listed by its file's name"
rm "$sessions/20200101T000000Z-1-00000000.jsonl"

# ---- a question still to come is no refusal ----
check "a plan is made, and not carried out" term "$SEEDOPS" local <<'END'
size 120 40
wait 12 applied
key W
wait WRITE
key x
wait Reset
key e
wait carries it out
key Q
exit 0
END
is "$(inputs "$(newest)" guard | jq -c 'select(.ok | not)')" "" "that its name was not typed yet is not on record as a refusal"

# ---- the final hash, where the session's user cannot take it back ----
so mark local
ours -d db -c 'DELETE FROM "Station"'
check "a console seeds" term "$SEEDOPS" local <<'END'
size 120 40
wait 12 applied
type W
wait WRITE
type x
wait Seed
type s
wait 34 rows
key enter
wait Seeded local
key q
exit 0
END
is "$(ours -d db -c "SELECT action || ' ' || object || ' ' || journal_hash FROM seedops.actions ORDER BY id DESC LIMIT 1")" \
    "session end $(tail -n 1 "$(newest)" | jq -r .hash)" "and leaves its journal's final hash in the database"
is "$(ours -d db -c "SELECT count(*) FROM seedops.actions WHERE action = 'session'")" 2 "as the mark did, and nothing that only looked"
ours -d db -c 'DROP SCHEMA seedops CASCADE'

# ---- no secret, whichever way it comes ----
ours -d postgres -c "alter user postgres password 'canary-one-7'"
printf 'host all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n' | as_server tee "$T/main/data/pg_hba.conf" >/dev/null
ours -d postgres -c 'select pg_reload_conf()' >/dev/null
tcp=127.0.0.1:$port/db
no_config() { (cd "$T/none" && "$SEEDOPS" "$@" >"$T/out" 2>"$T/err"); rc=$?; }
mkdir "$T/none"
no_config count --url "postgresql://postgres:canary-one-7@$tcp"; a=$rc
DATABASE_URL="postgresql://postgres:canary-one-7@$tcp" no_config count; b=$rc
PGPASSWORD=canary-one-7 no_config count --url "postgresql://postgres@$tcp"; c=$rc
printf '127.0.0.1:%s:*:postgres:canary-one-7\n' "$port" >"$HOME/.pgpass"; chmod 600 "$HOME/.pgpass"
no_config count --url "postgresql://postgres@$tcp"; d=$rc
rm "$HOME/.pgpass"
mkdir -p "$HOME/.config/seedops"
printf "environments:\n  e:\n    url: 'postgresql://postgres@%s'\n    password_command: echo canary-one-7\n" "$tcp" >"$HOME/.config/seedops/c.yaml"
no_config count --config "$HOME/.config/seedops/c.yaml"; e=$rc
is "$a $b $c $d $e" "0 0 0 0 0" "a password by --url, DATABASE_URL, PGPASSWORD, .pgpass and password_command lets in"
no_config count --url "postgresql://postgres:canary-one-8@$tcp"; is "$rc" 2 "a wrong one does not"
check "a password typed at the console's prompt lets in" term "$SEEDOPS" --url "postgresql://postgres@$tcp" <<'END'
size 120 40
wait Password for
type canary-one-7
key enter
wait 12 applied
key q
exit 0
END
ours -d db -c 'create table login (name text primary key, pw text, hash text, token text check (length(token) < 40))'
mkdir "$T/s"; cat >"$T/s/login.yaml" <<'END'
table: login
rows:
  - {name: a, pw: !env CANARY, hash: !argon2id {env: CANARY}, token: canary-three-7}
END
printf 'tables: {login: {secret: [token]}}\nenvironments: {local: {url: "%s"}}\n' "$url" >"$T/secret.yaml"
export CANARY=canary-two-7
so seed local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"; is "$rc" 0 "!env, !argon2id and a secret column are seeded"
is "$(inputs "$(newest)" statement | jq -c 'select(.text | startswith("INSERT INTO \"public\".\"login\"")) | [.columns[].text, .rows[0].cells[].text]')" \
    '["$1 name","$2 pw","$3 hash","$4 token","a","[REDACTED]","[REDACTED]","[REDACTED]"]' "values of the statement are on record, secret ones as such"
ours -d db -c "update login set pw = 'canary-old-7', token = 'canary-old-8'"
so diff local --json --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"; is "$rc" 4 "and compared"
so capture local login --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"
check "and looked at, row by row" term "$SEEDOPS" local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none" <<'END'
size 120 40
wait login
key 4
wait 1 of 1 table
key enter
wait REDACTED
key q
key Q
exit 0
END
so seed local --json --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"
safepoint=$(jq -r .safepoint <<<"$out")
is "$(inputs "$(newest)" statement | jq -c 'select(.text | startswith("UPDATE")) | [.columns, .rows[0].cells] | transpose | map(map(.text) | join("=")) | join(" ")')" \
    '"$1 pw=[REDACTED] $2 token=[REDACTED] $3 name (key)=a $4 pw (before)=[REDACTED] $5 token (before)=[REDACTED]"' "so are those of an update, and what was there before"
background "$PGBIN/psql" -X -h "$T/main" -p "$port" -U postgres -d db -c "select pg_sleep(600), 'canary-five-7' /* canary-five-8 */ from login where token <> 'canary-five-9'"
asleep() { [ "$(ours -d db -c "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ]; }
wait_for 60 asleep
check "what others run is shown without its literals" term "$SEEDOPS" local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none" <<'END'
size 160 40
wait login
key 6
wait select pg_sleep(...), '...' from login where token <> '...'
key Q
exit 0
END
kill "$bg"
so restore local "$safepoint" --confirm local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"
is "$rc $(ours -d db -c 'select token from login')" "0 canary-old-8" "and put back from a safepoint"
sed -i 's/canary-three-7/canary-three-7-which-is-longer-than-40-characters/' "$T/s/login.yaml"
so seed local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none"; is "$rc" 1 "a row that the server refuses"
so seed local --config "$T/secret.yaml" --seeds "$T/s" --migrations "$T/none" --log-format json
mkdir "$T/m"; echo "create role canary_role password 'canary-four-7';" >"$T/m/001_role.up.sql"
ours -d postgres -c 'create database roles'
so migrate --url "postgresql://postgres@/roles?host=$T/main&port=$port" --config "$T/secret.yaml" --migrations "$T/m" --seeds "$T/none"; is "$rc" 0 "a migration that sets a password"
all=$(ls "$sessions"/*.jsonl)
is "$(grep -lE 'canary-(one|two|three|old|four|five)' $all)" "" "no journal has any of them"
is "$(grep -rlE 'canary-(one|two|three|old|four|five)' "$XDG_STATE_HOME" --include='*' | grep -v safepoint)" "" "nor has anything else in the state directory"
# shellcheck disable=SC2086
"$SEEDOPS" report $all >"$T/report.md" && "$SEEDOPS" report --json $all >"$T/report.json" && "$SEEDOPS" report --html $all >"$T/report.html"
is "$?" 0 "the reports are written"
for one in $all; do "$SEEDOPS" report --cast "$one"; done >"$T/casts" 2>&1
is "$(grep -lE 'canary-(one|two|three|old|four|five)' "$T"/report.* "$T/casts")" "" "no report and no cast has any of them"
is "$(test -s "$T/casts" && grep -c REDACTED "$T/report.html")" "$(grep -c REDACTED "$T/report.html")" "which have been written"

# ---- safepoints are listed with them ----
so sessions
like "$out" '^SAFEPOINTS' "sessions lists safepoints, too"
like "$(sed -n '/^SAFEPOINTS/,$p' <<<"$out")" 'ago, .*B, before seed of local .*' "with age, size and what they were made before"
like "$(sed -n '/^SAFEPOINTS/,$p' <<<"$out")" '1 changed of login' "and what they hold"
saved() { "$SEEDOPS" sessions --json "$@" | jq '.safepoints | length'; }
is "$(saved --action seed) $(saved --action prune) $(saved --environment nowhere) $(saved --table login) $(saved --outcome ok) $(saved --until 1h)" \
    "1 0 0 1 0 0" "the filters choose among those, too"
# ---- a configured state directory is looked in ----
mkdir "$T/elsewhere"; cp "$TOP/seedops.yaml" "$T/elsewhere"; (cd "$T/elsewhere" && mkdir migrations seeds)
sed -i "s,^  local:,  local:\n    state_dir: $T/elsewhere/state," "$T/elsewhere/seedops.yaml"
cd "$T/elsewhere" || exit 1
so status local
other=$(basename "$T"/elsewhere/state/sessions/*.jsonl .jsonl)
so sessions
like "$(sed -n 2p <<<"$out")" "^$other " "sessions looks below the state_dir of the configuration's environments, newest first"
like "$out" "$(basename "$journal" .jsonl)" "and below the user's own"
so report --json last
is "$(jq -r '.sessions[0].session' <<<"$out")" "$other" "report last finds the newest of both"
so replay "${other:0:20}" --at end --dump 80x24; is "$rc" 0 "replay finds one by its ID"
echo 'version: [' >seedops.yaml
so replay last --at end --dump 80x24
is "$rc" 0 "a configuration that cannot be read stops nobody"
like "$err" 'its state_dir is not looked at' "and is said"
cd "$T/p" || exit 1

# ---- every line fits the schema; what is changed afterwards is found ----
# shellcheck disable=SC2086
check "every line recorded here fits the schema" python3 "$TOP/tests/schema.py" "$TOP/doc/journal.schema.json" $all
sed '2s/"sequence":"1"/"sequence":1/' "$journal" >"$T/bad.jsonl"
run python3 "$TOP/tests/schema.py" "$TOP/doc/journal.schema.json" "$T/bad.jsonl"
is "$rc" 1 "one that does not would be seen"
so sessions --verify; is "$rc" 0 "all chains hold"
seed=$RANDOM; RANDOM=$seed; bad=0
for i in 1 2 3 4 5 6 7 8; do
    lines=$(wc -l <"$journal"); at=$((2 + RANDOM % (lines - 3)))
    case $((i % 3)) in
    0) sed "${at}s/\"n\":/\"m\":/" "$journal" ;;
    1) sed "${at}d" "$journal" ;;
    2) sed -n "${at}{h;n;G};p" "$journal" ;;
    esac >"$T/changed.jsonl"
    so sessions --verify "$T/changed.jsonl"
    [ "$rc" = 4 ] && grep -q "^DAMAGED  $T/changed.jsonl:$at " <<<"$out" || { bad=$((bad + 1)); note "seed $seed, $i at $at: $out"; }
done
is "$bad" 0 "a changed, a removed and a swapped line are named"
head -c -100 "$journal" >"$T/cut.jsonl"
so sessions --verify "$T/cut.jsonl"
like "$out" "^NO END   $T/cut.jsonl:$(wc -l <"$journal") " "so is where a cut one ends"

# ---- the last hash goes where its writer cannot take it back ----
if [ "$(id -u)" = 0 ] && [ ! -e /dev/log ] && [ -n "$(command -v socat)" ]; then
    background socat -u UNIX-RECV:/dev/log,mode=666 "OPEN:$T/syslog,creat,append"
    wait_for 60 test -S /dev/log
    so status local
    hash=$(tail -1 "$(newest)" | jq -r .hash)
    wait_for 60 grep -q "$hash" "$T/syslog"
    rm -f /dev/log
    like "$(tr -d '\0' <"$T/syslog")" "<85>[^<]*seedops.*session $(basename "$(newest)" .jsonl) of .* on local: [0-9]+ inputs, journal hash $hash" "the system's log has the last hash"
else
    ok "the system's log has the last hash # SKIP syslog: not root, or there is one already, or no socat"
fi

# ---- small limits ----
printf 'journals: {segment: 8 KiB, session: 24 KiB}\n' | cat - seedops.yaml >small.yaml
check "a session over its limit goes on in new files, and says what it dropped" term "$SEEDOPS" --config small.yaml local <<END
size 120 40
wait 12 applied
$(for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 'key r\nkey 3\nwait Measurement\nkey r\nkey 2\nwait 20260420184112\nkey r\nkey 1\nwait 12 applied\n'; done)
key 7
wait was dropped
key Q
exit 0
END
so sessions --json
session=$(jq -r '.sessions[0].session' <<<"$out")
is "$(jq -r '.sessions[0] | (.segments > 1 and .dropped_segments > 0 and .bytes < 100000)' <<<"$out") $(jq -r '.dropped.files > 0' <<<"$out")" "true true" "which sessions shows"
so sessions --verify "$session"; is "$rc ${out%% *}" "0 whole" "what is left of it joins up"
"$SEEDOPS" replay "$session" --at end --dump 120x40 >"$T/replayed"
is "$(grep -c '▌LOCAL▐ local  db on' "$T/replayed") $(grep -c 'was dropped' "$T/replayed" | sed 's/[1-9].*/some/')" "1 some" "and replays to its last screen"
finish
