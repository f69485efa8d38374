#!/usr/bin/env bash
# An environment behind an SSH server: every command through each route, with the same certainty as without one.
. "$(dirname "$0")/../lib.sh"
canary=canary-7f3a9d
port=$(free_port) closed=$(free_port)

# ---- a server with TLS, that wants SCRAM over it; its own users by peer ----
cert() { # NAME SUBJECT [openssl option...]: a key and a certificate in $T/tls
    local name=$1 subject=$2; shift 2
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -subj "/CN=$subject" \
        -keyout "$T/tls/$name.key" -out "$T/tls/$name.crt" "$@" 2>"$T/tls/$name.log" || cat "$T/tls/$name.log"
}
mkdir "$T/tls"; chmod 755 "$T/tls"
cert ca "seedops test CA"
cert db db.internal.test -addext 'subjectAltName=DNS:db.internal.test' -CA "$T/tls/ca.crt" -CAkey "$T/tls/ca.key"
[ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$T/tls/db.key"
chmod 600 "$T/tls/db.key"
cluster_start far "listen_addresses='127.0.0.1'" "port=$port" ssl=on "ssl_cert_file='$T/tls/db.crt'" "ssl_key_file='$T/tls/db.key'" \
    password_encryption=scram-sha-256 || exit 1
far() { "$PSQL" -XAtq -v ON_ERROR_STOP=1 -h "$T/far" -p "$port" -U postgres -d "${2:-app}" -c "$1"; }
me=$(id -un)
far "create role app login password '$canary'" postgres
[ "$me" = postgres ] || far "create role \"$me\" login superuser" postgres
far 'create database app owner app' postgres
printf '%s\n' 'local all postgres trust' "local all $me peer" 'hostssl all app 127.0.0.1/32 scram-sha-256' \
    'hostssl all postgres 127.0.0.1/32 trust' | as_server tee "$T/far/data/pg_hba.conf" >/dev/null
far 'select pg_reload_conf()' postgres >/dev/null
sshd_start vps || exit 1
sshd_start other || exit 1
ssh_config <<END
$(ssh_alias vps vps)
$(ssh_alias other other)
$(ssh_alias stranger vps "UserKnownHostsFile $T/nobody")
$(ssh_alias changed vps "UserKnownHostsFile $T/changed")
$(ssh_alias wrongkey vps "IdentityFile $T/wrong")
END
ssh_key "$T/wrong"
sed "s/^[^ ]* /[127.0.0.1]:${ssh_port[vps]} /" "$T/other/known_hosts" >"$T/changed"
sed -i "s|^  IdentityFile $T/vps/key\$|  IdentityFile $T/vps/key|; /^Host wrongkey/,/^Host /{/vps\/key/d}" "$HOME/.ssh/config"

# ---- a project; its file is the user's own, so that it may name commands ----
project=$HOME/.config/seedops; mkdir -p "$project/seeds" "$project/migrations/0001_init"; cd "$project" || exit 1
echo 'create table "Station" (id int primary key, name text);' >migrations/0001_init/migration.sql
echo 'provider = "postgresql"' >migrations/migration_lock.toml
printf 'table: Station\nrows:\n  - {id: 1, name: one}\n  - {id: 2, name: two}\n' >seeds/station.yaml
tls="sslmode=verify-full&sslrootcert=$T/tls/ca.crt&channel_binding=require"
cat >seedops.yaml <<END
tables: {Station: {class: context, min_rows: 2}}
environments:
  forward: {url: "postgresql://app@db.internal.test/app?$tls", role: production, tunnel: {ssh: vps, forward: "127.0.0.1:$port"}}
  own: {url: "postgresql://app@127.0.0.1:$port/app?sslmode=require", role: local, tunnel: {ssh: vps}}
  socket: {url: "postgresql:///app?user=$me", role: staging, tunnel: {ssh: vps, socket: "$T/far/.s.PGSQL.$port"}}
  command: {url: "postgresql://app@db.internal.test/app?$tls", role: staging, tunnel: {ssh: vps, command: "socat - TCP:127.0.0.1:$port"}}
  wrongname: {url: "postgresql://app@elsewhere.test/app?$tls", role: staging, tunnel: {ssh: vps, forward: "127.0.0.1:$port"}}
  notls: {url: "postgresql:///app?user=$me&sslmode=require", role: staging, tunnel: {ssh: vps, socket: "$T/far/.s.PGSQL.$port"}}
  refused: {url: "postgresql://app@127.0.0.1:$closed/app", role: staging, tunnel: {ssh: vps}}
  unknown: {url: "postgresql://app@nowhere.invalid/app", role: staging, tunnel: {ssh: vps}}
  nocommand: {url: "postgresql://app@db/app", role: staging, tunnel: {ssh: vps, command: "no-such-program-here"}}
  stranger: {url: "postgresql://app@127.0.0.1:$port/app", role: staging, tunnel: {ssh: stranger}}
  changed: {url: "postgresql://app@127.0.0.1:$port/app", role: staging, tunnel: {ssh: changed}}
  wrongkey: {url: "postgresql://app@127.0.0.1:$port/app", role: staging, tunnel: {ssh: wrongkey}}
  nohost: {url: "postgresql:///app", role: staging, tunnel: {ssh: vps}}
  two: {url: "postgresql://app@a,b/app", role: staging, tunnel: {ssh: vps}}
END
printf '%s\n' "db.internal.test:5432:app:app:$canary" "elsewhere.test:5432:app:app:$canary" "127.0.0.1:$port:app:app:$canary" >"$HOME/.pgpass"
chmod 600 "$HOME/.pgpass"
export SEEDOPS_CONFIG=$project/seedops.yaml ALLOW_PROD_SEED=true
field() { jq -r "$1" <<<"$out"; }
: >"$T/said"
so() { run "$SEEDOPS" "$@" </dev/null; cat "$T/out" "$T/err" >>"$T/said"; }
count() { far 'select count(*) from "Station"'; }

# ---- every command, through each way ----
so migrate forward; is "$rc" 0 "migrate through a forward"; [ "$rc" = 0 ] || note "$err"
so seed forward; is "$rc" 0 "seed through a forward"; [ "$rc" = 0 ] || note "$err"
is "$(count)" 2 "the rows are there"
for env in forward own socket command; do
    so status "$env" --json
    is "$rc $(field .healthy)" "0 true" "$env: status, healthy"; [ "$rc" = 0 ] || note "$err"
    is "$(field .guard.local)" false "$env: it is not local"
    like "$(field '.guard.reasons[]')" 'It is not local: it is reached through a tunnel' "$env: and says why"
    case $env in
    socket) is "$(field '.server.via + "|" + .server.way')" "ssh|vps ⇢ $T/far/.s.PGSQL.$port" "$env: both ends are named" ;;
    command) is "$(field '.server.via + "|" + .server.way')" "ssh, tls|vps ⇢ \$ socat - TCP:127.0.0.1:$port" "$env: both ends are named" ;;
    *) is "$(field '.server.via + "|" + .server.way')" "ssh, tls|vps ⇢ 127.0.0.1:$port" "$env: both ends are named, and TLS" ;;
    esac
    is "$(field .round_trips)" "$(field '.round_trips | if . <= 3 then . else "at most 3" end')" "$env: in no more round trips than without"
    so seed "$env"; is "$rc" 0 "$env: a seed that has nothing to write"; [ "$rc" = 0 ] || note "$err"
    far "delete from \"Station\" where id = 2"
    so diff "$env"; is "$rc" 4 "$env: diff sees the missing row"
    so seed "$env" --json; is "$rc $(count)" "0 2" "$env: a seed writes it"
    so diagnose "$env"; is "$rc" 0 "$env: diagnose"; [ "$rc" = 0 ] || note "$err"
