#!/usr/bin/env bash
# What counts as local, on real sockets: a forwarder that looks local is not (SAFETY 2), and neither is a role.
. "$(dirname "$0")/../lib.sh"
project=$T/project; mkdir -p "$project/seeds" "$project/migrations/0001_init"; cd "$project" || exit 1
echo 'create table "Station" (id int primary key, name text);' >migrations/0001_init/migration.sql
echo 'provider = "postgresql"' >migrations/migration_lock.toml
printf 'table: Station\nrows:\n  - {id: 1, name: a}\n' >seeds/station.yaml
cat >seedops.yaml <<'EOF'
tables: {Station: {class: context, min_rows: 1}}
environments:
  local: {url: '${URL}'}
  staging: {url: '${URL}'}
  production: {url: '${URL}'}
  lab: {url: '${URL}', role: production}
EOF
port=$(free_port)
cluster_start main "listen_addresses='127.0.0.1'" "port=$port" || exit 1
sql_socket=$T/main
"$PGBIN/psql" -XAtq -h "$sql_socket" -p "$port" -U postgres -d postgres -c 'create database app' || exit 1
helpers=()
forward() { socat "$@" >/dev/null 2>&1 & helpers+=($!); }
tidy() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
# what status says of the guard: "true|false: first reason that speaks of local"
guard() { # ENV URL
    URL=$2 so status "$1" --json
    python3 -c 'import json,sys
g = json.load(sys.stdin)["guard"]
print(str(g["local"]).lower() + ": " + next((r for r in g["reasons"] if "local" in r and r.startswith("It ")), "no reason"))' <<<"$out"
}
socket_url="postgresql://postgres@/app?host=$sql_socket&port=$port"
tcp_url="postgresql://postgres@127.0.0.1:$port/app"
is "$(guard local "$socket_url")" "true: It is local: a server of this machine answers on a Unix socket." "a server's own socket is local"
is "$(guard local "$tcp_url")" "true: It is local: the server sees our own socket." "a loopback address that the server sees us on is local"
is "$(guard local "${tcp_url/127.0.0.1/localhost}")" "true: It is local: the server sees our own socket." "and so is localhost"

# ---- forwarders that look local ----
through=$(free_port)
forward "TCP-LISTEN:$through,bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$port"
check "the TCP forwarder answers" wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$through"
is "$(guard local "postgresql://postgres@127.0.0.1:$through/app")" \
    "false: It is not local: the server does not see our own socket, so something forwards this connection." \
    "a forwarded port on 127.0.0.1 is not local"
mkdir -p "$T/fake"
forward "UNIX-LISTEN:$T/fake/.s.PGSQL.5432,fork" "UNIX-CONNECT:$sql_socket/.s.PGSQL.$port"
check "the socket forwarder answers" wait_for 10 "$PGBIN/pg_isready" -h "$T/fake"
is "$(guard local "postgresql://postgres@/app?host=$T/fake")" \
    "false: It is not local: its socket belongs to socat, which forwards to another machine." \
    "a forwarded Unix socket is not local"
into=$(free_port)
forward "TCP-LISTEN:$into,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$sql_socket/.s.PGSQL.$port"
check "the port to a socket answers" wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$into"
like "$(guard local "postgresql://postgres@127.0.0.1:$into/app")" '^false: It ' "a port that ends in the server's Unix socket is not local"

run "$SEEDOPS" migrate --url "$tcp_url"; forget_databases
# ---- somebody else's forwarder, a pooler, and ssh -L: what the screen says before anything is typed ----
refused() { # NAME URL REASON: as local it is not local, is not seeded, and the Overview says why
    local name=$1 url=$2 reason=$3
    is "$(guard local "$url")" "false: $reason" "$name is not local"
    URL=$url so seed local; is "$rc" 5 "$name: refuses a seed"
    like "$err" "$(printf '%s' "$reason" | sed 's/[.]/[.]/g')" "$name: for that reason"
    forget_databases
}
not_seen="It is not local: the server does not see our own socket, so something forwards this connection."
if [ "$(id -u)" = 0 ]; then
    foreign=$(free_port)
    runuser -u nobody -- socat "TCP-LISTEN:$foreign,bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$port" >/dev/null 2>&1 & helpers+=($!)
    check "another user's forwarder answers" wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$foreign"
    refused "another user's forwarder" "postgresql://postgres@127.0.0.1:$foreign/app" "$not_seen"
