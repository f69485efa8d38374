# provision and boot: the runbook of case E row by row, and case C6's three runs, against real servers. Every log line
# is held to schemas/log-line.schema.json.
. "$(dirname "$0")/../lib.sh"
address=$(hostname -I 2>/dev/null | awk '{print $1}'); port=$(free_port)
cluster_start c "listen_addresses='*'" "port=$port" || exit 1
export PGPORT=$port
echo "host all all all trust" | as_server tee -a "$T/c/data/pg_hba.conf" >/dev/null
as_server "$PGBIN/pg_ctl" -D "$T/c/data" reload >/dev/null
cp -r "$TOP/tests/projects/case-e" "$T/e"; cp -r "$TOP/migrations" "$TOP/seeds" "$TOP/seedops.yaml" "$T/"; mkdir "$T/app"
printf '%s\n' '#!/bin/bash' 'echo "app pid=$$ args=$*"' 'trap "echo got TERM; exit 7" TERM' \
    '[ "$1" = wait ] && while :; do read -rt 0.2 <> <(:); done' 'exit "${1:-0}"' >"$T/app/run"; chmod +x "$T/app/run"
export CASE_DATABASE_URL
fresh() { sql c postgres -c "DROP DATABASE IF EXISTS \"$1\"" 2>/dev/null; createdb_in c "$1"; CASE_DATABASE_URL=$(url c "$1"); }
provision() { (cd "$T/e" && run "$SEEDOPS" provision test "$@"; printf '%s' "$rc" >"$T/rc"); rc=$(cat "$T/rc"); out=$(cat "$T/out"); err=$(cat "$T/err"); lines "$out"; }
# Each line against the schema; LOG_LEVEL=error has none.
lines() {
    [ ! -s "$T/out" ] || check "every line fits the schema ($(grep -c . "$T/out") lines)" python3 "$TOP/tests/schema.py" "$TOP/schemas/log-line.schema.json" "$T/out"
}
messages() { jq -r .message <<<"$out"; }
last() { tail -n 1 <<<"$out" | jq -r "$1"; }

# ---- case E: fresh, again, dry
fresh e
provision --dry-run
is "$rc" 0 "a dry run"
is "$(sql c e -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")" 0 "changes nothing"
is "$(last .migrations)" 19 "and counts the migrations"
provision
is "$rc $(last .exitCode)" "0 0" "a fresh run"
is "$(last '"\(.migrations) \(.rows > 0)"')" "19 true" "the summary counts both"
is "$(jq -s '[.[] | select(.filename and .durationSeconds)] | length' <<<"$out")" 19 "each file has its line, with its time"
is "$(messages | grep -c '^applied ')" 19 "and no more than that"
like "$(messages)" 'role postgres is a superuser: .*GRANT USAGE, CREATE ON SCHEMA' "more power than it needs is named, with what it needs"
like "$(messages)" '^test is ready after 1 attempt$' "it was ready first"
provision
is "$rc $(last '"\(.migrations) \(.rows)"')" "0 0 0" "a second run has nothing to do"
run env -C "$T/e" "$SEEDOPS" provision test --json
is "$rc $(jq -c '[.migrations, .rows, .seed]' <<<"$out")" '0 [0,0,"nothing to do"]' "--json: one document on stdout"
is "$(wc -l <<<"$out") $(grep -c '"level"' <<<"$err" | awk '{print ($1 > 2)}')" "1 1" "and the lines on stderr"
SKIP_SEED=true provision; is "$rc" 0 "SKIP_SEED=true"; like "$(messages)" '^seed skipped: SKIP_SEED=true$' "is said"
LOG_LEVEL=error provision; is "$rc $(grep -c . <<<"$out")" "0 0" "LOG_LEVEL=error: nothing to say"
LOG_LEVEL=loud provision; is "$rc" 64 "LOG_LEVEL=loud is a mistake"
DB_TIMEOUT=soon provision; is "$rc" 64 "so is DB_TIMEOUT=soon"; like "$out" 'DB_TIMEOUT must be a number' "and said"

