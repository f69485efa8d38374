#!/usr/bin/env bash
# The many databases of one server behind an SSH server: one SSH session for all of them, whichever the way through, whether the
# databases are listed, fit a pattern or are asked for; and what comes of them all when that session breaks, or cannot be had.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
port=$(free_port) databases=30
cluster_start c max_connections=100 "listen_addresses='127.0.0.1'" "port=$port" || exit 1
sshd_start vps || exit 1
sshd_start one "MaxSessions 1" || exit 1
silent=$(free_port)
socat -d -d "TCP-LISTEN:$silent,bind=127.0.0.1,fork,reuseaddr" 'EXEC:sleep 600' 2>"$T/silent" & backgrounds+=("$!")
ssh_config <<END
$(ssh_alias vps vps)
$(ssh_alias wrongkey vps "IdentityFile $T/wrong")
$(ssh_alias one one)
$(ssh_alias gone vps)
$(ssh_alias silent vps "ConnectTimeout 3")
END
ssh_key "$T/wrong"
sed -i "/^Host wrongkey/,/^Host /{/vps\/key/d}; /^Host gone/,/^Host /s/Port .*/Port $(free_port)/; /^Host silent/,\$s/Port .*/Port $silent/" "$HOME/.ssh/config"
far() { "$PSQL" -XAtq -v ON_ERROR_STOP=1 -h "$T/c" -p "$port" -U postgres -d "${2:-postgres}" -c "$1"; }
far 'create database tpl'
far "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus'); analyze" tpl
for i in $(seq -w 1 $databases); do echo "create database tenant_$i template tpl;"; done | "$PSQL" -Xq -h "$T/c" -p "$port" -U postgres -d postgres
far "create table customers (name text); insert into customers values ('tenant_07'), ('tenant_08')"
project=$HOME/.config/seedops; mkdir -p "$project/seeds"; cd "$project" || exit 1
printf 'table: plan\nrows:\n  - {id: 1, name: free}\n  - {id: 2, name: plus}\n' >seeds/plan.yaml
near="postgresql://postgres@127.0.0.1:$port/postgres"
cat >seedops.yaml <<END
version: 1
seeds: seeds
tables: {plan: {class: context, min_rows: 2}}
environments:
  tenants: {url: "$near", databases: tenant_%, role: staging, tunnel: {ssh: vps}}
  listed: {url: "$near", databases: [tenant_01, tenant_02, gone], role: staging, tunnel: {ssh: vps}}
  asked: {url: "$near", databases: {query: "select name from public.customers"}, role: staging, tunnel: {ssh: vps}}
  socket: {url: "postgresql:///postgres?user=postgres", databases: tenant_%, role: staging, tunnel: {ssh: vps, socket: "$T/c/.s.PGSQL.$port"}}
  command: {url: "$near", databases: tenant_%, role: staging, tunnel: {ssh: vps, command: "socat - TCP:127.0.0.1:$port"}}
  narrow: {url: "$near", databases: tenant_%, role: staging, tunnel: {ssh: one, command: "socat - TCP:127.0.0.1:$port"}}
  wrongkey: {url: "$near", databases: tenant_%, role: staging, tunnel: {ssh: wrongkey}}
  gone: {url: "$near", databases: tenant_%, role: staging, tunnel: {ssh: gone}}
  silent: {url: "$near", databases: [$(seq -s, -f 'tenant_%02g' 1 $databases)], role: staging, tunnel: {ssh: silent}}
  lost: {url: "$near", databases: [$(seq -s, -f 'tenant_%02g' 1 $databases)], role: staging, tunnel: {ssh: gone}}
END
export SEEDOPS_CONFIG=$project/seedops.yaml
logins() { cat "$T/vps/log" "$T/one/log" | grep -c 'Accepted publickey'; }
# one_session WHAT COMMAND...: seedops COMMAND, with one login at the SSH server
one_session() { local what=$1 before; before=$(logins); shift; so "$@"; is "$(($(logins) - before))" 1 "$what: one SSH session"; }

# ---- one session, each way ----
one_session "a pattern" status tenants
is "$rc $(tail -n 1 <<<"$out")" "0 $databases environments: $databases healthy" "all are well"; [ "$rc" = 0 ] || note "$err"
one_session "a socket" status socket --jobs 30
is "$rc $(tail -n 1 <<<"$out")" "0 $databases environments: $databases healthy" "all are well"; [ "$rc" = 0 ] || note "$err"
one_session "a command" status command --jobs 30
is "$rc $(tail -n 1 <<<"$out")" "0 $databases environments: $databases healthy" "more than a server lets programs run at once (MaxSessions) take turns"
[ "$rc" = 0 ] || note "$out"
one_session "one command at a time" status 'narrow/tenant_0?'
is "$rc $(tail -n 1 <<<"$out")" "0 9 environments: 9 healthy" "even so"; [ "$rc" = 0 ] || note "$out"
one_session "some by a pattern" count 'tenants/tenant_0?'
is "$rc $(tail -n 1 <<<"$out")" "0 9 environments: 9 counted" "nine of them"
one_session "those that a query names" verify asked
is "$rc" 0 "both are well"; [ "$rc" = 0 ] || note "$out$err"
one_session "a list" status listed
is "$rc" 2 "one of them is not there"
like "$out" 'listed/gone .*does not exist' "which is said of it alone"
is "$(grep -c '^✓ listed/tenant_0' <<<"$out")" 2 "the others are well"
one_session "one of many" status tenants/tenant_03
is "$rc" 0 "and alone"
one_session "one of many, written to" seed tenants/tenant_03
is "$rc" 0 "and it takes a seed"; [ "$rc" = 0 ] || note "$err"
so status tenants/tenant_03 --json
is "$(jq -r '.server.via + "|" + .server.way' <<<"$out")" "ssh|vps ⇢ 127.0.0.1:$port" "it says by which way"
before=$(logins)
so status tenants listed
is "$(($(logins) - before))" 2 "two environments: a session each"

# ---- the session cannot be had: said once, not waited for by each in turn ----
so status wrongkey
is "$rc $(grep -c 'wrongkey' <<<"$out")" "2 1" "a key that is not accepted: the environment fails as one"
so status gone
is "$rc" 2 "nobody listens there"
so status lost --jobs 30
is "$rc $(tail -n 1 <<<"$out")" "2 $databases environments: 0 healthy, $databases not ready" "a list of databases behind an SSH server that is not there"
wait_for 60 socat -u /dev/null "TCP:127.0.0.1:$silent"
wait_for 60 grep -q 'accepting connection' "$T/silent"
before=$(grep -c 'accepting connection' "$T/silent")
so status silent --jobs 30
is "$rc $(tail -n 1 <<<"$out")" "2 $databases environments: 0 healthy, $databases not ready" "one that does not answer"
tries=$(($(grep -c 'accepting connection' "$T/silent") - before))
is "$([ "$tries" -le 5 ] && echo few)" few "is not asked by each in turn ($tries times)"
finish
