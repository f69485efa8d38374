# Numbered files with a (filename, checksum) ledger: every state, every refusal, on a real server.
# shellcheck shell=bash
. "${TOP:-$(dirname "$0")/../..}/tests/lib-numbered.sh"

rows() { sql a "$db" -c "select filename || ' ' || checksum from schema_migrations order by id"; }
has() { [ "$(sql a "$db" -c "select to_regclass('$1') is not null")" = t ]; }
sha() { sha256sum "$1" | cut -d' ' -f1; }

project fresh
put 001_a.up.sql 'create table a (x int);'
put 001_a.down.sql 'drop table a;'
put 002_empty.up.sql ''
put 10_b.up.sql $'\xef\xbb\xbfcreate table b (x int)\r\n-- the end'
put 9_c.up.sql 'create table c (x int); -- c comes before b'
so migrate --dry-run
is "$rc" 0 "a dry run succeeds"
like "$out" '4 migrations would be applied' "it says what it would do"
is "$(sql a fresh -c "select count(*) from pg_class where relnamespace = 'public'::regnamespace")" 0 "and changes nothing"
so migrate
is "$rc" 0 "a fresh database is migrated"
like "$out" '^4 migrations applied' "and the number is said"
is "$(rows)" "001_a.up.sql $(sha migrations/001_a.up.sql)
002_empty.up.sql $(sha migrations/002_empty.up.sql)
9_c.up.sql $(sha migrations/9_c.up.sql)
10_b.up.sql $(sha migrations/10_b.up.sql)" "in the order of the numbers, with SHA-256 of the bytes"
is "$(sql a fresh -c "select string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ',' order by ordinal_position) from information_schema.columns where table_name = 'schema_migrations'")" \
   "id integer NO,filename text NO,applied_at timestamp without time zone NO,checksum text NO" "the ledger has the columns of the case"
so migrate; is "$rc|$out" "0|nothing to do: all migrations are applied" "a second run has nothing to do"
so migrate --json
is "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["applied"], d["plan"]["steps"], list(d["after"].values()))' <<<"$out")" \
   "True [] [4]" "--json is one document"
so migrate status; is "$rc" 0 "migrate status exits 0"

project failing
put 1_a.up.sql 'create table a (x int);'
put 2_b.up.sql $'create table b (x int);\n\ninsert into b\n  select 1 / x from (values (0)) v (x);\n'
so migrate
is "$rc" 3 "a failing file exits 3"
like "$err" '2_b.up.sql failed: division by zero' "with the server's words"
like "$err" 'at: .*/migrations/2_b.up.sql:3' "the file and the statement's line"
like "$err" 'in: insert into b select 1 / x' "and the statement"
check "what was before it stays" has a
has b; is $? 1 "nothing of it stays"
is "$(state_of 2_b.up.sql)" pending "it is still pending"
put 2_b.up.sql $'create table b (x int);\n  select nope\n  from b;'
so migrate; like "$err" '2_b.up.sql:2:10' "an error with a position has line and column"
put 2_b.up.sql $'create table b (x int);\ncreate tabel c (x int);'
so migrate; like "$err" 'syntax error.*' "a syntax error too"
like "$err" '2_b.up.sql:2:8' "has its place"
like "$err" 'in: create tabel c' "and its statement"
put 2_b.up.sql 'create table b (x int);'
so migrate; is "$rc" 0 "once mended, it is applied"

for bad in $'\\c other' $'select 1;\n\\set x 1' $'copy t from stdin;\n1\n\\.\n' $'copy t (a) from stdin;' $'select \'open' $'select \'\xff\''; do
    put 3_c.up.sql "$bad"
    so migrate; is "$rc" 3 "refused before anything runs: ${bad@Q}"
    like "$err" '3_c.up.sql:[0-9]' "  with its place"
done
put 3_c.up.sql 'create table c (x int);'
put 4_d.up.sql '\echo later'
so migrate; is "$rc" 3 "a bad file behind a good one is refused too"
has c; is $? 1 "and the good one did not run"
rm migrations/3_c.up.sql migrations/4_d.up.sql

project changed
put 1_a.up.sql 'create table a (x int);'
put 2_b.up.sql 'create table b (x int);'
so migrate
put 1_a.up.sql 'create table a (x bigint);'
put 3_c.up.sql 'create table c (x int);'
is "$(state_of 1_a.up.sql)" modified "an applied file that changed is modified"
so migrate
is "$rc" 3 "and stops the run"
like "$err" '1_a.up.sql was modified after it was applied' "with its name"
like "$err" 'next: put the file back .* seedops migrate resolve 1_a.up.sql --applied' "and the way out"
has c; is $? 1 "nothing was applied"
so migrate --dry-run; is "$rc" 3 "a dry run says so as well"
so migrate status; is "$rc" 4 "status exits 4"
so migrate resolve 1_a.up.sql --applied; is "$rc" 0 "the way out works"
so migrate; is "$rc" 0 "and the run goes on"
rm migrations/2_b.up.sql
is "$(state_of 2_b.up.sql)" missing-on-disk "an applied file that is gone is named"
put 2_late.up.sql 'create table late (x int);'
is "$(state_of 2_late.up.sql)" out-of-order "a late file below an applied one is out of order"
so migrate; is "$rc" 0 "it is applied"
like "$err" '2_late.up.sql is out of order' "and reported"
like "$err" '2_b.up.sql is applied but missing on disk' "as is the missing one"

