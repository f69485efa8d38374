# shellcheck shell=bash
# Sourced by every shell test: TAP, throw-away PostgreSQL clusters, seedops itself.
#   plan-less TAP: ok/not_ok lines as they come, `finish` prints the plan.
# Environment: SEEDOPS (the binary; default: from PATH), TOP (the source tree).
set -u
TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
SEEDOPS=${SEEDOPS:-seedops}
PGBIN=${PGBIN:-$(pg_config --bindir)}                     # of the servers; a version of its own: tests/versions
PSQL=${PSQL:-$(pg_config --bindir)/psql}
T=$(mktemp -d "${TMPDIR:-/tmp}/seedops-test.XXXXXX")   # everything of this test lives here
chmod 755 "$T"
tests_done=0 tests_failed=0
user_cache=${XDG_CACHE_HOME-}                             # of whoever runs the tests
export LC_ALL=C.UTF-8 HOME=$T/home XDG_STATE_HOME=$T/state XDG_CACHE_HOME=$T/cache PGTZ=UTC
unset DATABASE_URL DIRECT_URL ALLOW_PROD_SEED SEEDOPS_CONFIG PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD
mkdir -p "$HOME" "$XDG_STATE_HOME"
SERVER_USER=${SERVER_USER:-postgres}                      # who runs servers when we are root

as_server() { if [ "$(id -u)" = 0 ]; then runuser -u "$SERVER_USER" -- "$@"; else "$@"; fi; }

