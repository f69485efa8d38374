#!/usr/bin/env bash
# Which database is this? Pins, copies, forwards, marks (SAFETY 3).
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
pins=$XDG_STATE_HOME/seedops/known_databases
helpers=()
tidy() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
mkdir -p seeds later
echo 'CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL);' >later/001_t.up.sql
printf 'table: t\nrows:\n  - {id: 1, v: one}\n' >seeds/t.yaml
cat >seedops.yaml <<'END'
version: 1
seeds: seeds
tables: {t: {class: context}}
environments:
  local: {url: '${LOCAL_URL}'}
  production: {url: '${PROD_URL}'}
END
# look ENV: sets $state and $local beside $out, $err and $rc
look() { so status "$1" --json; state=$(jq -r .identity.state <<<"$out"); local=$(jq -r .guard.local <<<"$out"); }
reasons() { jq -r '.guard.reasons[]' <<<"$out"; }
make_app() { sql "$1" postgres -c 'create database app' && sql "$1" app -c 'create table t (id int primary key, v text not null)'; }
identifier() { sql "$1" postgres -c 'select system_identifier from pg_control_system()'; }

# ---- the first visit, and the ones after it ----
cluster_start dev || exit 1
make_app dev
export LOCAL_URL PROD_URL; LOCAL_URL=$(url dev app) PROD_URL=$(url prod app)
look local; is "$state" new "the first visit is one"
is "$(stat -c %a "$pins")" 600 "what it saw is noted, for nobody else to read"
is "$(jq -r 'select(.environment == "local") | .system_identifier' "$pins")" "$(identifier dev)" "the server's identifier"
is "$(jq -r 'select(.environment == "local") | "\(.config) \(.database) \(.role)"' "$pins")" "$T/seedops.yaml app local" "with database, role and file"
look local; is "$state" known "the second is one of a known database"
is "$(jq -r .identity.pinned.system_identifier <<<"$out")" "$(identifier dev)" "JSON has what was pinned"
is "$(jq -r .round_trips <<<"$out")" 2 "nothing of it costs a round trip"
so seed local; is "$rc" 0 "which is seeded as ever"
is "$err" "seedops: this write leaves no trail in the database: it keeps none; seedops mark local begins one" "with one line on what it does not leave"
so seed local; is "$rc $err" "0 " "a seed that writes nothing says nothing"
so status local; is "$rc" 0 "and all is well"

# ---- another server at the same place ----
before=$(identifier dev)
reborn() { cluster_stop dev; rm -rf "$T/dev/data"; cluster_start dev && make_app dev; }
fill() { sql dev app -c "insert into t values (1, 'one')"; }
reborn || exit 1
fill
after=$(identifier dev)
so status local --json
is "$rc $(jq -r .identity.state <<<"$out")" "4 changed" "a server made anew on the same path is another one"
so status local
is "$rc" 4 "and that is not well"
like "$out" "IDENTITY CHANGED +Another server answers: $after; it was $before" "says the status"
like "$err" "THE IDENTITY CHANGED: .*It was server $before, database app.*it is now server $after" "and stderr, with both"
sql dev app -c 'delete from t'
so seed local --json
is "$rc $(jq -r .error.class <<<"$out")" "5 refused" "a seed is refused"
like "$(jq -r .error.why <<<"$out")" "$before.*$after" "both identities are named"
is "$(jq -r .error.hint <<<"$out")" "seedops envs --accept local" "and the way on"
is "$(sql dev app -c 'select count(*) from t')" 0 "nothing was written"
so migrate local --migrations later; is "$rc" 5 "a migration too"
so mark local --confirm local; is "$rc" 5 "and a mark"
ALLOW_PROD_SEED=true so seed local; is "$rc" 5 "no variable lifts it"
look local; is "$state" changed "and nothing of that made it the known one"
like "$(cat "$XDG_STATE_HOME"/seedops/sessions/*.jsonl)" 'THE IDENTITY CHANGED' "the journals have it"
so envs --accept local
is "$rc" 0 "envs --accept takes it"
like "$out" "known  server $before.*since 20" "showing what was known"
like "$out" "now    server $after" "and what answers"
so seed local; is "$rc" 0 "then it is seeded"
so envs --accept local; like "$out" 'nothing to accept' "a second time there is nothing to accept"
reborn || exit 1
so seed local; is "$rc" 5 "the same once more"
so envs --forget local
like "$out" "forgotten: local was server $after" "envs --forget forgets"
so seed local; is "$rc" 0 "and makes the next visit a first one"
so envs --forget nowhere; is "$rc" 64 "what was never known cannot be forgotten"
sql dev postgres -c 'drop database app' ; make_app dev
so seed local; is "$rc" 5 "a database dropped and made again is another one"
like "$err" 'another database answers' "which is said"
so envs --accept local --json; is "$rc $(jq -r .accepted <<<"$out")" "0 true" "accepted, with JSON"

