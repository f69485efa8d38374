# Prisma 6.19.3 itself, through its WebAssembly engine, against our ledger: each must see what the other sees.
# Installs from npm into a cache directory (SEEDOPS_TEST_CACHE); without node, npm or a registry it is skipped.
# shellcheck shell=bash
. "${TOP:-$(dirname "$0")/../..}/tests/lib.sh"
cache=${SEEDOPS_TEST_CACHE:-/var/tmp/seedops-test-cache}/prisma-6.19.3
skip() { echo "1..0 # SKIP $*"; exit 0; }
command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are not installed"
if [ ! -e "$cache/complete" ]; then
    mkdir -p "$cache" && cd "$cache" || skip "$cache cannot be written"
    echo '{"private": true}' >package.json
    timeout 240 npm install --no-audit --no-fund --ignore-scripts prisma@6.19.3 @prisma/adapter-pg@6.19.3 pg@8 >npm.log 2>&1 ||
        skip "npm cannot install prisma@6.19.3: $(tail -n 1 npm.log)"
    touch complete
fi

port=$(free_port)
cluster_start a "listen_addresses='127.0.0.1'" "port=$port" || exit 1
export PGPORT=$port
touch "$T/no-engine"; chmod +x "$T/no-engine"      # set, so that no native engine is downloaded; never run
export PRISMA_QUERY_ENGINE_LIBRARY=$T/no-engine PRISMA_SCHEMA_ENGINE_BINARY=$T/no-engine
export CI=1 PRISMA_HIDE_UPDATE_MESSAGE=1 CHECKPOINT_DISABLE=1 NO_COLOR=1

project() {
    createdb_in a "$1"; mkdir -p "$T/$1/prisma/migrations"; cd "$T/$1" || exit 1
    ln -s "$cache/node_modules" node_modules
    echo 'provider = "postgresql"' >prisma/migrations/migration_lock.toml
    printf 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n' >prisma/schema.prisma
    # the adapter does not know the types "char" and name, which Prisma's own queries return: they read as text
    cat >prisma.config.mjs <<'JS'
import pg from 'pg'
import { PrismaPg } from '@prisma/adapter-pg'
const types = { 18: 25, 19: 25, 1002: 1009, 1003: 1009 }
const query = pg.Client.prototype.query
const readable = result => {
  for (const field of result?.fields ?? []) field.dataTypeID = types[field.dataTypeID] ?? field.dataTypeID
  return result
}
pg.Client.prototype.query = function (...args) {
  const done = args.at(-1)
  if (typeof done === 'function') args[args.length - 1] = (error, result) => done(error, readable(result))
  const out = query.apply(this, args)
  return typeof done !== 'function' && typeof out?.then === 'function' ? out.then(readable) : out
}
export default {
  experimental: { adapter: true }, engine: 'js', schema: 'prisma/schema.prisma',
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
}
JS
    DATABASE_URL=postgresql://postgres@127.0.0.1:$port/$1; export DATABASE_URL; db=$1
}
put() { mkdir -p "prisma/migrations/$1"; printf '%s' "$2" >"prisma/migrations/$1/migration.sql"; }
q() { sql a "$db" -c "$1"; }
prisma() { run node node_modules/prisma/build/index.js "$@"; out+=$'\n'$err; }
# both NAME OK: both tools' status say that all is applied (OK 0), or both that it is not
both() {
    so migrate status; local ours=$rc
    prisma migrate status
    is "$((ours != 0)) $((rc != 0))" "$2 $2" "$1: both say $([ "$2" = 0 ] && echo all is applied || echo it is not)"
}
ours() { "$SEEDOPS" migrate status --json 2>/dev/null |
    python3 -c 'import json,sys; print(" ".join(m["name"]+"="+m["state"] for m in json.load(sys.stdin)["migrations"]))'; }

project one
put 00000000000000_init 'create table "User" (id text primary key);'
put 20250102000000_b $'create table "Plan" (id text primary key);\r\n'
both "nothing applied" 1
like "$out" '20250102000000_b' "Prisma names the pending ones"
so migrate; is "$rc" 0 "we apply"
both "applied by us" 0
like "$out" 'Database schema is up to date' "in Prisma's words"
prisma migrate deploy; is "$rc" 0 "prisma migrate deploy after us"; like "$out" 'No pending migrations' "has nothing to do"
put 20250103000000_c 'create table "Tag" (id int);'
both "one pending" 1
prisma migrate deploy; is "$rc" 0 "Prisma applies it"
both "applied by Prisma" 0
so migrate; is "$rc|$out" "0|nothing to do: all migrations are applied" "we have nothing to do after Prisma"
is "$(q 'select count(distinct (length(checksum), finished_at is null, logs is null, rolled_back_at is null, applied_steps_count)) from _prisma_migrations')" 1 "our rows and Prisma's are alike"

