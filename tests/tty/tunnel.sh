#!/usr/bin/env bash
# The console over SSH: what it asks, what it shows, and what it does when the session breaks.
. "$(dirname "$0")/../lib-tty.sh"
phrase=canary-phrase-51c0 word=canary-word-77e1

cluster_start socketed || exit 1          # listens on a Unix socket only
cluster_start second || exit 1
createdb_in socketed app; createdb_in second app
sshd_start vps || exit 1
sshd_start other || exit 1
ssh-keygen -q -t ed25519 -N "$phrase" -f "$T/vps/locked" -C locked </dev/null; cat "$T/vps/locked.pub" >>"$T/vps/authorized"
ssh_config <<END
$(ssh_alias vps vps)
$(ssh_alias other other)
$(ssh_alias stranger vps "UserKnownHostsFile $T/met")
$(ssh_alias locked vps "IdentityFile $T/vps/locked")
END
sed -i '/^Host locked/,$ {/vps\/key$/d}' "$HOME/.ssh/config"
project=$HOME/.config/seedops; mkdir -p "$project/seeds" "$project/migrations/0001_init"; cd "$project" || exit 1
echo 'create table "Station" (id int primary key, name text);' >migrations/0001_init/migration.sql
echo 'provider = "postgresql"' >migrations/migration_lock.toml
printf 'table: Station\nrows:\n  - {id: 1, name: one}\n  - {id: 2, name: two}\n' >seeds/station.yaml
here=$T/socketed/.s.PGSQL.5432 there=$T/second/.s.PGSQL.5432
cat >seedops.yaml <<END
tables: {Station: {class: context, min_rows: 2}}
environments:
  vault: {url: "postgresql://postgres@/app", role: production, tunnel: {ssh: vps, socket: "$here"}}
  spoken: {url: "postgresql://postgres@db.internal/app", role: staging, tunnel: {ssh: other, command: "socat - UNIX-CONNECT:$there"}}
  stranger: {url: "postgresql://postgres@/app", role: staging, tunnel: {ssh: stranger, socket: "$here"}}
  locked: {url: "postgresql://postgres@/app", role: staging, tunnel: {ssh: locked, socket: "$here"}}
  both: {url: "postgresql://reader@/app", role: staging, tunnel: {ssh: locked, socket: "$there"}}
END
export SEEDOPS_CONFIG=$project/seedops.yaml ALLOW_PROD_SEED=true
for env in vault spoken; do
    check "$env: migrated" "$SEEDOPS" migrate "$env"
    check "$env: seeded" "$SEEDOPS" seed "$env"
done
newest_journal() { ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl 2>/dev/null | head -n 1; }
logins() { grep -c 'Accepted publickey' "$T/$1/log"; }
drive() { # ENV...
    rm -f "$T/script"; mkfifo "$T/script"
    term "$SEEDOPS" "$@" <"$T/script" >"$T/driver.log" 2>&1 &
    driver=$!
    exec 8>"$T/script"
}
trap '' PIPE
say() { printf '%s\n' "$@" >&8; } 2>/dev/null
reached() { rm -f "$T/reached"; say "touch $T/reached"; wait_for 60 test -e "$T/reached"; }
driven() { exec 8>&-; if wait "$driver"; then ok "$1"; else not_ok "$1"; note "$(cat "$T/driver.log")"; fi; }

# ---- two servers that nothing else reaches ----
before=$(logins vps)
check "a server that listens on a Unix socket over there opens, and the Log has the phases" term "$SEEDOPS" vault <<END
size 200 32
timeout 60000
wait 1 applied
wait HEALTHY
expect vps ⇢ $T/socketed/.s.PGSQL.5432
expect PRODUCTION
key 6
wait statement
gone looking
key 7
wait connected in
expect host key
expect authenticate
expect start-up
key q q
exit 0
END
is "$(($(logins vps) - before))" 1 "Activity's connection came through the same session"
check "a server that only a command reaches opens" term "$SEEDOPS" spoken <<END
size 130 32
timeout 60000
wait HEALTHY
expect other ⇢ \$ socat - UNIX-CONNECT
key q
exit 0
END
is "$("$SEEDOPS" --dump 180x32 | grep -cE '^ . +(vault|spoken) +(production|staging) +. yes +. yes +. yes')" 2 "two environments at once, each through its own"
check "what wants an answer is not looked at, and says so" term "$SEEDOPS" <<END
size 180 32
timeout 60000
wait 3 of 5 environments have something to mend
expect app by vps ⇢
expect app by other ⇢
expect this wants an answer, open the environment
key q
exit 0
END

# ---- what is asked ----
check "an unknown host's key: without a yes it is left alone" term "$SEEDOPS" stranger <<END
size 120 32
timeout 60000
wait SHA256:
type no
key enter
expect SHA256:
key esc
wait UNREACHABLE
key q
exit 0
END
is "$(test -s "$T/met" && echo noted)" "" "it was not noted"
check "yes, typed, notes it and goes on" term "$SEEDOPS" stranger <<END
size 120 32
timeout 60000
wait SHA256:
type yes
key enter
wait HEALTHY
key q
exit 0
END
check "it is in known_hosts" grep -q ssh-ed25519 "$T/met"
check "and is asked no more" term "$SEEDOPS" stranger <<END
size 120 32
timeout 60000
wait HEALTHY
key q
exit 0
END
rm -f "$T/met"
check "a command asks on the terminal" term "$SEEDOPS" status stranger <<END
size 120 32
timeout 60000
wait SHA256:
wait Type yes to go on:
type yes
key enter
wait Station
exit 0
END
check "a passphrase is asked for, and not shown" term "$SEEDOPS" locked <<END
size 120 32
timeout 60000
wait assphrase
type $phrase
no-output $phrase
key enter
wait HEALTHY
no-output $phrase
key q
exit 0
END
is "$(grep -rl "$phrase" "$XDG_STATE_HOME")" "" "nor recorded"