# ---- the runbook's failures
fresh e2
CASE_DATABASE_URL="postgresql://postgres:s3cr3t-canary@/nothere?host=$T/c" provision
is "$rc $(last .exitCode)" "2 2" "no such database: at once, exit 2"
unlike "$out$err" 's3cr3t-canary' "without the password"
CASE_DATABASE_URL="postgresql://postgres@127.0.0.1:1/x" DB_TIMEOUT=1500 provision
is "$rc" 2 "connection refused until the deadline: exit 2"
like "$(messages)" '^attempt 1: .*next try in' "each try is told"; like "$(messages)" '^provision failed: not ready after' "the summary does not call it ready"
# refused at first, and there while it retries
cluster_stop c
(cd "$T/e" && exec env DB_TIMEOUT=60000 "$SEEDOPS" provision test >"$T/out" 2>"$T/err") & pid=$!
wait_for 30 grep -q 'attempt 1' "$T/out"
cluster_start c; wait "$pid"; rc=$?; out=$(cat "$T/out"); lines
is "$rc $(last '.attempts > 1') $(last .migrations)" "0 true 19" "refused at first, then there: it goes on and does all of it"
like "$(messages)" '^test is ready after [0-9]+ attempts$' "and says how often it tried"
fresh e2
(cd "$T/e" && cp migrations/0003_create_countries.up.sql "$T/kept" && echo '-- changed' >>migrations/0003_create_countries.up.sql)
CASE_DATABASE_URL=$(url c e) provision
is "$rc" 3 "an applied file that was changed: exit 3"
like "$out" '0003_create_countries' "names the file"; like "$(jq -r '.suggestion // empty' <<<"$out")" '.' "and the way out"
cp "$T/kept" "$T/e/migrations/0003_create_countries.up.sql"
printf 'CREATE TABLE x (id int);\nSELEC 1;\n' >"$T/e/migrations/0020_bad.up.sql"
CASE_DATABASE_URL=$(url c e) provision
is "$rc $(last .exitCode)" "3 3" "a migration's SQL error: exit 3"
like "$out" '0020_bad.up.sql:2' "with file and line"
is "$(sql c e -c "SELECT to_regclass('x') IS NULL AND NOT EXISTS (SELECT FROM schema_migrations WHERE filename LIKE '0020%')")" t "nothing of it is left behind"
rm "$T/e/migrations/0020_bad.up.sql"
sql c postgres -c "CREATE ROLE reader LOGIN"; fresh e3
CASE_DATABASE_URL="postgresql://reader@/e3?host=$T/c" provision
is "$rc" 3 "a role that may create nothing: exit 3"
like "$(jq -r '.suggestion // empty' <<<"$out")" 'GRANT USAGE, CREATE ON SCHEMA "?public"? TO "?reader' "the GRANT that mends it"
cp "$T/e/seeds/fees.yaml" "$T/kept"; sed -i 's/^rows:/rows:\n  - {nonsense: 1}/' "$T/e/seeds/fees.yaml"
fresh e4; provision
is "$((rc > 0)) $(sql c e4 -c 'SELECT count(*) FROM schema_migrations')" "1 19" "a seed that fails is a failure, after the migrations"
like "$out" 'fees.yaml:' "with its place"; is "$(last '.message | test("seed failed")')" true "and the summary says so"
cp "$T/kept" "$T/e/seeds/fees.yaml"

# ---- many at once, a CREATE INDEX CONCURRENTLY among the migrations
echo 'CREATE INDEX CONCURRENTLY accounts_again ON accounts (id);' >"$T/e/migrations/0020_index.up.sql"
fresh many
for i in $(seq 20); do (cd "$T/e" && "$SEEDOPS" provision test >"$T/many.$i" 2>"$T/many.$i.err"; echo $? >"$T/many.$i.rc") & done; wait
is "$(cat "$T"/many.*.rc | sort | uniq -c | awk '{print $1 "x" $2}')" "20x0" "twenty at once: all exit 0"
for i in $(seq 20); do [ "$(cat "$T/many.$i.rc")" = 0 ] || note "$(grep -hv '"info"' "$T/many.$i" "$T/many.$i.err")"; done
is "$(cat "$T"/many.[0-9] "$T"/many.[0-9][0-9] | jq -s '[.[] | select(.migrations) | .migrations] | add')" 20 "and each migration was applied once"
is "$(sql c many -c "SELECT count(*), count(DISTINCT filename), bool_and(indisvalid) FROM schema_migrations, pg_index WHERE indexrelid = 'accounts_again'::regclass")" "20|20|t" "the ledger has each once, the index is valid"
unlike "$(cat "$T"/many.*)" 'duplicate key' "no duplicate key was met"
rm "$T/e/migrations/0020_index.up.sql"