put 20250103500000_slow 'create table slow (x int); select pg_sleep(4);'
"$SEEDOPS" migrate >"$T/log.slow" 2>&1 & ours_run=$!
holds_lock() { [ "$(q "select count(*) from pg_locks where locktype = 'advisory' and granted")" != 0 ]; }
wait_for 10 holds_lock
prisma migrate deploy; is "$rc" 0 "prisma migrate deploy while we migrate"; like "$out" 'No pending migrations' "waits for our lock"
wait "$ours_run"; is $? 0 "and we are not disturbed"
is "$(q "select count(*) from _prisma_migrations where migration_name ~ 'slow'")" 1 "it was applied once"
put 20250104000000_bad 'select nope from "Tag";'
prisma migrate deploy; is "$rc" 1 "a migration fails under Prisma"
is "$(ours | grep -o '20250104000000_bad=.*')" "20250104000000_bad=failed" "we see it as failed"
both "failed under Prisma" 1
so migrate; is "$rc" 3 "we refuse to go on"; like "$err" 'migration 20250104000000_bad failed' "naming it"
so migrate resolve 20250104000000_bad --rolled-back; is "$rc" 0 "resolved by us"
put 20250104000000_bad 'create table fine (x int);'
prisma migrate deploy; is "$rc" 0 "Prisma accepts that and applies it"
both "resolved by us" 0

put 20250105000000_half $'insert into "Tag" values (1), (1);\ncreate unique index concurrently tag_id on "Tag" (id);'
so migrate; is "$rc" 3 "a migration fails under us, outside a transaction"
prisma migrate status; is "$rc" 1 "Prisma's status says so"; like "$out" 'have failed' "  in its words"
like "$out" '20250105000000_half' "  by name"
prisma migrate deploy; is "$rc" 1 "Prisma refuses to go on"; like "$out" 'P3009' "  with P3009"
prisma migrate resolve --applied 20250105000000_half; is "$rc" 0 "resolved by Prisma as applied"
both "resolved by Prisma" 0
put 20250106000000_last 'select 1/0;'
so migrate; is "$rc" 3 "one that fails in a transaction"
prisma migrate status; unlike "$out" 'have failed' "is pending for Prisma, not failed"
like "$out" '20250106000000_last' "  by name"
rm -r prisma/migrations/20250106000000_last

mv prisma/migrations/20250103000000_c "$T/c"
both "missing on disk" 0
like "$(ours)" '20250103000000_c=missing-on-disk' "though we name it"
mv "$T/c" prisma/migrations/20250103000000_c
sed -i 's/\r$//' prisma/migrations/20250102000000_b/migration.sql
both "other line ends" 0
so migrate; is "$rc" 0 "other line ends are no change for us either"

project used
put 0_init 'create table a (x int);'
q 'create table a (x int)'
prisma migrate deploy; is "$rc" 1 "a database in use without a ledger: Prisma refuses"; like "$out" P3005 "  with P3005"
so migrate; is "$rc" 3 "and so do we"; like "$err" P3005 "  with P3005"
so migrate baseline; is "$rc" 0 "baseline by us"
both "baseline by us" 0
prisma migrate deploy; is "$rc" 0 "Prisma goes on from there"
put 1_more 'create table b (x int);'
prisma migrate resolve --applied 1_more; is "$rc" 0 "marked as applied by Prisma"
both "marked by Prisma" 0
prisma migrate resolve --rolled-back 0_init; rc_prisma=$rc; so migrate resolve 0_init --rolled-back
[ "$rc_prisma" != 0 ] && [ "$rc" != 0 ]; is $? 0 "neither rolls an applied one back"
like "$out$err" P3012 "  with P3012"

# 20 provisions and Prisma's deploy at the same moment on one empty database, a CREATE INDEX CONCURRENTLY among the
# migrations: whoever holds the lock builds it while Prisma waits in a blocking way, or the other way round
for round in 1 2 3; do
    project "crowd$round"
    put 1_t 'create table t as select generate_series(1, 1000) as a;'
    put 2_i 'create index concurrently t_a on t (a);'
    put 3_u 'create table u (a int);'
    (node node_modules/prisma/build/index.js migrate deploy >"$T/crowd.prisma" 2>&1; echo $? >"$T/crowd.prisma.rc") & deploy=$!
    [ "$round" = 1 ] || wait_for 20 holds_lock             # the second and third time Prisma comes first
    provisions=()
    for i in $(seq 20); do ("$SEEDOPS" provision >"$T/crowd.$i" 2>&1; echo $? >"$T/crowd.$i.rc") & provisions+=($!); done
    wait "$deploy" "${provisions[@]}"
    is "$(cat "$T"/crowd.*.rc | sort | uniq -c | awk '{print $1 "x" $2}')" "21x0" "twenty provisions and Prisma at once: all exit 0 (round $round)"
    for i in $(seq 20); do [ "$(cat "$T/crowd.$i.rc")" = 0 ] || note "$(grep -v '"info"' "$T/crowd.$i")"; done
    [ "$(cat "$T/crowd.prisma.rc")" = 0 ] || note "$(cat "$T/crowd.prisma")"
    is "$(q "select count(*), count(distinct migration_name), bool_and(finished_at is not null and rolled_back_at is null), (select indisvalid from pg_index where indexrelid = 't_a'::regclass) from _prisma_migrations")" "3|3|t|t" "each migration was applied once, the index is valid"
done
finish