done
so status forward --json; is "$(field .identity.state)" known "the identity is known, and the same"
so status own --json
is "$(field '.identity.state + " " + .identity.known_as')" "copy forward" "a local role that answers with the identity of production is shown as that"
ids() { so status "$1" --json; field .server.system_identifier; }
is "$(ids socket)" "$(ids forward)" "whichever way, it is the same server"
unset ALLOW_PROD_SEED
far "delete from \"Station\" where id = 2"
so seed own; is "$rc" 5 "a local role behind a tunnel is no reason to write"
like "$err" 'It is not local: it is reached through a tunnel' "which is said"
like "$err" 'ALLOW_PROD_SEED=true seedops seed own' "with the line that allows it"
export ALLOW_PROD_SEED=true
so seed own; is "$rc" 0 "and which does"

# ---- TLS is what was asked for ----
so status wrongname; is "$rc" 2 "a certificate for another name is refused"
like "$err" 'elsewhere.test' "the name is said"
so status notls; is "$rc" 2 "TLS asked for over a socket is refused, not left out"
like "$err" 'sslmode asks for TLS, and there is none' "and that is said"
is "$(far "select count(*) from pg_stat_activity where usename = 'app'")" 0 "nobody of ours is left over"

# ---- what is in the way ----
so status nohost; is "$rc" 1 "a way that leads nowhere"; like "$err" 'names no host.*' "says so"
so status two; is "$rc" 1 "several hosts"; like "$err" 'a tunnel leads to one host' "are one too many"
so status refused; is "$rc" 2 "nothing listens over there"
like "$err" '[Rr]efused' "the tunnel's reason stands there"
unlike "$err" 'closed the connection unexpectedly' "and not libpq's"
so status nocommand; is "$rc" 2 "a command that is not there over there"
like "$err" 'no-such-program-here' "its complaint is shown"
so status stranger; is "$rc" 2 "an unknown host, and nobody to ask"
like "$err" 'SHA256:|ssh-keyscan|known_hosts' "says what would have answered"
is "$(test -s "$T/nobody" && echo noted)" "" "nothing was noted"
so status changed; is "$rc" 2 "a changed host key is refused"
like "$err" '[Cc]hanged|CHANGED' "and called that"
so status wrongkey; is "$rc" 2 "a key that is not accepted"
DATABASE_URL=postgresql://app@db/app so envs; like "$out" 'forward .* by ssh vps' "envs says by what they are reached"
sed 's/^  command:/  clone:/' seedops.yaml >"$T/clone.yaml"; cp -r migrations seeds "$T"
run env SEEDOPS_CONFIG= "$SEEDOPS" status clone --config "$T/clone.yaml" </dev/null
is "$rc" 5 "a cloned repository's command does not run by itself on the far side either"
like "$err" 'runs commands' "it is asked about"

