# Prisma's folders and ledger: every state with Prisma's meaning, resolve, baseline, and other tools' ledgers.
# shellcheck shell=bash
. "${TOP:-$(dirname "$0")/../..}/tests/lib.sh"
cluster_start a || exit 1

project() {
    createdb_in a "$1"; mkdir -p "$T/$1/prisma/migrations"; cd "$T/$1" || exit 1
    echo 'provider = "postgresql"' >prisma/migrations/migration_lock.toml
    DATABASE_URL=$(url a "$1"); export DATABASE_URL; db=$1
}
put() { mkdir -p "prisma/migrations/$1"; printf '%s' "$2" >"prisma/migrations/$1/migration.sql"; }
q() { sql a "$db" -c "$1"; }
states() { "$SEEDOPS" migrate status --json 2>/dev/null |
    python3 -c 'import json,sys; print(" ".join(m["name"]+"="+m["state"] for m in json.load(sys.stdin)["migrations"]))'; }
sha() { sha256sum "prisma/migrations/$1/migration.sql" | cut -d' ' -f1; }
# row NAME FINISHED ROLLED_BACK [CHECKSUM]: a row as Prisma leaves it
row() { q "insert into _prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at, started_at)
    values (gen_random_uuid()::text, '${4:-$(sha "$1")}', $2, '$1', $3, clock_timestamp())"; }

project fresh
put 00000000000000_init 'create table "User" (id text primary key);'
put 20250102000000_b 'alter table "User" add "tier" text; create index on "User" (tier);'
put 20250103000000_c ''
so migrate
is "$rc" 0 "an empty database is migrated"
is "$(q "select string_agg(column_name || ':' || data_type || coalesce(character_maximum_length::text, '') || ':' || is_nullable, ' ' order by ordinal_position) from information_schema.columns where table_name = '_prisma_migrations'")" \
   "id:character varying36:NO checksum:character varying64:NO finished_at:timestamp with time zone:YES migration_name:character varying255:NO logs:text:YES rolled_back_at:timestamp with time zone:YES started_at:timestamp with time zone:NO applied_steps_count:integer:NO" \
   "the ledger has Prisma's columns"
is "$(q "select string_agg(migration_name || ' ' || checksum || ' ' || applied_steps_count, ',' order by started_at) from _prisma_migrations where finished_at >= started_at and logs is null and rolled_back_at is null and id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]'")" \
   "00000000000000_init $(sha 00000000000000_init) 1,20250102000000_b $(sha 20250102000000_b) 1,20250103000000_c $(sha 20250103000000_c) 1" "and its rows are as Prisma's"
so migrate; is "$rc|$out" "0|nothing to do: all migrations are applied" "a second run has nothing to do"
so migrate status; is "$rc" 0 "migrate status exits 0"

q 'truncate _prisma_migrations'
row 00000000000000_init 'now()' null
is "$(states)" "00000000000000_init=applied 20250102000000_b=pending 20250103000000_c=pending" "applied and pending"
row 20250102000000_b null null
is "$(states)" "00000000000000_init=applied 20250102000000_b=failed 20250103000000_c=pending" "an unfinished row is failed"
so migrate; is "$rc" 3 "and blocks the run"
like "$err" 'resolve 20250102000000_b --rolled-back' "with the way out"
sql a "$db" >"$T/holder" 2>&1 -c "set application_name = 'prisma-engine'" -c "select pg_advisory_lock(72707369)" -c "select pg_sleep(60)" & holder=$!
wait_for 5 sh -c "$(printf '%q ' "$PGBIN/psql" -XAtq -h "$T/a" -U postgres -d fresh -c "select 1/count(*) from pg_locks where locktype = 'advisory'")"
is "$(states)" "00000000000000_init=applied 20250102000000_b=running 20250103000000_c=pending" "the same row is running while Prisma's lock is held"
so migrate status; like "$out" 'locked by pid [0-9]+ postgres "prisma-engine"' "and its holder is shown"
so migrate --timeout 1500; is "$rc" 3 "a run gives up after its time"
like "$err" 'another run holds the migration lock: pid [0-9]+ postgres "prisma-engine"' "having said who holds the lock"
kill "$holder"; sql a postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'prisma-engine'" >/dev/null; wait "$holder" 2>/dev/null
so migrate resolve 20250102000000_b --rolled-back; is "$rc" 0 "resolve --rolled-back"
is "$(states)" "00000000000000_init=applied 20250102000000_b=rolled-back 20250103000000_c=pending" "makes it rolled back"
so migrate status; is "$rc" 4 "which is not all applied (Prisma 6.19 says it is)"
so migrate resolve 20250102000000_b --rolled-back; is "$rc" 0 "twice does no harm"
row 20250102000000_b null null
so migrate resolve 20250102000000_b --applied; is "$rc" 0 "resolve --applied"
is "$(q "select string_agg((finished_at is not null)::int || ' ' || (rolled_back_at is not null)::int || ' ' || coalesce(logs, '-') || ' ' || applied_steps_count, ',' order by started_at) from _prisma_migrations where migration_name = '20250102000000_b'")" \
   "0 1 - 0,0 1 - 0,1 0  0" "rolls the unfinished row back and adds one with no steps and an empty log"