# ---- it breaks ----
cut_off() { sshd_sessions "$1" | xargs -r kill -9; }      # every session of that server
before=$(logins vps)
drive vault
say 'size 130 32' 'timeout 60000' 'wait HEALTHY' 'type W' 'wait Type "vault"' 'type vault' 'key enter' 'wait WRITE 10'
reached
cut_off vps
say 'gone WRITE 10' 'wait READ-ONLY' 'wait HEALTHY' 'key 7' 'wait The connection was lost' 'expect SSH session'
reached
journal=$(newest_journal)
looked_again() { sed -n '/"name":"lost"/,$p' "$journal" | jq -r 'select(.in.kind == "status") | .in.server.identity.state' | grep -qx known; }
check "who answers is asked again, and compared" wait_for 60 looked_again
say 'key 1' 'wait HEALTHY' 'key q' 'exit 0'
driven "a session that broke is opened again by itself, read-only, and says what broke"
is "$(($(logins vps) - before))" 2 "once"
is "$(grep -c '"name":"lost"' "$journal")" 1 "the loss is on record"

before=$(logins vps)
drive locked
say 'size 120 32' 'timeout 60000' 'wait assphrase' "type $phrase" 'key enter' 'wait HEALTHY' 'key 7' 'wait connected in'
reached
cut_off vps
say 'wait The connection was lost' 'key 1' 'wait HEALTHY' "no-output $phrase" 'key q' 'exit 0'
driven "a passphrase that was typed is not asked again for that"
is "$(($(logins vps) - before))" 2 "though the session is a new one"

# A watch has two secrets, and gives each to the one that it was typed for; it comes back with both, and asks nobody.
sql second app -c "create role reader login superuser password '$word'"
sed -i '1i local app reader scram-sha-256' "$T/second/data/pg_hba.conf"; sql second app -c 'select pg_reload_conf()' >/dev/null
drive watch both --interval 0.2
say 'size 150 32' 'timeout 60000' 'wait assphrase' "type $phrase" 'key enter' 'wait Password for' "type $word" 'key enter' 'wait watching both'
reached
cut_off vps
say 'wait is made again'
reached
sessions=$(sshd_sessions vps); sshd_stop vps; kill -9 $sessions
say 'wait does not answer'
reached
sshd_start vps 8>&-
say 'wait answers again' "no-output $phrase" "no-output $word" 'key ctrl-c' 'exit 0'
driven "a watch gives each secret to whom it was typed for, and comes back with both"
is "$(grep -rlE "$phrase|$word" "$XDG_STATE_HOME")" "" "neither is recorded"

drive vault
say 'size 130 32' 'timeout 60000' 'wait HEALTHY'
reached
cluster_stop socketed
say 'wait not ready yet'
reached
cluster_start socketed 8>&-
say 'wait HEALTHY' 'key q' 'exit 0'
driven "a server that restarts over there is waited for"

drive vault
say 'size 130 32' 'timeout 60000' 'wait HEALTHY'
reached
sessions=$(sshd_sessions vps); sshd_stop vps; kill -9 $sessions
say 'wait not ready yet' 'expect refused'
reached
sshd_start vps 8>&-
say 'wait HEALTHY' 'key q' 'exit 0'
driven "and so is an SSH server"

# ---- cancel, through the tunnel ----
PGAPPNAME=locker sql socketed app -c 'begin; lock table "Station" in access exclusive mode; select pg_sleep(600)' >"$T/lock" 2>&1 & locker=$!
holds() { [ "$(sql socketed app -c "select count(*) from pg_locks where granted and mode = 'AccessExclusiveLock' and relation = '\"Station\"'::regclass")" = 1 ]; }
check "somebody holds the table" wait_for 30 holds
waiting() { [ "$(sql socketed app -c "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'seedops'")" -ge 1 ]; }
sql socketed app -c "select 1" >/dev/null
drive vault
say 'size 130 32' 'timeout 60000' 'wait 1 applied' 'key 4' 'wait Station' 'key enter'
reached
if wait_for 20 waiting; then
    say 'key ctrl-x' 'wait cancelled'
else
    not_ok "a comparison waits for the lock"
fi
say 'key q q q' 'exit 0'
driven "ctrl-x cancels what waits over there"
sql socketed postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'locker'" >/dev/null
wait "$locker" 2>/dev/null

# ---- the record ----
run "$SEEDOPS" replay "$(basename "$journal" .jsonl)" --at end --dump 130x30
is "$rc" 0 "the session that broke replays"; [ "$rc" = 0 ] || note "$err"
like "$out" 'vps ⇢' "with its way in"
finish