ok() { tests_done=$((tests_done + 1)); echo "ok $tests_done - $*"; }
not_ok() { tests_done=$((tests_done + 1)); tests_failed=$((tests_failed + 1)); echo "not ok $tests_done - $*"; }
note() { printf '%s\n' "$*" | sed 's/^/# /'; }
# check NAME COMMAND...: passes if the command succeeds; its output is shown when it does not.
check() { local name=$1 out; shift; if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name"; note "ran: $*" "$out"; fi; }
# sometimes NAME COMMAND...: passes if one of eight runs does, each with the same input: for what a busy machine may hold up,
# but a fault always does.
sometimes() { local name=$1 i; shift; cat >"$T/input"
    for i in 1 2 3 4 5 6 7; do "$@" <"$T/input" >/dev/null 2>&1 && { ok "$name"; return; }; done; check "$name" "$@" <"$T/input"; }
is() { if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3"; note "got:  $1" "want: $2"; fi; }
like() { if grep -qE -- "$2" <<<"$1"; then ok "$3"; else not_ok "$3"; note "no match for: $2" "in: $1"; fi; }
unlike() { if grep -qE -- "$2" <<<"$1"; then not_ok "$3"; note "matches: $2" "in: $1"; else ok "$3"; fi; }
# run COMMAND...: sets $rc, $out, $err
run() { "$@" >"$T/out" 2>"$T/err"; rc=$?; out=$(cat "$T/out"); err=$(cat "$T/err"); return 0; }
so() { run "$SEEDOPS" "$@"; }

# cluster_start NAME [postgresql.conf line...]: a cluster on a Unix socket only (directory $T/NAME, port 5432);
# PG_NAME_DIR is its socket directory. `listen_addresses=...` as a line opens TCP.
cluster_start() {
    local name=$1 dir=$T/$1 line; shift
    if [ ! -d "$dir/data" ]; then
        mkdir -p "$dir"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$dir"
        as_server "$PGBIN/initdb" -D "$dir/data" -U postgres -A trust --locale=C.UTF-8 -E UTF8 -N >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log"; return 1; }
        { echo "listen_addresses=''"; echo "unix_socket_directories='$dir'"; echo "fsync=off"; echo "max_connections=60"; echo "timezone=UTC"
          for line in "$@"; do echo "$line"; done; } | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    fi
    as_server "$PGBIN/pg_ctl" -D "$dir/data" -w -l "$dir/server.log" start >/dev/null || { cat "$dir/server.log"; return 1; }
    clusters+=("$name"); cluster_bin[$name]=$PGBIN
}
clusters=()
declare -A cluster_bin=()                                 # a test of several versions has servers of several
cluster_stop() { as_server "${cluster_bin[$1]:-$PGBIN}/pg_ctl" -D "$T/$1/data" -m "${2:-fast}" -w stop >/dev/null 2>&1; }
# url NAME DATABASE: a URL over the cluster's socket
url() { echo "postgresql://postgres@/$2?host=$T/$1"; }
# sql NAME DATABASE [psql options]: SQL from stdin or -c
sql() { local name=$1 db=$2; shift 2; "$PSQL" -XAtq -v ON_ERROR_STOP=1 -h "$T/$name" -U postgres -d "$db" "$@"; }
# pgbouncer_start NAME CLUSTER MODE [pgbouncer.ini line...]: a pooler before a cluster, reached like a cluster: url NAME DB.
# MODE: transaction, session, statement. More lines are settings ("default_pool_size=1").
pgbouncer_start() {
    local name=$1 cluster=$2 mode=$3 dir=$T/$1 line; shift 3
    mkdir -p "$dir"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$dir"
    echo '"postgres" ""' >"$dir/users"; chmod 644 "$dir/users"
    { echo "[databases]"; echo "* = host=$T/$cluster port=5432"
      echo "[pgbouncer]"; echo "listen_port=5432"; echo "unix_socket_dir=$dir"; echo "pool_mode=$mode"
      echo "auth_type=trust"; echo "auth_file=$dir/users"; echo "admin_users=postgres"
      echo "pidfile=$dir/pid"; echo "logfile=$dir/log"
      for line in "$@"; do echo "$line"; done; } >"$dir/ini"
    as_server "$(PATH=$PATH:/usr/sbin command -v pgbouncer)" -q -d "$dir/ini" || { cat "$dir/log"; return 1; }
    poolers+=("$dir/pid")
    wait_for 10 test -S "$dir/.s.PGSQL.5432"
}
poolers=()
# sshd_start NAME [sshd_config line...]: an unprivileged OpenSSH server on loopback, in $T/NAME. Then: its port in
# ${ssh_port[NAME]}, a key that it accepts in $T/NAME/key (any other is made with ssh_key and put into
# $T/NAME/authorized), its line for known_hosts in $T/NAME/known_hosts, what it logs in $T/NAME/log. Whoever runs the
# test is who logs in. Lines come first: in sshd_config the first value counts.
sshd_start() {
    local name=$1 dir=$T/$1 line; shift
    if [ ! -d "$dir" ]; then
        mkdir -p "$dir"; chmod 755 "$dir"
        ssh_key "$dir/host" && ssh_key "$dir/key" || return 1
        cp "$dir/key.pub" "$dir/authorized"
        ssh_port[$name]=$(free_port)
        { for line in "$@"; do echo "$line"; done
          echo "ListenAddress 127.0.0.1:${ssh_port[$name]}"; echo "HostKey $dir/host"; echo "PidFile $dir/pid"
          echo "AuthorizedKeysFile $dir/authorized"; echo "StrictModes no"; echo "UsePAM no"; echo "LogLevel VERBOSE"
          echo "PasswordAuthentication no"; echo "KbdInteractiveAuthentication no"; } >"$dir/config"
    fi
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd             # its privilege separation wants the directory
    "$(PATH=$PATH:/usr/sbin command -v sshd)" -f "$dir/config" -E "$dir/log" || { cat "$dir/log"; return 1; }
    sshds+=("$dir/pid")
    sed "s/^/[127.0.0.1]:${ssh_port[$name]} /" "$dir/host.pub" | cut -d' ' -f1-3 >"$dir/known_hosts"
    wait_for 20 test -s "$dir/pid"
}
sshds=()
declare -A ssh_port=()
sshd_stop() { local pid; pid=$(cat "$T/$1/pid"); kill "$pid"; wait_for 20 sh -c "! kill -0 $pid"; }
# sshd_sessions NAME: the processes that serve its sessions
sshd_sessions() { pgrep -P "$(cat "$T/$1/pid")"; }
# ssh_key FILE [ssh-keygen option...]: an Ed25519 key without a passphrase, unless options say otherwise
ssh_key() { local file=$1; shift; ssh-keygen -q -t ed25519 -N '' -C "${file##*/}" -f "$file" "$@" </dev/null; }
# ssh_config: makes ~/.ssh/config of the test's HOME from stdin
ssh_config() { mkdir -p "$HOME/.ssh"; chmod 700 "$HOME/.ssh"; cat >"$HOME/.ssh/config"; }
# ssh_alias ALIAS NAME [line...]: a Host for sshd NAME: its key, its known_hosts; for ssh_config
ssh_alias() {
    local alias=$1 name=$2 line; shift 2
    echo "Host $alias"
    for line in "$@"; do echo "  $line"; done
    echo "  HostName 127.0.0.1"; echo "  Port ${ssh_port[$name]}"; echo "  IdentityFile $T/$name/key"; echo "  IdentitiesOnly yes"
    echo "  UserKnownHostsFile $T/$name/known_hosts"; echo "  IdentityAgent none"
}
# background COMMAND...: runs until the test ends; its pid in $bg
background() { "$@" >/dev/null 2>&1 & bg=$!; backgrounds+=("$bg"); }
backgrounds=()
# innermost PID: the last of its line of children, so that a program is found behind the shell, runuser or terminal that
# started it, and no other test's program is taken for it.
innermost() { local pid=$1 child; while child=$(pgrep -n -P "$pid"); do pid=$child; done; echo "$pid"; }
# hostile_path CLUSTER DATABASE: schema public comes before pg_catalog, and calls things by its names.
hostile_path() {
    sql "$1" "$2" <<'SQL'
create function now() returns timestamptz language plpgsql as $$ begin raise 'hostile'; end $$;
create function clock_timestamp() returns timestamptz language plpgsql as $$ begin raise 'hostile'; end $$;
create function pg_backend_pid() returns int language plpgsql as $$ begin raise 'hostile'; end $$;
create function current_database() returns name language plpgsql as $$ begin raise 'hostile'; end $$;
create function has_schema_privilege(oid, text) returns boolean language plpgsql as $$ begin raise 'hostile'; end $$;
create function host(inet) returns text language plpgsql as $$ begin raise 'hostile'; end $$;
create function hashtext(text) returns int language plpgsql as $$ begin raise 'hostile'; end $$;
create function differ(varchar, varchar) returns boolean language plpgsql as $$ begin raise 'hostile'; end $$;
create function differ(text, text) returns boolean language plpgsql as $$ begin raise 'hostile'; end $$;
create operator = (leftarg = varchar, rightarg = varchar, function = differ);
create operator = (leftarg = text, rightarg = text, function = differ);
SQL
    sql "$1" postgres -c "alter database \"$2\" set search_path = public, pg_catalog"
}
# A database made anew under an old name is another one to seedops, which refuses to write to it: after this every
# visit is a first one.
forget_databases() { rm -f "$XDG_STATE_HOME/seedops/known_databases"; }
createdb_in() { sql "$1" postgres -c "create database \"$2\"" && forget_databases; }
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
# wait_for SECONDS COMMAND...: polls until it succeeds
wait_for() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -ge $end ] && return 1; read -rt 0.05 <> <(:) || :; done; }

cleanup() { local c; [ ${#backgrounds[@]} = 0 ] || kill "${backgrounds[@]}" 2>/dev/null
    for c in "${sshds[@]}"; do [ ! -s "$c" ] || kill "$(cat "$c")" 2>/dev/null; done
    for c in "${poolers[@]}"; do [ ! -s "$c" ] || kill "$(cat "$c")" 2>/dev/null; done
    for c in "${clusters[@]}"; do cluster_stop "$c" immediate; done
    [ -n "${KEEP:-}" ] && echo "# kept: $T" || rm -rf "$T"; }
trap cleanup EXIT
finish() { echo "1..$tests_done"; [ "$tests_failed" = 0 ]; exit $?; }