fi
mkdir "$T/pool"; ln -s "$sql_socket/.s.PGSQL.$port" "$T/pool/.s.PGSQL.5432"
pgbouncer_start bouncer pool session || exit 1
refused "PgBouncer's socket" "$(url bouncer app)" "It is not local: its socket belongs to pgbouncer, which forwards to another machine."
sshd_start vps || exit 1
ssh_config < <(ssh_alias vps vps)
by_ssh=$(free_port)
background ssh -N -F "$HOME/.ssh/config" -o ExitOnForwardFailure=yes -L "127.0.0.1:$by_ssh:127.0.0.1:$port" -L "$T/ssh.sock:$sql_socket/.s.PGSQL.$port" vps
helpers+=("$bg")
check "ssh -L answers" wait_for 20 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$by_ssh"
refused "ssh -L" "postgresql://postgres@127.0.0.1:$by_ssh/app" "$not_seen"
mkdir "$T/by_ssh"; ln -s "$T/ssh.sock" "$T/by_ssh/.s.PGSQL.5432"
refused "ssh -L of a socket" "postgresql://postgres@/app?host=$T/by_ssh" "It is not local: its socket belongs to ssh, which forwards to another machine."
export URL="postgresql://postgres@127.0.0.1:$by_ssh/app"
so local --dump 120x30
like "$out" 'Writes are refused here: It is not local: the server does not see our own' "the Overview says so before anything is typed"
like "$out" 'seed refused' "and so does the header"
forget_databases

# ---- a container's database, published on localhost, stays local ----
id=$(($$ % 200 + 20)) net=172.30.$(($$ % 200 + 20)) space=seedops-g$$
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null && ip link add br-sg$id type bridge 2>/dev/null; then
    trap 'ip link del "br-sg$id" 2>/dev/null; tidy; ip netns del "$space" 2>/dev/null' EXIT
    ip addr add $net.1/24 dev br-sg$id && ip link set br-sg$id up
    ip netns add $space && ip link add sgv$id type veth peer name sgw$id && ip link set sgv$id master br-sg$id up
    ip link set sgw$id netns $space
    ip netns exec $space sh -c "ip link set lo up; ip addr add $net.2/24 dev sgw$id; ip link set sgw$id up; ip route add default via $net.1"
    mkdir "$T/boxed"; chown "$SERVER_USER" "$T/boxed"
    as_server "$PGBIN/initdb" -D "$T/boxed/data" -U postgres -A trust -N >/dev/null
    printf '%s\n' "listen_addresses='*'" port=5432 "unix_socket_directories='$T/boxed'" fsync=off | as_server tee -a "$T/boxed/data/postgresql.conf" >/dev/null
    echo 'host all all all trust' | as_server tee -a "$T/boxed/data/pg_hba.conf" >/dev/null
    ip netns exec $space runuser -u "$SERVER_USER" -- "$PGBIN/pg_ctl" -D "$T/boxed/data" -w -l "$T/boxed/log" start >/dev/null; clusters+=(boxed)
    sql boxed postgres -c 'create database app'
    published=$(free_port)
    forward "TCP-LISTEN:$published,bind=127.0.0.1,fork,reuseaddr" "TCP:$net.2:5432"
    check "the published port answers" wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$published"
    boxed="postgresql://postgres@127.0.0.1:$published/app"
    is "$(guard local "$boxed")" "true: It is local: the server is a container of this machine." "a container's published port is local"
    URL=$boxed so migrate local
    URL=$boxed so seed local; is "$rc" 0 "and is seeded without more"
    forget_databases
else
    note "no network namespaces here: the container was not tried"
fi
unset URL

# ---- roles ----
is "$(guard staging "$socket_url")" "false: It counts as not local: the configuration gives it the role staging." "a staging environment is not local"
is "$(guard production "$socket_url")" "false: It counts as not local: the configuration gives it the role production." "nor is one named production"
is "$(guard lab "$socket_url")" "false: It counts as not local: the configuration gives it the role production." "nor one whose role it is"

# ---- what that means for a seed ----
export URL=$socket_url
here() { "$PGBIN/psql" -XAtq -h "$sql_socket" -p "$port" -U postgres -d app -c "$1"; }
here 'drop table "Station", "_prisma_migrations"'
run "$SEEDOPS" migrate production; is "$rc" 0 "a command that names its environment migrates anywhere"
so seed production
is "$rc" 5 "a seed on a non-local database is refused"
like "$err" 'ALLOW_PROD_SEED is not set' "the reason is said"
like "$err" 'ALLOW_PROD_SEED=true seedops seed production' "and the exact line that would allow it"
for no in '' 0 false no OFF; do
    ALLOW_PROD_SEED=$no so seed production; is "$rc" 5 "ALLOW_PROD_SEED='$no' does not count"
done
is "$(here 'select count(*) from "Station"')" 0 "nothing was written"
ALLOW_PROD_SEED=true so seed production; is "$rc" 0 "the line does allow it"
here 'delete from "Station"'
so seed --url "postgresql://postgres@127.0.0.1:$through/app"; is "$rc" 5 "a seed through a forwarded port is refused"
like "$err" 'ALLOW_PROD_SEED=true seedops seed --url "\$URL"' "with its own line"
so seed --url "$socket_url"; is "$rc" 5 "a URL to the same place as production is no way around its role"
like "$err" 'same place as production|same place as staging' "and that is said"
so seed local; is "$rc" 5 "one called local that is the server known as production counts as that"
like "$err" 'it has the identity of (production|lab), so it is that server or a copy of it' "and says so"
forget_databases
so seed local; is "$rc" 0 "a local one needs nothing"
finish
