#!/usr/bin/env bash
# The tunnel itself, with a real sshd and a real PostgreSQL: every route, who may use its end, and what is said when
# something breaks.
. "$(dirname "$0")/../lib.sh"
DRIVER=${BUILD:-build}/tests/real/tunnel_test
pg_port=$(free_port)
mkdir -p "$T/tls"
openssl req -new -x509 -days 2 -nodes -newkey rsa:2048 -keyout "$T/tls/key" -out "$T/tls/crt" -subj /CN=db.example.org \
    -addext subjectAltName=DNS:db.example.org 2>/dev/null
chmod 755 "$T/tls"; chmod 600 "$T/tls/key"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$T/tls/key"
cluster_start pg "listen_addresses='127.0.0.1'" "port=$pg_port" "ssl=on" "ssl_cert_file='$T/tls/crt'" "ssl_key_file='$T/tls/key'" || exit 1
# a second one that listens on its socket only
cluster_start deaf || exit 1
sshd_start main "SetEnv PATH=$T/bin:$PATH" || exit 1
sshd_start forbidding "AllowTcpForwarding no" "AllowStreamLocalForwarding no" || exit 1
ssh_config <<EOF
$(ssh_alias main main)
$(ssh_alias watchful main "ServerAliveInterval 1" "ServerAliveCountMax 3")
$(ssh_alias forbidding forbidding)
$(ssh_alias jump main)
$(ssh_alias far forbidding "ProxyJump jump")
EOF
through() { run "$DRIVER" "$@"; out+=$'\n'$err; }
forward=forward=127.0.0.1:$pg_port
reason() { like "$out" "^reason class=$1" "$3"; like "$out" "$2" "  in these words"; }

# ---- routes ----
through ssh=main $forward -- query 'select 40 + 2'
is "$rc" 0 "a query through a forwarded port"
like "$out" '^row=42$' "its answer"
like "$out" '^tls=1 channel_ms=known$' "with TLS inside"
like "$out" '^phase=host key ssh-ed25519 SHA256:.*, known \(.*known_hosts:1\)' "the host key and where it is known from are told"
like "$out" "^phase=authenticate $T/main/key\$" "and what authenticated"
like "$out" '^closed=quickly$' "closing takes no time"
through ssh=main $forward "db=host=db.example.org user=postgres dbname=postgres sslmode=verify-full sslrootcert=$T/tls/crt" -- query 'select 1'
is "$rc" 0 "verify-full checks the database's own name"
through ssh=main $forward "db=host=other.example.org user=postgres dbname=postgres sslmode=verify-full sslrootcert=$T/tls/crt" -- query 'select 1'
like "$out" 'libpq=.*does not match host name "other.example.org"' "and refuses a wrong one"
through ssh=main "socket=$T/deaf/.s.PGSQL.5432" -- query 'select inet_client_addr() is null'
like "$out" '^row=t$' "a database that listens on a socket only"
through ssh=main "command=socat - UNIX-CONNECT:$T/deaf/.s.PGSQL.5432" "db=user=postgres dbname=postgres sslmode=disable" -- query 'select 6 * 7'
like "$out" '^row=42$' "a command that speaks the bytes"
through ssh=main "command=socat - TCP:127.0.0.1:$pg_port" -- query "select length(repeat('x', 3000000))" "select repeat('y', 3000000) is not null"
is "$rc" 0 "a command, with TLS and megabytes"
through ssh=main $forward -- query "select md5(string_agg(md5(i::text), '' order by i)) from generate_series(1, 200000) i"
here=$(sql pg postgres -p "$pg_port" -c "select md5(string_agg(md5(i::text), '' order by i)) from generate_series(1, 200000) i")
like "$out" "^row=$here\$" "the same answer as without a tunnel"
through ssh=main $forward -- cancel 'select pg_sleep(600)'
like "$out" '^sqlstate=57014$' "a cancel finds its way: a second connection to the same end"
through ssh=main $forward -- cancel "select repeat('x', 1000) from generate_series(1, 100000000)"
like "$out" '^sqlstate=57014$' "also in the middle of a flood"