# ---- waiting: what may yet come, and what will not ----
so wait refused --timeout 2500; is "$rc" 2 "a port that nothing listens on is waited for"
attempts() { grep -c '"attempt' <<<"$out"; }
is "$([ "$(attempts)" -ge 2 ] && echo again)" again "more than once"
so wait unknown --timeout 2500
is "$rc $([ "$(attempts)" -ge 2 ] && echo tried again)" "2 tried again" "so is a name that is not known over there yet"
for env in stranger changed wrongkey nocommand wrongname; do
    so wait "$env" --timeout 60000
    is "$rc $([ "$(attempts)" -le 1 ] && echo at once)" "2 at once" "$env: will never be ready, so the wait ends"
done
socat "TCP-LISTEN:$closed,bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$port" & helper=$!
printf '%s\n' "127.0.0.1:$closed:app:app:$canary" >>"$HOME/.pgpass"
so wait refused --timeout 60000; is "$rc" 0 "and what comes up meanwhile is ready"
kill "$helper"

# ---- two URLs, one session ----
pooler=$(free_port)
mkdir "$T/pool"; ln -s "$T/far/.s.PGSQL.$port" "$T/pool/.s.PGSQL.5432"
pgbouncer_start bouncer pool transaction || exit 1
background socat "TCP-LISTEN:$pooler,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$T/bouncer/.s.PGSQL.5432"
cat >both.yaml <<END
migrations: {dir: later}
environments:
  both: {url: "postgresql://postgres@127.0.0.1:$pooler/app", direct_url: "postgresql://postgres@127.0.0.1:$port/app", role: staging, tunnel: {ssh: other}}
END
mkdir -p later/0002_more; cp migrations/migration_lock.toml later; cp -r migrations/0001_init later
echo 'create table "More" (id int primary key);' >later/0002_more/migration.sql
before=$(grep -c 'Accepted publickey' "$T/other/log")
so migrate both --config both.yaml; is "$rc" 0 "a pooled URL and a direct one, behind the same machine"; [ "$rc" = 0 ] || note "$err"
is "$(far "select to_regclass('\"More\"')")" '"More"' "the migration went by the direct one"
is "$(($(grep -c 'Accepted publickey' "$T/other/log") - before))" 1 "over one SSH session"