# ---- production, and what looks like it ----
cluster_start prod "listen_addresses='127.0.0.1'" "port=$(free_port)" "wal_level=replica" || exit 1
port=$(sed -n 's/^port=//p' "$T/prod/data/postgresql.conf" | tail -n 1)
psql_prod() { "$PGBIN/psql" -XAtq -h "$T/prod" -p "$port" -U postgres -d "$1" -c "$2"; }
psql_prod postgres 'create database app'; psql_prod app 'create table t (id int primary key, v text not null)'
PROD_URL="postgresql://postgres@/app?host=$T/prod&port=$port"
so status production
own=$LOCAL_URL
# ssh -L to production: a port ($ssh_port) and a socket ($T/ssh)
ssh_start() {
    local daemon; daemon=$(PATH=$PATH:/usr/sbin command -v sshd) || return 1
    mkdir -p "$T/ssh" "$HOME/.ssh"; [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/host"; ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/user"
    cp "$T/ssh/user.pub" "$T/ssh/keys"
    sshd_port=$(free_port) ssh_port=$(free_port)
    printf '%s\n' "Port $sshd_port" 'ListenAddress 127.0.0.1' "HostKey $T/ssh/host" "AuthorizedKeysFile $T/ssh/keys" 'PidFile none' \
        'UsePAM no' 'StrictModes no' 'PermitRootLogin yes' >"$T/ssh/config"
    background "$daemon" -D -f "$T/ssh/config"; helpers+=("$bg")
    wait_for 10 bash -c ": <>/dev/tcp/127.0.0.1/$sshd_port"
    background ssh -N -F none -i "$T/ssh/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ExitOnForwardFailure=yes \
        -L "127.0.0.1:$ssh_port:127.0.0.1:$port" -L "$T/ssh/.s.PGSQL.5432:$T/prod/.s.PGSQL.$port" -p "$sshd_port" "$(id -un)@127.0.0.1"
    helpers+=("$bg")
    wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$ssh_port" && wait_for 10 "$PGBIN/pg_isready" -h "$T/ssh" -p 5432
}
through() { # NAME URL: local, reached that way, is the server known as production
    LOCAL_URL=$2
    so envs --forget local
    look local; is "$local" false "production reached as local $1 is not local"
    like "$(reasons)" 'known as production|identity of production' "because it is known"
    so seed local; is "$rc" 5 "and not seeded"
}
through "by its own socket" "$PROD_URL"
socat_port=$(free_port)
background socat "TCP-LISTEN:$socat_port,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$T/prod/.s.PGSQL.$port"; helpers+=("$bg")
background socat "UNIX-LISTEN:$T/.s.PGSQL.5432,fork,mode=777" "TCP:127.0.0.1:$port"; helpers+=("$bg")
wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$socat_port"
wait_for 10 "$PGBIN/pg_isready" -h "$T" -p 5432
if [ "$(id -u)" = 0 ]; then
    other_port=$(free_port)
    background runuser -u nobody -- socat "TCP-LISTEN:$other_port,bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$port"; helpers+=("$bg")
    wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$other_port"
    through "through another user's forwarder" "postgresql://postgres@127.0.0.1:$other_port/app"
fi
ssh_start || exit 1
through "through ssh -L" "postgresql://postgres@127.0.0.1:$ssh_port/app"
rm -f "$pins"
look local; is "$local" false "with nothing known it is not local either"
like "$(reasons)" 'the server does not see our own socket' "for its place alone"
so status production
through "through ssh -L to a socket" "postgresql://postgres@/app?host=$T/ssh"
look local; like "$(reasons)" 'its socket belongs to ssh, which forwards' "whose peer is ssh"
through "through a forwarded port" "postgresql://postgres@127.0.0.1:$socat_port/app"
through "through a forwarded socket" "postgresql://postgres@/app?host=$T"
so envs --accept local --confirm local
is "$rc" 0 "accepting a forwarded one as a copy"
look local; is "$local" false "makes it no more local"
like "$(reasons)" 'belongs to socat' "for the forwarder is still there"
mkdir "$T/pool"; ln -s "$T/prod/.s.PGSQL.$port" "$T/pool/.s.PGSQL.5432"
pgbouncer_start bouncer pool session || exit 1
through "through PgBouncer" "$(url bouncer app)"
so seed production; is "$rc" 5 "production itself is as guarded as ever"

# a base backup, started here
mkdir "$T/copy"; [ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$T/copy"
as_server "$PGBIN/pg_basebackup" -h "$T/prod" -p "$port" -U postgres -D "$T/copy/data" -X stream -c fast
printf '%s\n' "listen_addresses=''" port=5432 "unix_socket_directories='$T/copy'" | as_server tee -a "$T/copy/data/postgresql.conf" >/dev/null
cluster_start copy || exit 1
LOCAL_URL=$(url copy app); so envs --forget local
look local; is "$state" copy "a base backup of production started here is called a copy"
like "$(jq -r .identity.sentence <<<"$out")" 'identity of production, so it is that server or a copy of it \(a base backup' "in words"
so seed local; is "$rc" 5 "and is not written to"
so envs --accept local; is "$rc" 5 "accepting it takes the name"
like "$err" -- '--confirm local' "which is said"
so envs --accept local --confirm local; is "$rc" 0 "with the name it is accepted"
look local; is "$state $(jq -r '"\(.guard.local) \(.identity.clone_of)"' <<<"$out")" "known true production" "as a copy of production, and local"
so seed local; is "$rc" 0 "and seeded"
is "$(psql_prod app 'select count(*) from t')" 0 "production saw nothing of it"

# ---- an upgrade by pg_upgrade, which gives the new server another identifier ----
cluster_start upgraded || exit 1
cluster_stop upgraded; cluster_stop prod
upgrade() { cd "$T/upgraded" && as_server "$PGBIN/pg_upgrade" -b "$PGBIN" -B "$PGBIN" -d "$T/prod/data" -D "$T/upgraded/data" -s "$T/upgraded" -U postgres; }
check "pg_upgrade" upgrade
cluster_start upgraded || exit 1
PROD_URL=$(url upgraded app)
look production; is "$state" changed "an upgraded production is another server"
for how in "migrate production --migrations later" "migrate production --migrations later --confirm production" "seed production --confirm production" "mark production --confirm production" "envs --accept production"; do
    # shellcheck disable=SC2086
    ALLOW_PROD_SEED=true so $how; is "$rc" 5 "refused: $how"
done
look production; is "$state" changed "none of which accepted it"
so envs --accept production --confirm productio; is "$rc" 5 "nor does a name that is not quite its own"
so envs --accept production --confirm production; is "$rc" 0 "accepted by name"
ALLOW_PROD_SEED=true so seed production; is "$rc" 0 "it is written to again"
cluster_stop upgraded; cluster_stop copy

# ---- a server that does not tell ----
LOCAL_URL=$own
sql dev postgres -c 'create role quiet login' -c 'grant pg_read_all_data to quiet'
sql dev app -c 'revoke execute on function pg_catalog.pg_control_system() from public' -c 'grant all on t to quiet'
LOCAL_URL=${own/postgres@/quiet@}
so envs --forget local
look local; is "$state $(jq -r .guard.local <<<"$out")" "unknown false" "while a production is known, a server that does not tell may be it"
like "$(reasons)" 'does not tell its identity, so it may be production' "and counts as not local"
like "$err" 'identity unknown' "which is said"
so envs --accept local --confirm local; is "$rc" 5 "and cannot be accepted away"
like "$err" 'GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system' "but granted"
mv "$pins" "$T/aside"
look local; is "$state $(jq -r .guard.local <<<"$out")" "unknown true" "where no other is known it is what its place says"
mv "$T/aside" "$pins"
LOCAL_URL=$own

# ---- known_databases itself ----
cp "$pins" "$T/good"
broken() { # NAME COMMAND...
    local name=$1; shift
    cp "$T/good" "$pins"; "$@"
    cp "$pins" "$T/bad"
    so seed local
    is "$rc" 5 "$name: nothing is written"
    like "$err" 'known_databases' "$name: the file is named"
    check "$name: and left as it is" cmp -s "$pins" "$T/bad"
}
broken "a line of garbage" bash -c 'echo nonsense >>"$1"' - "$pins"
so status local; like "$err" 'IDENTITY UNCERTAIN: known_databases cannot be read: the line is not JSON' "with what is wrong"
so status local --json; is "$(jq -r .identity.state <<<"$out")" unreadable "and JSON has a word for it"
broken "a file cut off" bash -c 'truncate -s -5 "$1"' - "$pins"
broken "an empty file" bash -c ': >"$1"' - "$pins"
broken "an environment twice" bash -c 'tail -n 1 "$1" >"$1.x"; cat "$1.x" >>"$1"; rm "$1.x"' - "$pins"
rm "$pins"; mkdir "$pins"
so seed local; is "$rc" 5 "a directory in its place is no empty one either"
rmdir "$pins"
so envs --accept local; is "$rc" 0 "without the file every visit is a first one"
cp "$T/good" "$pins"; so envs --accept local --confirm local
exec 7>"$XDG_STATE_HOME/seedops/lock"; flock 7
rm "$pins"
took=$SECONDS
so seed local; is "$rc" 0 "a lock that somebody keeps does not keep us"
check "for long" test $((SECONDS - took)) -le 5
exec 7>&-
XDG_STATE_HOME=/proc/none so seed local; is "$rc" 0 "nor does a directory that cannot be written"
XDG_STATE_HOME=/proc/none so status local; like "$err" 'was not noted, so a later change would go unseen' "but it is said"
cp "$SEEDOPS" "$T/ours"; chmod 755 "$T/ours"; mkdir -m 700 "$T/closed"
elsewhere() { run runuser -u nobody -- env HOME=/nonexistent XDG_STATE_HOME="$T/closed" LOCAL_URL="$LOCAL_URL" "$T/ours" "$@"; }
sql dev app -c 'delete from t'
elsewhere seed local; is "$rc" 5 "a directory that may not be entered is not one without the file" || note "$err"
elsewhere status local; like "$err" 'IDENTITY UNCERTAIN: cannot read .*/closed/seedops/known_databases' "and that is said" || note "$err"
so seed local; is "$rc" 0 "and with it all is well"
is "$(stat -c %a "$XDG_STATE_HOME/seedops")" 700 "the directory is ours alone"
for _ in 1 2 3 4 5 6 7 8; do "$SEEDOPS" status local >/dev/null 2>&1 & done; wait $(jobs -rp | grep -vxF "$(printf '%s\n' "${helpers[@]}")") 2>/dev/null
look local; is "$state" known "eight first visits at once agree"

# ---- marks ----
is "$(sql dev app -c "select count(*) from pg_namespace where nspname = 'seedops'")" 0 "nothing of ours is made unasked"
so mark local; is "$rc" 0 "a local database is marked"
is "$(sql dev app -c "select environment, role, system_identifier, database, database_oid = (select oid from pg_database where datname = 'app') from seedops.mark")" \
    "local|local|$(identifier dev)|app|t" "with environment, role and identity"
so mark local; like "$out" 'is marked already as local \(local\)' "a second time nothing changes"
is "$(sql dev app -c "select string_agg(action, ' ' order by id) from seedops.actions")" "mark session" "and leaves no row"
so status local --json; is "$(jq -r .round_trips <<<"$out")" 2 "a marked database costs no round trip more"
sql dev app -c "update seedops.mark set environment = 'shop', role = 'production'"
look local; is "$state $(jq -r '"\(.guard.local) \(.identity.marked_as)"' <<<"$out")" "marked false shop (production)" "one marked as production is not local, whatever it is called"
like "$(reasons)" 'marked as shop \(production\)' "for that reason"
sql dev app -c 'delete from t'; so seed local; is "$rc" 5 "and not seeded"
so envs --accept local; is "$rc" 5 "accepting it takes the name"
so envs --accept local --confirm local; look local; is "$local" true "which is enough"
sql dev app -c "update seedops.mark set environment = 'other'"
look local; is "$local" false "another mark is another matter"
so mark local; is "$rc" 5 "marking it anew takes the name, too"
so mark local --confirm local; look local; is "$local" true "and makes it local"
so seed local
sql dev postgres -c 'create database app2 template app'
LOCAL_URL=$(url dev app2); so envs --forget local
look local; is "$state $(jq -r .identity.copy_of <<<"$out")" "copy local" "a database made from a marked one is a copy of it"
so mark local --confirm local; look local; is "$state" known "until it is marked as its own"
LOCAL_URL=$own; so envs --forget local
sql dev app -c 'drop schema seedops cascade' -c "create table ar_internal_metadata (key text primary key, value text); insert into ar_internal_metadata values ('environment', 'production')"
look local; is "$local $(jq -r .identity.marked_as <<<"$out")" "false production by Rails" "Rails' word counts as a mark"
sql dev app -c "update ar_internal_metadata set value = 'development'"
look local; is "$local" true "development is local"
sql dev app -c 'drop table ar_internal_metadata; create table ar_internal_metadata (id int)'
look local; is "$local" true "a table that only has the name says nothing"
so mark local
LOCAL_URL=${own/postgres@/quiet@}
mv "$pins" "$T/aside"
sql dev app -c 'revoke all on seedops.mark from public' -c 'revoke pg_read_all_data from quiet'
look local; is "$local" false "a mark that may not be read may be any"
like "$(reasons)" 'has a mark that could not be read' "which is said"
finish