# ---- through a transaction pooler
pgbouncer_start p c transaction || exit 1
sed -i "s/^\* = .*/* = host=${T//\//\\/}\/c port=$port/" "$T/p/ini"; kill -HUP "$(cat "$T/p/pid")"
fresh pooled
CASE_DATABASE_URL="postgresql://postgres@/pooled?host=$T/p&port=5432&pgbouncer=true" provision
is "$rc" 5 "through a pooler alone: refused"; like "$out" 'transaction pooler' "with the reason"
CASE_DATABASE_URL="postgresql://postgres@/pooled?host=$T/p&port=5432&pgbouncer=true" provision --direct-url "$(url c pooled)"
is "$rc $(last .migrations)" "0 19" "with a direct URL it goes on"
echo 'CREATE INDEX CONCURRENTLY accounts_again ON accounts (id);' >"$T/e/migrations/0020_index.up.sql"
fresh pooled20; export CASE_DATABASE_URL="postgresql://postgres@/pooled20?host=$T/p&port=5432&pgbouncer=true"; direct=$(url c pooled20)
for i in $(seq 20); do (cd "$T/e" && "$SEEDOPS" provision test --direct-url "$direct" >"$T/pooled.$i" 2>"$T/pooled.$i.err"; echo $? >"$T/pooled.$i.rc") & done; wait
is "$(cat "$T"/pooled.*.rc | sort | uniq -c | awk '{print $1 "x" $2}')" "20x0" "twenty at once through the pooler, with a direct URL: all exit 0"
for i in $(seq 20); do [ "$(cat "$T/pooled.$i.rc")" = 0 ] || note "$(grep -hv '"info"' "$T/pooled.$i" "$T/pooled.$i.err")"; done
is "$(cat "$T"/pooled.[0-9] "$T"/pooled.[0-9][0-9] | jq -s '[.[] | select(.migrations) | .migrations] | add')" 20 "each migration was applied once"
is "$(sql c pooled20 -c "SELECT count(*), count(DISTINCT filename), bool_and(indisvalid) FROM schema_migrations, pg_index WHERE indexrelid = 'accounts_again'::regclass")" "20|20|t" "the ledger has each once, the index is valid"
rm "$T/e/migrations/0020_index.up.sql"

# ---- case C6: boot
boot() { (cd "$T" && run "$SEEDOPS" boot local "$@"; printf '%s' "$rc" >"$T/rc"); rc=$(cat "$T/rc"); out=$(cat "$T/out"); err=$(cat "$T/err"); }
# its lines alone: the rest is the application's
boot_lines() { { grep -hs '^{' "$T/out" "$T/err" || :; } >"$T/lines"; check "every line fits the schema ($(grep -c . "$T/lines") lines)" python3 "$TOP/tests/schema.py" "$TOP/schemas/log-line.schema.json" "$T/lines"; }
export LOCAL_DATABASE_URL; host="postgresql://postgres@$address:$port/station"
createdb_in c station; LOCAL_DATABASE_URL=$host
stations() { sql c station -c 'SELECT count(*) FROM "Station"'; }
boot -- "$T/app/run" 0
is "$rc" 0 "seed unset: the application runs"; like "$out" 'seed skipped: SEED_ON_BOOT is not set' "and it is said"; is "$(stations)" 0 "nothing was seeded"
boot_lines
like "$out" '^app pid=' "its output follows ours"
if [ -n "$address" ]; then
    SEED_ON_BOOT=true boot -- "$T/app/run" 0
    is "$rc $(stations)" "0 0" "seed on, not local, not allowed: the application runs, nothing is seeded"
    like "$out" 'THE SEED DID NOT HAPPEN' "loudly"; like "$out" 'ALLOW_PROD_SEED' "with the line to set"
    boot_lines
fi
ALLOW_PROD_SEED=1 SEED_ON_BOOT=true boot -- "$T/app/run" 0
is "$rc $(stations)" "0 7" "seed on, and allowed: rows restored"; like "$out" 'Station: 0 rows before, 7 after' "counts printed"
boot_lines
LOCAL_DATABASE_URL="postgresql://postgres@$address:$port/nowhere" boot -- "$T/app/run" 0
is "$rc" 2 "a bad URL: non-zero"; unlike "$out" '^app' "nothing started"; boot_lines
boot -- "$T/app/run" 42; is "$rc" 42 "the application's exit code is ours"
boot -- "$T/app/nothing"; is "$rc" 127 "no such command: 127"; like "$out" 'cannot start' "and it is said"; boot_lines
is "$(last .attempts)" 0 "before the database is asked"
boot -- no-such-command; is "$rc" 127 "none of that name in PATH: 127"; like "$out" 'cannot start no-such-command' "and it is said"
boot -- true; is "$rc" 0 "one that is found there is started"
boot --log-format text -- "$T/app/nothing"; is "$rc $(grep -c '^{' <<<"$out$err")" "127 0" "as text where text is asked for"
boot; is "$rc" 64 "nothing to start: a mistake"
look='echo "$#:$1:$2"; for f in /proc/$$/fd/*; do echo "${f##*/}"; done; grep -E "Sig(Ign|Blk)" /proc/self/status'
is "$(cd "$T" && "$SEEDOPS" boot local -- sh -c "$look" sh --json 'a b' 2>/dev/null | grep -v '^{')" "$(sh -c "$look" sh --json 'a b')" \
   "arguments, descriptors and signals as they were"
