# SAFETY 2, "Local": what the socket itself tells. Forwarders that look local are seen through.
. "$(dirname "$0")/../lib.sh"
DB=${BUILD:-$PWD}/tests/real/db_test
port=$(free_port)
PGPORT=$port; export PGPORT
cluster_start c "listen_addresses='127.0.0.1,::1'" "port=$port" || exit 1
db() { run "$DB" user=postgres dbname=postgres "$@"; }

db host="$T/c" -- identity
like "$out" '^loopback=1$' "a Unix socket is on this machine"
like "$out" '^peer=postgres$' "its peer is the server"
for where in 127.0.0.1 ::1 localhost; do
    db host=$where -- identity
    like "$out" '^own_socket=1$' "$where: the server sees our own socket"
    like "$out" '^loopback=1$' "$where: and every address is loopback"
done

# TCP to a forwarder on this machine: the server sees the forwarder's socket, not ours
forward=$(free_port)
background socat "TCP-LISTEN:$forward,bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$port"
wait_for 10 "$DB" user=postgres dbname=postgres host=127.0.0.1 port="$forward"
db host=127.0.0.1 port="$forward" -- identity
like "$out" '^loopback=1$' "TCP through socat looks like loopback"
like "$out" '^own_socket=0$' "but the server does not see our socket"
like "$out" '^container=0$' "and it is no container"
like "$out" '^pooler=0$' "a forwarder is no pooler"
# TCP to a Unix socket behind
to_unix=$(free_port)
background socat "TCP-LISTEN:$to_unix,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$T/c/.s.PGSQL.$port"
wait_for 10 "$DB" user=postgres dbname=postgres host=127.0.0.1 port="$to_unix"
db host=127.0.0.1 port="$to_unix" -- identity
like "$out" '^own_socket=0$' "TCP to a socat in front of a Unix socket: the server sees no socket of ours"
# Unix socket to a forwarder
mkdir -p "$T/u"
background socat "UNIX-LISTEN:$T/u/.s.PGSQL.$port,fork" "UNIX-CONNECT:$T/c/.s.PGSQL.$port"
wait_for 10 "$DB" user=postgres dbname=postgres host="$T/u"
db host="$T/u" -- identity
like "$out" '^peer=socat$' "a Unix socket held by socat is seen as socat"
mkdir -p "$T/v"
background socat "UNIX-LISTEN:$T/v/.s.PGSQL.$port,fork" "TCP:127.0.0.1:$port"
wait_for 10 "$DB" user=postgres dbname=postgres host="$T/v"
db host="$T/v" -- identity
like "$out" '^peer=socat$' "a Unix socket forwarded by TCP too"

# ---- a container's address: only with a socket of this machine at its other end
id=$(($$ % 200 + 20)) net=172.31.$(($$ % 200 + 20)) space=seedops-$$
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null && ip link add br-so$id type bridge 2>/dev/null; then
    trap "ip link del br-so$id 2>/dev/null; cleanup; ip netns del $space 2>/dev/null" EXIT
    ip addr add $net.1/24 dev br-so$id && ip link set br-so$id up
    ip netns add $space && ip link add sov$id type veth peer name sow$id && ip link set sov$id master br-so$id up
    ip link set sow$id netns $space
    ip netns exec $space sh -c "ip link set lo up; ip addr add $net.2/24 dev sow$id; ip link set sow$id up; ip route add default via $net.1"
    cluster_stop c
    echo "listen_addresses='*'" >>"$T/c/data/postgresql.conf"; echo "host all all all trust" >>"$T/c/data/pg_hba.conf"
    ip netns exec $space runuser -u "$SERVER_USER" -- "$PGBIN/pg_ctl" -D "$T/c/data" -w -l "$T/c/server.log" start >/dev/null
    published=$(free_port)
    background socat "TCP-LISTEN:$published,bind=127.0.0.1,fork,reuseaddr" "TCP:$net.2:$port"
    wait_for 10 "$DB" user=postgres dbname=postgres host=127.0.0.1 port="$published"
    db host=127.0.0.1 port="$published" -- identity
    like "$out" '^container=1$' "a container published on localhost is recognised"
    like "$out" '^own_socket=0$' "although the server does not see our socket"
    # a tunnel's far end inside another machine's network of the same numbers: the client seen is not ours
    inner=$(free_port)
    background ip netns exec $space socat "UNIX-LISTEN:$T/far,fork" "TCP:$net.2:$port"
    wait_for 10 test -S "$T/far"
    background socat "TCP-LISTEN:$inner,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$T/far"
    wait_for 10 "$DB" user=postgres dbname=postgres host=127.0.0.1 port="$inner"
    db host=127.0.0.1 port="$inner" -- identity
    like "$out" "^server=$net.2:" "a far end with a container's address"
    like "$out" '^container=0$' "is not taken for ours: its client is no socket of this machine"
else
    note "no network namespaces here: the container cases were not run"
fi
finish