is "$(q "select started_at = finished_at from _prisma_migrations where logs = ''")" t "started and finished at once"
so migrate resolve 20250102000000_b --applied; is "$rc" 3 "an applied one cannot be resolved as applied"; like "$err" P3008 "  P3008"
so migrate resolve 20250102000000_b --rolled-back; is "$rc" 3 "nor as rolled back"; like "$err" P3012 "  P3012"
so migrate resolve 20250103000000_c --rolled-back; is "$rc" 3 "nor can one that was never applied"; like "$err" P3011 "  P3011"
so migrate resolve nobody --applied; is "$rc" 3 "nor one that is not there"; like "$err" P3017 "  P3017"

q "delete from _prisma_migrations where migration_name like '%_b'"
row 20250102000000_b 'now()' null 0000000000000000000000000000000000000000000000000000000000000000
is "$(states)" "00000000000000_init=applied 20250102000000_b=modified 20250103000000_c=pending" "another checksum is modified"
so migrate; is "$rc" 3 "and stops the run"; like "$err" '20250102000000_b was modified' "  by name"
row 20250102000000_b 'now()' null
is "$(states)" "00000000000000_init=applied 20250102000000_b=applied 20250103000000_c=pending" "the newest row that is not rolled back counts"
python3 - <<'PY'
p = "prisma/migrations/00000000000000_init/migration.sql"
b = open(p, "rb").read() + b"\n-- x\n"
open(p, "wb").write(b)
PY
q "update _prisma_migrations set checksum = '$(sha 00000000000000_init)' where migration_name like '%_init'"
sed -i 's/$/\r/' prisma/migrations/00000000000000_init/migration.sql
like "$(states)" '_init=applied' "line ends make no difference"
row 20240101000000_gone 'now()' null 1
is "$(states)" "00000000000000_init=applied 20240101000000_gone=missing-on-disk 20250102000000_b=applied 20250103000000_c=pending" "a row without a folder is missing on disk, where its name sorts"
so migrate; is "$rc" 0 "the rest is applied"; like "$err" '20240101000000_gone is applied but missing on disk' "and it is named"

project failing
put 1_a 'create table a (x int);'
put 2_b $'create table b (x int);\nselect 1/0;'
so migrate; is "$rc" 3 "a failing migration exits 3"
is "$(states)" "1_a=applied 2_b=pending" "a transactional one leaves no row"
is "$(q "select to_regclass('b') is null")" t "and nothing else"
put 2_b $'create table b (x int); insert into b values (1), (1);\ncreate unique index concurrently b_x on b (x);'
so migrate; is "$rc" 3 "one that is not fails too"
is "$(states)" "1_a=applied 2_b=failed" "it is failed"
is "$(q "select logs ~ 'could not create unique index' and finished_at is null and applied_steps_count = 0 from _prisma_migrations where migration_name = '2_b'")" t "with its log, as Prisma's"
like "$err" 'DROP INDEX CONCURRENTLY "public"."b_x"' "the invalid index is named with its DROP"

project used
put 0_init 'create table a (x int);'
put 1_more 'create table b (x int);'
q 'create table a (x int)'
so migrate; is "$rc" 3 "a database in use without a ledger is refused"
like "$err" 'P3005' "as Prisma does"; like "$err" 'seedops migrate baseline' "with the way out"
is "$(q "select to_regclass('_prisma_migrations') is null")" t "no ledger was made"
so migrate baseline 0_init --dry-run; is "$rc" 0 "a dry run of baseline"; like "$err" 'would be noted as applied: 0_init' "  names them"
is "$(q "select to_regclass('_prisma_migrations') is null")" t "  and writes nothing"
so migrate baseline 0_init; is "$rc" 0 "baseline up to a name"
is "$(states)" "0_init=applied 1_more=pending" "notes those"
so migrate; is "$rc" 0 "and the rest is applied"
is "$(q "select to_regclass('b') is not null")" t "for real"
so migrate baseline nobody; is "$rc" 3 "an unknown name is refused"

project schema
put 0_init 'create table a (x int);'
DATABASE_URL="$DATABASE_URL&schema=app%20one" so migrate
is "$rc" 0 "schema= in the URL"
is "$(q "select to_regclass('\"app one\".a') is not null and to_regclass('\"app one\"._prisma_migrations') is not null and to_regclass('public.a') is null")" t "is made, and is where migrations run"
so migrate; is "$rc" 0 "another schema has a ledger of its own"