# ---- far side says no ----
through ssh=main forward=127.0.0.1:1 -- query 'select 1'
is "$rc" 1 "nothing listens on the far side"
reason not-ready "^why=nothing accepts connections there \(it said: Connection refused" "the tunnel knows why"
like "$out" "^message=$(id -un)@127.0.0.1:[0-9]+ cannot reach 127.0.0.1:1\$" "  and where"
through ssh=main forward=no-such-host.invalid:5432 -- query 'select 1'
reason not-ready 'cannot reach no-such-host.invalid:5432' "a name that the far side does not know"
through ssh=main socket=/nowhere/.s.PGSQL.5432 -- query 'select 1'
reason not-ready 'cannot reach the socket /nowhere/.s.PGSQL.5432' "a socket that is not there"
through ssh=forbidding $forward -- query 'select 1'
reason never-ready '^hint=AllowTcpForwarding' "forwarding is forbidden"
through ssh=main 'command=no-such-program --flag' -- query 'select 1'
reason never-ready '^why=it said: .*no-such-program: command not found' "the command is not found"
like "$out" '^hint=is the program installed over there' "  and what to do"
through ssh=main "command=printf 'first\\nthe last \\033[31mword\\n' >&2; exit 3" -- query 'select 1'
reason not-ready '^why=it said: the last .e\[31mword$' "what a failing command said last, made visible"
through ssh=main 'command=exit 3' -- query 'select 1'
reason not-ready '^why=its exit status is 3$' "a command that fails without a word"
through ssh=far $forward -- query 'select 1'
reason never-ready 'forbidding|does not allow it' "behind a jump host"

