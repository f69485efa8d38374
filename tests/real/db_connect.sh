# Connecting: sockets, TCP, IPv6, TLS, passwords from everywhere, and what each failure is called (D2, SAFETY 7).
. "$(dirname "$0")/../lib.sh"
DB=${BUILD:-$PWD}/tests/real/db_test
PGPORT=$(free_port); export PGPORT
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=elsewhere.example -keyout "$T/key" -out "$T/crt" 2>/dev/null
chmod 600 "$T/key"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$T/key"
cluster_start c "listen_addresses='127.0.0.1,::1'" "port=$PGPORT" ssl=on "ssl_cert_file='$T/crt'" "ssl_key_file='$T/key'" || exit 1
sql c postgres -c "CREATE ROLE scram LOGIN PASSWORD 'p@ss:w/o%rd'" -c "CREATE ROLE nobody NOLOGIN" -c "CREATE ROLE limited LOGIN CONNECTION LIMIT 0" \
    -c "CREATE DATABASE closed ALLOW_CONNECTIONS false" -c "CREATE DATABASE private" -c "REVOKE CONNECT ON DATABASE private FROM public" \
    -c "CREATE ROLE plain LOGIN"
{ echo "host all scram all scram-sha-256"; echo "local all scram scram-sha-256"; echo "hostnossl all plain all reject"; cat "$T/c/data/pg_hba.conf"; } >"$T/hba"
as_server cp "$T/hba" "$T/c/data/pg_hba.conf"; sql c postgres -c "SELECT pg_reload_conf()" >/dev/null
db() { run "$DB" "$@"; }
tcp="host=localhost dbname=postgres"
# fails NAME CLASS SQLSTATE WHY-REGEX HINT-REGEX ARGUMENT...
fails() {
    local name=$1 class=$2 code=$3 why=$4 hint=$5; shift 5
    db "$@"
    like "$out" "^class=$class sqlstate=$code\$" "$name: $class $code"
    like "$out" "^why=.*$why" "$name: says why"
    like "$out" "^hint=.*$hint" "$name: says what to do"
    unlike "$out$err" 'LOCATION|p@ss|failed: FATAL' "$name: no driver's text, no secret"
    is "$err" "" "$name: nothing on stderr"
}

# ---- ways in
db host="$T/c" user=postgres
like "$out" '^unix=1$' "a Unix socket"
for where in localhost 127.0.0.1 ::1; do
    db host=$where user=postgres dbname=postgres
    is "$rc" 0 "TCP to $where"
done
db host=::1 user=postgres dbname=postgres
like "$out" '^address=::1$' "IPv6 loopback it is"
db host=no..such,localhost user=postgres dbname=postgres
is "$rc" 0 "of several hosts the one that can be resolved"
db host=127.0.0.1,127.0.0.1 port="1,$PGPORT" user=postgres dbname=postgres
is "$rc" 0 "of several ports the one that answers"
db host=127.0.0.1,127.0.0.1 port="1,$PGPORT" user=postgres dbname=postgres target_session_attrs=prefer-standby
is "$rc" 0 "prefer-standby takes a primary when there is nothing else"
# a service file and a password file, as psql has them
printf '[here]\nhost=localhost\nport=%s\nuser=scram\ndbname=postgres\n' "$PGPORT" >"$T/services"
# shellcheck disable=SC2028
echo "localhost:*:*:scram:p@ss\\:w/o%rd" >"$HOME/.pgpass"; chmod 600 "$HOME/.pgpass"
PGSERVICEFILE=$T/services db service=here
like "$out" '^user=scram$' "a service file, its password from .pgpass"
PGSERVICEFILE=$T/services db service=here sslmode=disable
like "$out" '^tls=0$' "words beside the service count"
chmod 644 "$HOME/.pgpass"
PGSERVICEFILE=$T/services db service=here
like "$out" '^notice=WARNING .*\.pgpass is not used' "a password file that others may read is named"
is "$err" "" "and nothing is printed to stderr by libpq"
rm "$HOME/.pgpass"
db $tcp user=scram password='p@ss:w/o%rd'
is "$rc" 0 "a SCRAM password with @ : / %"
PGPASSWORD='p@ss:w/o%rd' db $tcp user=scram
is "$rc" 0 "PGPASSWORD"

