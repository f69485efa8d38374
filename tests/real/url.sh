#!/usr/bin/env bash
# URLs as people have them, against a server: sockets, several hosts, service files, passwords from everywhere.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
port=$(free_port)
cluster_start main "listen_addresses='127.0.0.1'" "port=$port" || exit 1
admin() { as_server "$PGBIN/psql" -XAtq -h "$T/main" -p "$port" -U postgres -d postgres -c "$1" >/dev/null; }
admin "alter user postgres password 'p@s:s/w%rd'"
printf 'host all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n' | as_server tee "$T/main/data/pg_hba.conf" >/dev/null
admin 'select pg_reload_conf()'
reaches() { # NAME URL TARGET: status says HEALTHY and shows the target
    so status --url "$2"
    is "$rc $(sed -n '1s/  */ /gp' <<<"$out" | grep -oF -- "$3")" "0 $3" "$1"
}
fails() { so status --url "$2"; is "$rc" "$3" "$1: exit $3"; like "$err" "$4" "$1: says so"; unlike "$out$err" 's/w|hunter2' "$1: shows no password"; }

reaches "a Unix socket" "postgresql://postgres@/postgres?host=$T/main&port=$port" "postgres on $T/main:$port as postgres"
reaches "keyword=value" "host='$T/main' port=$port user=postgres dbname=postgres application_name='a b'" "postgres on $T/main:$port as postgres"
reaches "the first of several hosts that answers" "postgresql://postgres@/postgres?host=/nonexistent,$T/main&port=$port" "/nonexistent,$T/main:$port as postgres"
printf '[prod]\nhost=%s\nport=%s\ndbname=postgres\nuser=postgres\n' "$T/main" "$port" >svc.conf
PGSERVICEFILE=$T/svc.conf reaches "a service file" 'service=prod' "service prod"
tcp="127.0.0.1:$port/postgres"
reaches "a percent-encoded password" "postgresql://postgres:p%40s%3As%2Fw%25rd@$tcp" "postgres@$tcp"
unlike "$out$err" 's/w' "which is not shown"
like "$err" 'holds a password' "with a warning"
reaches "a raw @ in the password" "postgresql://postgres:p@s:s%2Fw%25rd@$tcp" "postgres@$tcp"
like "$err" 'should be %40' "with a note"
reaches "other clients' parameters" "postgresql://postgres:p%40s%3As%2Fw%25rd@$tcp?schema=public&connection_limit=5&pool_timeout=0&sslaccept=strict" "postgres@$tcp"
like "$err" 'connection_limit= belongs to Prisma and was set aside' "each with a note"
PGPASSWORD='p@s:s/w%rd' reaches "PGPASSWORD" "postgresql://postgres@$tcp" "postgres@$tcp"
printf '127.0.0.1:%s:*:postgres:p@s\\:s/w%%rd\n' "$port" >"$HOME/.pgpass"; chmod 600 "$HOME/.pgpass"
reaches "~/.pgpass" "postgresql://postgres@$tcp" "postgres@$tcp"
rm "$HOME/.pgpass"
mkdir -p "$HOME/.config/seedops"
command_file() { printf "environments:\n  e:\n    url: 'postgresql://postgres@%s'\n    password_command: %s\n" "$tcp" "$1" >"$HOME/.config/seedops/c.yaml"; }
command_file "echo 'p@s:s/w%rd'; echo not this line"
so status --config "$HOME/.config/seedops/c.yaml"; is "$rc" 0 "password_command: its first line"
command_file "echo 'hunter2' && exit 3"
so status --config "$HOME/.config/seedops/c.yaml"; is "$rc" 2 "a password_command that fails: exit 2"
unlike "$out$err" hunter2 "and what it printed is not shown"

fails "a wrong password" "postgresql://postgres:hunter2@$tcp" 2 'password authentication failed'
fails "a '/' in the password" "postgresql://postgres:p@s:s/w%25rd@$tcp" 1 "a '/' or '\?' cuts"
fails "a lone % in the password" "postgresql://postgres:hunter2%@$tcp" 1 'percent-encoding at character'
fails "TLS that the server does not have" "postgresql://postgres:hunter2@$tcp?sslmode=require" 2 'TLS'
is "$(grep -rlE 'hunter2|s/w%rd' "$XDG_STATE_HOME" 2>/dev/null)" "" "no password was recorded"
finish