# ---- containers ----
mkdir -p "$T/bin"
# docker NAME-OF-JSON: a docker that knows the containers of the file
docker() {
    printf '#!/bin/sh\ncase $1 in ps) echo one two ;; inspect) cat %s ;; esac\n' "$1" >"$T/bin/docker"; chmod 755 "$T/bin/docker"
}
cat >"$T/containers" <<EOF
[{"Id": "aabbccddeeff00112233", "Name": "/shop-postgres-1", "Config": {"Labels": {"com.docker.compose.service": "postgres"}},
  "HostConfig": {"NetworkMode": "shop"}, "NetworkSettings": {"Ports": {"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "$pg_port"}]}, "Networks": {}}},
 {"Id": "bbccddeeff0011223344", "Name": "/inner", "Config": {"Labels": null}, "HostConfig": {"NetworkMode": "shop"},
  "NetworkSettings": {"Ports": {"5432/tcp": null}, "Networks": {"shop": {"IPAddress": "127.0.0.1"}}}},
 {"Id": "ccddeeff001122334455", "Name": "/beside", "Config": {}, "HostConfig": {"NetworkMode": "container:aabbccddeeff00112233"}, "NetworkSettings": {}},
 {"Id": "ddeeff00112233445566", "Name": "/lonely", "Config": {}, "HostConfig": {"NetworkMode": "none"}, "NetworkSettings": {"Networks": {"none": {"IPAddress": ""}}}},
 {"Id": "eeff0011223344556677", "Name": "/web-1", "Config": {"Labels": {"com.docker.compose.service": "web"}}},
 {"Id": "ff001122334455667788", "Name": "/web-2", "Config": {"Labels": {"com.docker.compose.service": "web"}}}]
EOF
docker "$T/containers"
through ssh=main container=shop-postgres-1 -- query 'select 7'
like "$out" '^row=7$' "a container by its name, through its published port"
like "$out" "^phase=container shop-postgres-1 is at 127.0.0.1:$pg_port\$" "which is told"
through ssh=main container=postgres -- query 'select 7'
like "$out" '^row=7$' "by its compose service"
through ssh=main container=aabbccddeeff -- query 'select 7'
like "$out" '^row=7$' "by its id"
through ssh=main container=beside -- query 'select 7'
like "$out" '^row=7$' "in another one's network"
through ssh=main container=inner "port=$pg_port" -- query 'select 7'
like "$out" '^row=7$' "through its network's address"
through ssh=main container=web -- open
like "$out" '^why=web-1, web-2$' "several of that name: both are named"
through ssh=main container=pg -- open
like "$out" '^why=there are: shop-postgres-1, inner, beside, lonely, web-1, web-2$' "none of that name: those that there are"
through ssh=main "container=x'; touch $T/touched; '" -- open
check "a name that is none touches nothing" test ! -e "$T/touched"
through ssh=main container=lonely -- open
like "$out" '^hint=publish the port, or use tunnel.command: docker exec -i lonely nc 127.0.0.1 5432$' "a container without an address"
printf '#!/bin/sh\necho "permission denied at /var/run/docker.sock" >&2; exit 1\n' >"$T/bin/docker"
through ssh=main container=pg -- open
like "$out" '^why=permission denied at /var/run/docker.sock$' "docker that is not allowed"
echo '[{"Id": 5' >"$T/broken"; docker "$T/broken"
through ssh=main container=pg -- open
like "$out" '^message=.*what docker inspect printed cannot be read' "an answer that is none"
mv "$T/bin/docker" "$T/bin/podman"
sed -i "s#$T/broken#$T/containers#" "$T/bin/podman"
through ssh=main container=inner "port=$pg_port" -- query 'select 7'
like "$out" '^row=7$' "podman"

# ---- who may use its end ----
coproc HELD { "$DRIVER" ssh=main $forward -- hold -- ssh=main "socket=$T/deaf/.s.PGSQL.5432" -- hold 2>&1; }
ends=()
while [ ${#ends[@]} -lt 2 ] && read -r line <&"${HELD[0]}"; do [[ $line == end=* ]] && ends+=("$line"); done
is "${#ends[@]}" 2 "two tunnels at once"
tcp=${ends[0]##*port=} dir=${ends[1]#end=} dir=${dir%% *}
knock() { "$@" "$PSQL" -XAtq -h 127.0.0.1 -p "$tcp" -U postgres -d postgres -c 'select 1' 2>&1; }
unlike "$(knock)" '^1$' "another process of ours is not let in"
if [ "$(id -u)" = 0 ]; then
    unlike "$(knock runuser -u nobody --)" '^1$' "another user is not let in"
    unlike "$(runuser -u nobody -- "$PSQL" -XAtq -h "$dir" -U postgres -d postgres -c 'select 1' 2>&1)" '^1$' "nor at the socket"
else echo "# SKIP another user: not root"; fi
unlike "$("$PSQL" -XAtq -h "$dir" -U postgres -d postgres -c 'select 1' 2>&1)" '^1$' "another process at the socket"
is "$(stat -c %a "$dir")" 700 "whose directory is ours alone"
exec {HELD[1]}>&-
wait "$HELD_PID"
check "the directory is gone afterwards" test ! -e "$dir"

# ---- it breaks ----
# held_query ALIAS: a statement that is under way; then break it, and see what is said in $T/said
held_query() {
    background_out=$T/said; : >"$background_out"
    "$DRIVER" "ssh=$1" $forward -- query 'select pg_backend_pid()' "select pg_sleep(600) -- under way" >"$background_out" 2>&1 & held=$!
    backgrounds+=("$held")
    wait_for 60 grep -q '^running=.*under way' "$background_out"
    wait_for 60 under_way
}
under_way() { [ "$(sql pg postgres -p "$pg_port" -c "select count(*) from pg_stat_activity where query like '%under way' and pid <> pg_backend_pid()")" -gt 0 ]; }
children() { local p; for p in $(pgrep -P "$1"); do children "$p"; echo "$p"; done; }
serving() { children "$(cat "$T/main/pid")"; }
through ssh=watchful $forward -- query 'select pg_sleep(7)' 'select 42'
like "$out" '^row=42$' "a healthy session outlives its own watch: seven keepalives are answered, three misses would end it"
held_query main
kill -9 $(serving)
wait "$held"; out=$(cat "$T/said")
reason lost '^message=the SSH session with .* was lost$' "sshd is killed in the middle of a statement"
like "$out" '^alive=0$' "the tunnel knows that it is gone"
sql pg postgres -p "$pg_port" -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%under way'" >/dev/null
held_query watchful
stopped=$(serving)
kill -STOP $stopped
wait "$held"; out=$(cat "$T/said")
reason lost '^message=the SSH server .* has fallen silent$' "a server that falls silent"
kill -CONT $stopped

# ---- again and again: nothing is left behind, whether it opens or not ----
ssh_key "$T/stranger"
sed "s/^[^ ]* /[127.0.0.1]:${ssh_port[main]} /; s#ssh-ed25519 .*#$(cut -d' ' -f1,2 "$T/stranger.pub")#" "$T/main/known_hosts" >"$T/changed"
ssh_config <<EOF
$(ssh_alias main main)
$(ssh_alias far forbidding "ProxyJump main")
$(ssh_alias proxied main "ProxyCommand socat - TCP:127.0.0.1:${ssh_port[main]}")
$(ssh_alias changed main "UserKnownHostsFile $T/changed")
$(ssh_alias wrongkey main "IdentityFile $T/stranger")
EOF
sed -i '/^Host wrongkey/,$ {/main\/key$/d}' "$HOME/.ssh/config"
often() { # EXPECTED LABEL OPTION...
    local opens=$1 label=$2; shift 2
    through "$@" often=12 -- open
    like "$out" "^opened=$opens left: descriptors=0 threads=0\$" "$label"
}
often 12 "a forward" ssh=main $forward
often 12 "a socket" ssh=main "socket=$T/deaf/.s.PGSQL.5432"
often 12 "a command" ssh=main "command=cat"
often 12 "a port that nothing listens on" ssh=main forward=127.0.0.1:1
often 12 "through a jump host, to where it is forbidden" ssh=far $forward
often 12 "through a ProxyCommand" ssh=proxied $forward
often 0 "a host key that changed" ssh=changed $forward
often 0 "a key that is not accepted" ssh=wrongkey $forward
finish