is "$(cd "$T" && ADMIN=1 SEED_ON_BOOT=false SKIP_SEED=1 "$SEEDOPS" boot local --clean-env -- sh -c 'echo "$ADMIN:${SEED_ON_BOOT-unset}:${SKIP_SEED-unset}:${LOCAL_DATABASE_URL:+kept}"' 2>/dev/null | tail -n 1)" \
   "1:unset:unset:kept" "--clean-env: what only seedops needed is gone"
# the same process: its pid, and TERM reaches the application
(cd "$T" && exec "$SEEDOPS" boot local -- "$T/app/run" wait >"$T/boot.out" 2>&1) & pid=$!
wait_for 20 grep -q '^app' "$T/boot.out"
like "$(cat "$T/boot.out")" "^app pid=$pid " "the application has our pid"
kill -TERM "$pid"; wait "$pid"; is "$?" 7 "SIGTERM reaches it"
# TERM while it still waits
(cd "$T" && exec env LOCAL_DATABASE_URL="postgresql://postgres@127.0.0.1:1/x" "$SEEDOPS" boot local -- "$T/app/run" 0 >"$T/boot.out" 2>&1) & pid=$!
wait_for 20 grep -q 'attempt 1' "$T/boot.out"
kill -TERM "$pid"; wait "$pid"; is "$?" 130 "SIGTERM before that ends it at once"
unlike "$(cat "$T/boot.out")" '^app' "and nothing is started"
# as PID 1 of a namespace
inside() { unshare -p -f --mount-proc --kill-child "$@"; }
first_of() { pid1=$(pgrep -P "$1" | head -n 1); [ -n "$pid1" ]; }
if inside true 2>/dev/null; then
    (cd "$T" && inside "$SEEDOPS" boot local -- "$T/app/run" 3 >"$T/boot.out" 2>&1); is "$?" 3 "as PID 1: the exit code"
    like "$(cat "$T/boot.out")" '^app pid=1 ' "the application is PID 1"
    (cd "$T" && exec unshare -p -f --mount-proc --kill-child "$SEEDOPS" boot local -- "$T/app/run" wait >"$T/boot.out" 2>&1) & pid=$!
    wait_for 30 grep -q '^app pid=1' "$T/boot.out" && wait_for 5 first_of "$pid"
    kill -TERM "$pid1"; wait "$pid"; is "$?" 7 "SIGTERM reaches the application, which answers with 7"
    # its handler is ours until then: the kernel keeps from PID 1 what it has no handler for
    (cd "$T" && exec env LOCAL_DATABASE_URL="postgresql://postgres@127.0.0.1:1/x" unshare -p -f --mount-proc --kill-child "$SEEDOPS" boot local -- "$T/app/run" 0 >"$T/boot.out" 2>&1) & pid=$!
    wait_for 30 grep -q 'attempt 1' "$T/boot.out" && wait_for 5 first_of "$pid"
    kill -TERM "$pid1"; wait "$pid"; is "$?" 130 "SIGTERM before that ends it at once"
    unlike "$(cat "$T/boot.out")" '^app' "and nothing is started"
    # what a password command leaves behind falls to PID 1, and must not stay a zombie under the application; this one
    # runs no command of its own, for that would reap it
    printf '%s\n' '#!/bin/bash' 'for p in /proc/[0-9]*/status; do while read -r key state _; do [ "$key $state" != "State: Z" ] || echo "zombie $p"; done <"$p"; done' \
        'echo looked; exit 5' >"$T/app/zombies"; chmod +x "$T/app/zombies"
    mkdir -p "$T/orphans"; cp -r "$T/migrations" "$T/seeds" "$T/orphans/"
    sed "s|^  local:|  local:\n    password_command: \"(tail -f /dev/null \& ) ; echo nobody\"|" "$T/seedops.yaml" >"$T/orphans/seedops.yaml"
    mkdir -p "$HOME/.config/seedops"; cp -r "$T/orphans/." "$HOME/.config/seedops/"     # its own: trusted
    (cd "$T" && inside "$SEEDOPS" boot local --config "$HOME/.config/seedops/seedops.yaml" -- "$T/app/zombies" >"$T/boot.out" 2>&1); is "$?" 5 "with a password command that leaves something behind"
    like "$(cat "$T/boot.out")" '^looked' "the application runs"
    unlike "$(cat "$T/boot.out")" '^zombie' "and has inherited no zombie"
else echo "# SKIP part: no PID namespace here"; fi
finish