project variants
put 1_a.up.sql $'  create table a (x int);\r\n'
put 2_b.up.sql $'create table b (x int);\r\n\r\n'
sql a variants -c 'create table schema_migrations (id serial primary key, filename text not null unique, applied_at timestamp not null default now(), checksum text not null)'
noted() { sql a variants -c "truncate schema_migrations; insert into schema_migrations (filename, checksum) values ('1_a.up.sql', '$1'), ('2_b.up.sql', '$2')"; }
try_variant() { noted "$2" "$3"; so migrate status; is "$rc" 0 "checksum variant found: $1"; }
sum_of() { python3 -c 'import hashlib,sys; b=open(sys.argv[3],"rb").read()
f=sys.argv[2]
if "lf" in f: b=b.replace(b"\r\n", b"\n")
if "trim" in f: b=b.strip()
print(hashlib.new(sys.argv[1], b).hexdigest())' "$@"; }
for v in "sha256 raw" "sha256 trim" "sha256 lf" "sha256 lf-trim" "md5 raw" "md5 trim" "md5 lf" "sha512 raw"; do
    # shellcheck disable=SC2086
    try_variant "$v" "$(sum_of $v migrations/1_a.up.sql)" "$(sum_of $v migrations/2_b.up.sql)"
done
try_variant length "$(stat -c %s migrations/1_a.up.sql)" "$(stat -c %s migrations/2_b.up.sql)"
try_variant "SHA-256 in capitals" "$(sha migrations/1_a.up.sql | tr a-f A-F)" "$(sha migrations/2_b.up.sql | tr a-f A-F)"
put 3_c.up.sql $' create table c (x int);\n'
noted "$(sum_of md5 trim migrations/1_a.up.sql)" "$(sum_of md5 trim migrations/2_b.up.sql)"
so migrate; is "$(rows | tail -1)" "3_c.up.sql $(sum_of md5 trim migrations/3_c.up.sql)" "a new row is written in the variant that was found"

project alone
put 1_t.up.sql 'create table t (a int);'
put 2_own.up.sql $'begin;\ninsert into t values (1);\ncommit;\nbegin; insert into t values (2); rollback;'
put 3_vacuum.up.sql $'vacuum t;'
put 4_mark.up.sql $'-- seedops:no-transaction\ninsert into t values (3);\nset lock_timeout = 7;\n'
put 5_index.up.sql $'create index concurrently t_a on t (a);'
so migrate --dry-run
like "$out" '2_own.*not in a transaction .line 1: the file has transaction commands' "the plan says what runs outside a transaction"
so migrate; is "$rc" 0 "files that cannot run in a transaction are applied"
is "$(sql a alone -c 'select string_agg(a::text, chr(44) order by a) from t')" "1,3" "their own transactions are theirs"
is "$(rows | sed 's/ .*//' | tr '\n' ' ')" "1_t.up.sql 2_own.up.sql 3_vacuum.up.sql 4_mark.up.sql 5_index.up.sql " "each has its row"
is "$(sql a alone -c "select count(*) from schema_migrations where checksum like 'seedops:%'")" 0 "and none is left as started"
put 6_half.up.sql $'-- seedops:no-transaction\ninsert into t values (4);\ninsert into t\n  select x / 0 from (values (1)) v (x);'
put 7_after.up.sql 'create table after (x int);'
so migrate; is "$rc" 3 "one that fails half-way exits 3"
like "$err" '6_half.up.sql:3' "with its line"
like "$err" 'seedops migrate resolve 6_half.up.sql --rolled-back' "and the way out"
is "$(state_of 6_half.up.sql)" failed "it stays failed"
so migrate; is "$rc" 3 "and blocks the next run"
like "$err" 'why: .*division by zero' "which shows its log"
has after; is $? 1 "nothing after it is applied"
so migrate resolve 6_half.up.sql --rolled-back; is "$rc" 0 "resolved as rolled back"
is "$(state_of 6_half.up.sql)" pending "it is pending again"
put 6_half.up.sql $'-- seedops:no-transaction\ninsert into t values (5);'
so migrate; is "$rc" 0 "and applied, with what follows"
put 8_open.up.sql $'begin;\ninsert into t values (9);'
so migrate; is "$rc" 3 "a transaction that is never ended is a failure"
is "$(sql a alone -c 'select count(*) from t where a = 9')" 0 "and is rolled back"
so migrate resolve 8_open.up.sql --applied; is "$rc" 0 "resolved as applied"
so migrate; is "$rc" 0 "nothing is left to do"
so migrate resolve 1_t.up.sql --rolled-back; is "$rc" 3 "an applied one cannot be rolled back"
so migrate resolve nobody --applied; is "$rc" 3 "an unknown one cannot be resolved"
so migrate resolve 1_t.up.sql; is "$rc" 64 "one of --applied and --rolled-back is needed"

project leak
put 1_dump.up.sql "select pg_catalog.set_config('search_path', '', false); set role pg_monitor; set timezone = 'Asia/Tokyo';"
put 2_plain.up.sql 'create table plain (x int);'
so migrate; is "$rc" 0 "what a script sets reaches neither the ledger nor the next script"
is "$(sql a leak -c "select count(*) from schema_migrations where abs(extract(epoch from applied_at - now() at time zone 'UTC')) < 60")" 2 "times are UTC"

project rights
sql a rights -c 'create role weak login; grant usage on schema public to weak'
put 1_a.up.sql 'create table a (x int);'
DATABASE_URL="postgresql://weak@/rights?host=$T/a" so migrate
is "$rc" 3 "a role without CREATE is refused"
like "$err" 'the role weak may not create' "by name"
like "$err" 'GRANT USAGE, CREATE ON SCHEMA "public" TO "weak"' "with the GRANT that mends it"
sql a rights -c "GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"weak\""
DATABASE_URL="postgresql://weak@/rights?host=$T/a" so migrate; is "$rc" 0 "which does mend it"
so migrate; is "$rc" 0 "and another role finds nothing to do"
put 2_b.up.sql 'create table b (x int);'
so migrate; like "$err" 'role postgres is a superuser' "more power than needed is named"

project before
put 1_a.up.sql 'create table a (x int);'
mkdir -p "$HOME/.config/seedops"
conf() { cat >"$HOME/.config/seedops/seedops.yaml" <<YAML
version: 1
migrations: {dir: $PWD/migrations, before: "$1"}
environments: {here: {url: "$DATABASE_URL"}}
YAML
}
conf "touch $PWD/backup; exit 3"
so migrate here --config "$HOME/.config/seedops/seedops.yaml"
is "$rc" 3 "migrations.before that fails stops the run"
check "it was run" test -e backup
has a; is $? 1 "nothing was migrated"
conf "touch $PWD/backup2"
so migrate here --config "$HOME/.config/seedops/seedops.yaml"
is "$rc" 0 "one that succeeds lets it go on"
rm -f backup2
so migrate here --config "$HOME/.config/seedops/seedops.yaml"
is "$rc" 0 "with nothing to do"; test -e backup2; is $? 1 "  it is not run"
put 2_b.up.sql 'create table b (x int);'
cp "$HOME/.config/seedops/seedops.yaml" ./cloned.yaml
so migrate here --config ./cloned.yaml
is "$rc" 5 "a file from elsewhere may not run commands unasked"
has b; is $? 1 "and nothing was migrated"

project crooked
hostile_path a crooked
put 1_a.up.sql 'create table a (x int);'
put 2_b.up.sql $'create table b (x int);\ncreate unique index concurrently i on b (x);\nselect 1 / 0;'
so migrate
is "$rc" 3 "under a hostile search_path the first is applied and the second fails"
like "$err" 'division by zero' "by its own fault"
unlike "$err" hostile "and none of ours"
is "$(state_of 1_a.up.sql) $(state_of 2_b.up.sql)" "applied failed" "both are recorded"
so migrate resolve 2_b.up.sql --rolled-back; is "$rc" 0 "resolved"
is "$(state_of 2_b.up.sql)" pending "and pending again"

project lock
put 1_a.up.sql 'select pg_advisory_unlock_all();'
put 2_b.up.sql 'create table b (x int);'
so migrate
is "$rc" 3 "after a migration that lets the lock go, nothing more runs"
like "$err" 'does not hold the migration lock of public.schema_migrations' "  and why is said"
has b; is $? 1 "  and the next one did not run"
is "$(state_of 1_a.up.sql) $(state_of 2_b.up.sql)" "applied pending" "  it is pending"
put 2_b.up.sql "select pg_advisory_unlock(hashtext('schema_migrations')); create table b (x int);"
put 3_c.up.sql 'create table c (x int);'
so migrate
is "$rc" 0 "one that lets one of the two holds go does not lose it"
is "$(state_of 2_b.up.sql) $(state_of 3_c.up.sql)" "applied applied" "  and both are applied"

project trips
q "alter database trips set log_statement = 'all'"
# what was sent since, pipelines aside: a script, its row and its COMMIT are one message
messages() { grep -c 'LOG:  statement: ' "$T/a/server.log"; }
sent() { local before; before=$(messages); so migrate; is "$rc" 0 "$1"; sent=$(($(messages) - before)); }
put 1_a.up.sql 'create table t1 (x int); create index on t1 (x);'
sent "the first migration"
put 2_b.up.sql 'create table t2 (x int); create index on t2 (x);'
sent "one more"; one=$sent
for i in $(seq 3 13); do put "${i}_c.up.sql" "create table t$i (x int); create index on t$i (x); comment on table t$i is 'c';"; done
sent "eleven more"
is "$((sent - one))" 10 "each costs one message"

project bare
rm -r migrations
so migrate --migrations nowhere; [ "$rc" != 0 ]; is $? 0 "no such directory is an error"
like "$err" 'nowhere' "with its name"
finish