# ---- an SSH session that breaks in the middle ----
cut_off() { sshd_sessions vps | xargs -r kill -9; }      # every session of that server
sleeping() { [ "$(far "select count(*) from pg_stat_activity where query ~ '$1' and state = 'active' and pid <> pg_backend_pid()")" = 1 ]; }
mkdir -p migrations/0003_slow
echo 'create table "Slow" (id int); select pg_sleep(600);' >migrations/0003_slow/migration.sql
rm -rf migrations/0002_more
"$SEEDOPS" migrate forward >"$T/cut.out" 2>"$T/cut.err" </dev/null & command=$!
check "a migration runs" wait_for 30 sleeping 'pg_sleep\(600\)'
cut_off
wait "$command"; rc=$?; err=$(cat "$T/cut.err"); cat "$T/cut.out" "$T/cut.err" >>"$T/said"
is "$rc" 3 "cut off in a migration: exit 3"
like "$err" 'finding out from the ledger' "it looks before it says anything"
like "$err" 'the connection was lost; 0003_slow was not applied' "and says what became of it"
like "$err" 'SSH session' "and what broke"
is "$(far "select to_regclass('\"Slow\"') is null")" t "nothing of it is there"
echo 'create table "Slow" (id int);' >migrations/0003_slow/migration.sql
so migrate forward; is "$rc" 0 "the next one applies it"; [ "$rc" = 0 ] || note "$err"
far 'delete from "Station" where id = 2'
"$PSQL" -XAtq -h "$T/far" -p "$port" -U postgres -d app -c 'begin; lock table "Station" in share mode; select pg_sleep(600)' >"$T/lock" 2>&1 & locker=$!
check "somebody holds the table" wait_for 30 sleeping 'lock table'
"$SEEDOPS" seed forward >"$T/cut.out" 2>"$T/cut.err" </dev/null & command=$!
waiting() { [ "$(far "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'app'")" = 1 ]; }
check "a seed waits for it" wait_for 30 waiting
cut_off
wait "$command"; rc=$?; err=$(cat "$T/cut.err"); cat "$T/cut.out" "$T/cut.err" >>"$T/said"
is "$rc" 1 "cut off in a seed: exit 1"
like "$err" 'SSH session' "with what broke"
far "select pg_cancel_backend(pid) from pg_stat_activity where query ~ 'lock table' and pid <> pg_backend_pid()" >/dev/null
wait "$locker"
is "$(count)" 1 "nothing was written"
so seed forward; is "$rc $(count)" "0 2" "the next one writes it"

# ---- nothing secret anywhere ----
"$SEEDOPS" migrate forward --dry-run >"$T/held" 2>&1 </dev/null
far 'delete from "Station" where id = 2'
"$PSQL" -XAtq -h "$T/far" -p "$port" -U postgres -d app -c 'begin; lock table "Station" in share mode; select pg_sleep(600)' >"$T/lock" 2>&1 & locker=$!
check "somebody holds the table again" wait_for 30 sleeping 'lock table'
"$SEEDOPS" seed command >"$T/cut.out" 2>"$T/cut.err" </dev/null & command=$!
check "a seed through a command waits" wait_for 30 waiting
pids=$(pgrep -P "$command"; pgrep -f 'socat - TCP:127.0.0.1'; sshd_sessions vps)
is "$(for pid in $command $pids; do tr '\0' '\n' <"/proc/$pid/cmdline"; tr '\0' '\n' <"/proc/$pid/environ"; done 2>/dev/null | grep -c "$canary")" 0 \
    "the password is in no command line and no environment, ours or the far side's"
is "$([ "$(wc -w <<<"$pids")" -ge 2 ] && echo some)" some "there were processes to look at"
far "select pg_cancel_backend(pid) from pg_stat_activity where query ~ 'lock table' and pid <> pg_backend_pid()" >/dev/null
wait "$locker" "$command"
cat "$T/cut.out" "$T/cut.err" >>"$T/said"
is "$(grep -rl "$canary" "$XDG_STATE_HOME" "$T/said" "$T/vps/log" "$T/held" | head -n 3)" "" "nor in a journal, a log or anything that was said"
so sessions; is "$rc" 0 "the sessions are on record"
journal=$(grep -l '"seed"' "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | head -n 1)
so replay "$(basename "$journal" .jsonl)" --at end --dump 110x30
is "$rc" 0 "and replay"; [ "$rc" = 0 ] || note "$err"
like "$out" 'vps ⇢' "with the way in in the header"
finish