# ---- TLS
db $tcp user=postgres sslmode=require
like "$out" '^tls=1$' "sslmode=require takes a self-signed certificate"
fails "verify-full without a root certificate" never-ready '' 'root certificate' 'sslrootcert' $tcp user=postgres sslmode=verify-full
fails "verify-full of a certificate for another host" never-ready '' 'elsewhere.example' 'another host name' $tcp user=postgres sslmode=verify-full sslrootcert="$T/crt"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout "$T/key2" -out "$T/crt2" 2>/dev/null
fails "verify-ca by another authority" never-ready '' 'not trusted' 'sslrootcert' $tcp user=postgres sslmode=verify-ca sslrootcert="$T/crt2"

# ---- refusals, sorted
fails "wrong password" never-ready 28P01 'password authentication failed' 'password' $tcp user=scram password=wrong
fails "no password" never-ready 28P01 'none was given' 'pgpass' $tcp user=scram
fails "no such database" never-ready 3D000 'does not exist' 'createdb' $tcp user=postgres dbname=nope
fails "no such role" never-ready 28000 'does not exist' 'role' $tcp user=whoever
fails "a role without LOGIN" never-ready 28000 'not permitted to log in' 'role' $tcp user=nobody
fails "pg_hba.conf says no" never-ready 28000 'pg_hba.conf rejects' 'TLS' $tcp user=plain sslmode=disable
fails "a closed database" never-ready 55000 'not currently accepting' 'ALLOW_CONNECTIONS' $tcp user=postgres dbname=closed
fails "no right to connect" never-ready 42501 'permission denied' 'GRANT CONNECT' $tcp user=plain dbname=private
fails "too many connections for the role" not-ready 53300 'too many connections' 'try again' $tcp user=limited
fails "nothing listens" not-ready '' 'refused' 'running' host=localhost port=1 user=postgres
fails "no socket" not-ready '' 'no such socket' 'running' host=/nowhere user=postgres
fails "a name that nobody knows" not-ready '' 'not known' 'spelling' host=no..such user=postgres
fails "another protocol's port" never-ready '' 'not PostgreSQL' 'host and port' host=localhost port="$(
    python3 -c 'import socket,os,sys
s=socket.create_server(("127.0.0.1",0)); print(s.getsockname()[1]); sys.stdout.flush()
if os.fork()==0:
    os.close(1); s.settimeout(20)
    try:
        while True:
            c,_=s.accept(); c.recv(1); c.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"); c.close()
    except OSError: pass
')" user=postgres
fails "an unknown service" never-ready '' 'service' 'service file' service=nowhere
fails "a wrong sslmode" never-ready '' 'sslmode' '.' sslmode=bogus host="$T/c"

# ---- servers that are no help: each ends with one sentence, in time
fake() { mkdir -p "$T/f$1"; background python3 "$TOP/tests/fake_server.py" "$T/f$1" "$@"; wait_for 10 test -S "$T/f$1/.s.PGSQL.5432"; }
fake starting 600; fake paused; fake hang; fake close
fails "starting up" not-ready 57P03 'starting up' 'try again' host="$T/fstarting" port=5432 user=x
fails "a paused project" never-ready XX000 'paused' 'dashboard' host="$T/fpaused" port=5432 user=x
fails "closed at once" not-ready '' 'without a word' 'starting' host="$T/fclose" port=5432 user=x
fails "accepts and hangs" not-ready '' 'said nothing' 'hang' host="$T/fhang" port=5432 user=x timeout=700
like "$out" '^after_ms=[78][0-9][0-9]$' "the deadline of 700 ms is kept"
fails "cancelled while it hangs" cancelled '' '' '' host="$T/fhang" port=5432 user=x timeout=30000 cancel_after=100
like "$out" '^after_ms=1[0-9][0-9]$' "within 100 ms"

# ---- session settings on an unpooled connection
db $tcp user=postgres session=1 readonly=1 -- run "SHOW TimeZone" "SHOW DateStyle" "SHOW client_connection_check_interval" "CREATE TABLE no (i int)"
like "$out" $'^UTC\nISO, MDY\n2s\n' "time zone, date style and the check for a vanished client are set"
like "$out" '^class=query sqlstate=25006$' "and read-only where asked"
like "$out" '^hint=.*read-only' "with a word about it"
db $tcp user=postgres -- run "SHOW client_connection_check_interval"
is "$out" 0 "without session=1 nothing is set"
finish