project odd
printf 'provider = "mysql"\n' >prisma/migrations/migration_lock.toml
put 0_a ''
so migrate; is "$rc" 3 "migrations for another database are refused"; like "$err" 'for mysql' "  by name"
echo 'provider = "postgresql"' >prisma/migrations/migration_lock.toml
mkdir prisma/migrations/1_b
so migrate; is "$rc" 3 "a folder without migration.sql is refused"; like "$err" '1_b has no migration.sql' "  by name"
rmdir prisma/migrations/1_b
q 'create table _prisma_migrations (x int)'
so migrate; is "$rc" 3 "a relation of that name with other columns is refused"; like "$err" 'is not a ledger that prisma' "  by name"

# ---- other tools' ledgers ----
project other
put 0_init 'create table ours (x int);'
while IFS='|' read -r tool ddl; do
    q "drop schema if exists public cascade; drop schema if exists drizzle cascade; drop schema if exists sqitch cascade; create schema public; $ddl"
    so migrate; is "$rc" 3 "refused beside the ledger of $tool"
    like "$err" "is the ledger of another tool: $tool" "  which is named"
    [ "$(q "select to_regclass('public.ours') is null and to_regclass('public._prisma_migrations') is null")" = t ]; is $? 0 "  and nothing was changed"
    so migrate status; is "$rc" 3 "  status says so too"
done <<'LIST'
golang-migrate|create table schema_migrations (version bigint primary key, dirty boolean not null)
Rails or dbmate|create table schema_migrations (version varchar primary key)
Flyway|create table flyway_schema_history (installed_rank int, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp, execution_time int, success boolean)
Liquibase|create table databasechangelog (id varchar, author varchar, filename varchar, dateexecuted timestamp, orderexecuted int, exectype varchar, md5sum varchar)
goose|create table goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp)
Sqitch|create schema sqitch; create table sqitch.changes (change_id text, script_hash text, change text, project text)
node-pg-migrate|create table pgmigrations (id serial, name varchar(255), run_on timestamp)
db-migrate|create table migrations (id serial, name varchar(255), run_on timestamp)
Knex|create table my_knex_log (id serial, name varchar(255), batch int, migration_time timestamptz)
Drizzle|create schema drizzle; create table drizzle.__drizzle_migrations (id serial, hash text, created_at bigint)
Django|create table django_migrations (id serial, app varchar, name varchar, applied timestamptz)
Alembic|create table alembic_version (version_num varchar(32))
Atlas|create table atlas_schema_revisions (version varchar, description varchar, type bigint, applied bigint, total bigint, hash varchar)
graphile-migrate|create table gm (hash text, previous_hash text, filename text, date timestamptz)
pgroll|create table pgroll_migrations (schema name, name text, migration jsonb, done boolean, parent text)
postgrator|create table schemaversion (version bigint, name text, md5 text, run_at timestamptz)
sqlx|create table _sqlx_migrations (version bigint, description text, installed_on timestamptz, success boolean, checksum bytea, execution_time bigint)
TypeORM|create table migrations (id serial, "timestamp" bigint, name varchar)
numbered|create table schema_migrations (id serial, filename text, applied_at timestamp, checksum text)
LIST
so migrate baseline; is "$rc" 0 "baseline changes over"
so migrate; is "$rc" 0 "and from then on ours counts"
q 'drop schema public cascade; create schema public; create table plain (id int, version int, name text)'
so migrate; like "$err" P3005 "a table with a column called version is no ledger"

project crooked
hostile_path a crooked
put 1_a 'create table a (x int);'
put 2_b $'create table b (x int);\ncreate unique index concurrently i on b (x);\nselect 1 / 0;'
so migrate
is "$rc" 3 "under a hostile search_path the first is applied and the second fails"
like "$err" 'division by zero' "by its own fault"
unlike "$err" hostile "and none of ours"
is "$(states)" "1_a=applied 2_b=failed" "both are recorded"
so migrate resolve 2_b --rolled-back; is "$rc" 0 "resolved"
is "$(states)" "1_a=applied 2_b=rolled-back" "and rolled back"
so migrate resolve 2_b --applied; is "$rc" 0 "or resolved as applied"

project numbered_in_use
rm -r prisma; mkdir migrations; printf 'create table a (x int);' >migrations/1_a.up.sql
q 'create table schema_migrations (version bigint primary key, dirty boolean not null)'
so migrate; is "$rc" 3 "golang-migrate's table under our own name is recognised"
like "$err" 'another tool: golang-migrate' "  by its columns"
finish
