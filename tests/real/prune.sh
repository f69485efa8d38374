#!/usr/bin/env bash
# prune, reset and converge on case C: what the plan says goes, nothing else, and a restore brings it back to the byte.
. "$(dirname "$0")/../lib.sh"
cluster_start main "autovacuum=off" || exit 1
project=$T/project; mkdir -p "$project"
cp -r "$TOP/migrations" "$TOP/seeds" "$TOP/seedops.yaml" "$project"; cd "$project" || exit 1
createdb_in main app
LOCAL_DATABASE_URL=$(url main app); PROD_DATABASE_URL=$(url main app) PROD_DIRECT_URL=$(url main app)
export LOCAL_DATABASE_URL PROD_DATABASE_URL PROD_DIRECT_URL
helpers=()
tidy() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
q() { sql main app -c "$1"; }
# rows by table, in an order of their own; sequences as they stand
dump() { "$PGBIN/pg_dump" -h "$T/main" -U postgres --data-only app | grep -v '^\\\(un\)\?restrict' | sort; }
counts() { q 'select (select count(*) from "Station"), (select count(*) from "Sensor"), (select count(*) from "Threshold"), (select count(*) from "StationGlacier"), (select count(*) from "Measurement"), (select count(*) from "Alert")'; }
safepoints() { find "$XDG_STATE_HOME" -name '*.safepoint' | wc -l; }
partials() { find "$XDG_STATE_HOME" -name '*partial*' | wc -l; }
journals() { cat "$XDG_STATE_HOME"/seedops/sessions/*.jsonl; }
json() { python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$T/out" "$1"; }
"$SEEDOPS" migrate local >/dev/null 2>&1 && "$SEEDOPS" seed local >/dev/null 2>&1 || exit 1
q 'insert into "Measurement" ("sensorId", "stationId", at, value) select s.id, s."stationId", now() - g * interval '\''10 minutes'\'', random() * 5 from "Sensor" s, generate_series(1, 300) g'
q 'insert into "Alert" ("stationId", level) select id, 3 from "Station"'

# ---- nothing to prune ----
so prune local --confirm local
is "$rc" 0 "with nothing stale there is nothing to do"
like "$out" 'nothing to do' "and it says so"
is "$(safepoints)" 0 "without a safepoint"

# ---- one station taken out (the first of "done when") ----
python3 - <<'END'
import re
for name in ('station', 'sensor', 'threshold', 'station_glacier'):
    path = 'seeds/%s.yaml' % name
    lines = open(path).read().split('\n')
    out, skip = [], False
    for line in lines:
        if re.match(r'  - ', line):
            skip = '"2011"' in line
        if not skip:
            out.append(line)
    open(path, 'w').write('\n'.join(out))
END
dump >"$T/before"; before=$(counts)
so prune local
is "$rc" 5 "without the names it is refused"
like "$out" 'Station +2011 +Rhône, Sion' "the plan names the station"
like "$out" 'delete +1 +Station' "counts it"
like "$out" 'delete +2 +Sensor +not in seeds/sensor.yaml' "and its sensors"
like "$out" '(delete|cascade) +1 +Threshold' "its threshold"
like "$out" '(delete|cascade) +[0-9]+ +StationGlacier' "its links to glaciers"
like "$out" '! cascade +600 +Measurement .*operational: now this many, and growing' "and its measurements, marked"
like "$err" 'next: seedops prune local --confirm local --confirm-operational (Alert|Measurement)' "the refusal says the whole line"
so prune local --confirm local
is "$rc" 5 "the environment's name alone is not enough"
is "$(counts)" "$before" "nothing went"
so prune local --dry-run --json
is "$rc" 0 "a dry run shows the plan"
digest=$(json 'd["plan"]["digest"]')
is "$(json 'd["applied"], d["safepoint"]')" "(False, None)" "and changes nothing"
names=(); for t in $(json '" ".join(sorted({s["object"] for s in d["plan"]["steps"] if s["danger"]}))'); do names+=(--confirm-operational "$t"); done
so prune local --output "$T/rows.csv"
is "$(grep -c '^"Station","2011","Rhône, Sion"' "$T/rows.csv")" 1 "--output lists every row"
is "$(grep -c '^"Measurement",' "$T/rows.csv")" 600 "the application's as well"
like "$out" '^  ! Measurement  [^ ].*\(by ' "the first of them are shown, marked"
is "$(grep -c '^  ! Measurement ' <<<"$out")" 20 "not all six hundred"
like "$out" "and [0-9]+ more rows of the application's tables; --output" "how many more there are is said"
so prune local --dry-run --json
is "$(json 'd["plan"]["operational_rows_listed"] == sum(r["operational"] for r in d["plan"]["rows"]) >= 600')" True "the document lists them, too"

# ---- refusals: each exit 5, nothing gone, and on record ----
refused() { # NAME PATTERN ARGS...
    local name=$1 pattern=$2; shift 2
    so "$@"
    is "$rc" 5 "$name: exit 5"
    like "$err" "$pattern" "$name: says why"
    is "$(counts)" "$before" "$name: nothing went"
    journals | grep -q '"class":"refused"' || not_ok "$name: is on record"
    rm -f "$XDG_STATE_HOME"/seedops/sessions/*.jsonl
}
refused "a wrong name" 'confirm names "production"' prune local --confirm production "${names[@]}"
refused "a name with a space behind" 'confirm names "local "' prune local --confirm 'local ' "${names[@]}"
refused "non-local without the variable" 'ALLOW_PROD_SEED' prune production --confirm production "${names[@]}"
like "$err" 'ALLOW_PROD_SEED=true seedops prune production --confirm production --confirm-operational' "with the line that would allow it"
ALLOW_PROD_SEED='' refused "with the variable empty" 'set but empty' prune production --confirm production "${names[@]}"
ALLOW_PROD_SEED=off refused "with the variable off" 'counts as not set' prune production --confirm production "${names[@]}"
ALLOW_PROD_SEED=1 refused "the name of another environment" 'confirm names "local"' prune production --confirm local "${names[@]}"
rm -f "$XDG_STATE_HOME"/seedops/known_databases          # both names lead to one server: local would be its copy
refused "another table's name" 'Measurement' prune local --confirm local --confirm-operational Measurment
refused "a stale digest" 'not the one that was confirmed' prune local --confirm local "${names[@]}" --plan-digest 0123456789abcdef
so prune local --confirm local "${names[@]}" --plan-digest abc
is "$rc" 64 "a digest too short to mean anything is a usage error"
q "update \"Station\" set name = 'Rhône, Sitten' where \"ofevCode\" = '2011'"
before=$(counts) refused "a row changed since" 'not the one that was confirmed' prune local --confirm local "${names[@]}" --plan-digest "$digest"
q "update \"Station\" set name = 'Rhône, Sion' where \"ofevCode\" = '2011'"
q "insert into \"Measurement\" (\"sensorId\", \"stationId\", at, value) select id, \"stationId\", now() + interval '1 day', 1 from \"Sensor\" limit 1"
dump >"$T/before"

# ---- carried out: exactly the reviewed plan, which does not count the application's rows ----
so prune local --json --confirm local "${names[@]}" --plan-digest "${digest:0:16}"
is "$rc" 0 "the reviewed plan is carried out" || note "$err"
safepoint=$(json 'd["safepoint"]')
is "$(json 'd["plan"]["digest"]')" "$digest" "it is that one"
is "$(json 'd["before"]["Station"], d["after"]["Station"]')" "(7, 6)" "before and after are reported"
is "$(q 'select count(*) from "Station" where "ofevCode" = '\''2011'\''')" 0 "the station is gone"
is "$(q 'select count(*) from "Sensor" x left join "Station" s on s.id = x."stationId" where s.id is null')" 0 "and what hung on it"
is "$(stat -c %a "$safepoint")" 600 "the safepoint is ours alone"
journals | grep -q "\"text\":\"$safepoint\"" && ok "the journal names it" || not_ok "the journal names it"
dump >"$T/after"
is "$(comm -13 "$T/before" "$T/after" | grep -v setval)" "" "no row is there that was not"
so prune local --confirm local
like "$out" 'nothing to do' "a second prune has nothing to do"

# ---- and back ----
so restore local "$safepoint" --confirm local
is "$rc" 0 "restore brings it back" || note "$err"
dump >"$T/restored"
is "$(diff "$T/before" "$T/restored")" "" "every row, byte for byte"
so restore local "$safepoint" --confirm local --json
is "$(json 'd["applied"]')" False "a second restore changes nothing"
is "$(diff "$T/before" <(dump))" "" "indeed"

# ---- somebody has a lock on a row ----
mkfifo "$T/holder"; sql main app <"$T/holder" >/dev/null 2>&1 & helpers+=($!)
exec 7>"$T/holder"; echo "set application_name = 'ingest'; begin; update \"Sensor\" set unit = unit; select 1;" >&7
wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c \"select count(*) from pg_stat_activity where application_name = 'ingest' and state = 'idle in transaction'\")\" = 1 ]"
before=$(counts) saved=$(safepoints)
so prune local --confirm local "${names[@]}"
is "$rc" 1 "a lock that does not go away ends it"
like "$err" 'pid [0-9]+ "ingest", idle in transaction' "and who holds it is named"
is "$(counts) $(safepoints) $(partials)" "$before $saved 0" "nothing went, no safepoint stays"
echo 'rollback;' >&7; exec 7>&-

# ---- triggers: what they take beyond the plan ends it ----
q 'create table audit (what text); create function note_it() returns trigger language plpgsql as $$ begin insert into audit values (old.name); return old; end $$;
   create trigger note_it after delete on "Station" for each row execute function note_it()'
so prune local --dry-run
like "$out" 'trigger +Station +note_it fires' "a trigger that will fire is in the plan"
q 'create function greedy() returns trigger language plpgsql as $$ begin delete from "Withdrawal"; return old; end $$;
   create trigger greedy after delete on "Station" for each row execute function greedy()'
so prune local --confirm local "${names[@]}"
is "$rc" 1 "a trigger that deletes rows nobody planned ends it"
like "$err" 'Withdrawal.* would have been deleted, 0 were planned' "and says which"
like "$err" 'trigger (greedy|note_it) of Station' "and who may have done it"
is "$(counts)" "$before" "nothing went"
q 'create table ballast (id int primary key); insert into ballast values (1), (2);
   create or replace function greedy() returns trigger language plpgsql as $$ begin truncate ballast; return old; end $$'
so prune local --confirm local "${names[@]}"
is "$rc $(q 'select count(*) from ballast')" "1 2" "a trigger that truncates a table ends it, too"
like "$err" 'ballast would have been truncated or dropped' "and says which"
is "$(counts)" "$before" "nothing went then"
q 'drop table ballast'
q 'drop trigger greedy on "Station"; create or replace function keep() returns trigger language plpgsql as $$ begin return null; end $$;
   create trigger keep before delete on "Station" for each row execute function keep()'
so prune local --confirm local "${names[@]}"
like "$err" 'gave up fewer rows than planned' "a trigger that keeps a row ends it, too"
is "$(counts)" "$before" "nothing went, of its children neither"
q 'drop trigger keep on "Station"; drop trigger note_it on "Station"'

# ---- something in the way, by name ----
q 'create table lease (id int primary key, station int references "Station" on delete restrict); insert into lease select 1, id from "Station" where "ofevCode" = '\''2011'\'''
so prune local --confirm local "${names[@]}"
is "$rc" 1 "a RESTRICT key ends it"
like "$err" '1 row of lease is in the way' "the table is named"
like "$err" 'lease_station_fkey, ON DELETE RESTRICT' "and the key"
q 'drop table lease'

# ---- the owner of half the tables only ----
q 'create role clerk login; grant usage on schema public to clerk; grant select, insert, update, delete on all tables in schema public to clerk; grant usage on all sequences in schema public to clerk; revoke select on "Measurement" from clerk'
LOCAL_DATABASE_URL="postgresql://clerk@/app?host=$T/main" so prune local --confirm local "${names[@]}"
is "$rc" 5 "rows that cannot be read cannot be saved"
like "$err" 'permission denied for table Measurement' "which is said"
q 'grant select on "Measurement" to clerk; revoke update, delete on "Measurement" from clerk'
dump >"$T/before"
LOCAL_DATABASE_URL="postgresql://clerk@/app?host=$T/main" so prune local --json --confirm local "${names[@]}"
is "$rc" 0 "what it may not delete itself goes by its key" || note "$err"
LOCAL_DATABASE_URL="$(url main app)" so restore local "$(json 'd["safepoint"]')" --confirm local
is "$(diff "$T/before" <(dump))" "" "and comes back"
q 'alter table "Sensor" enable row level security; create policy nothing on "Sensor" using (false)'
LOCAL_DATABASE_URL="postgresql://clerk@/app?host=$T/main" so prune local --confirm local "${names[@]}"
is "$rc" 5 "rows hidden by row security cannot be saved either"
like "$err" 'row security hides rows of Sensor' "which is said"
q 'drop policy nothing on "Sensor"; alter table "Sensor" disable row level security'

# ---- reset and converge ----
cp "$TOP"/seeds/* seeds/
so converge local --confirm local --json
is "$rc" 0 "converge with nothing stale is a seed" || note "$err"
q "insert into \"Station\" select (json_populate_record(s, '{\"id\": 990, \"ofevCode\": \"2299\", \"name\": \"Old gauge\"}')).* from \"Station\" s where \"ofevCode\" = '2009'; update \"Station\" set name = 'wrong' where \"ofevCode\" = '2009'; delete from \"Threshold\""
so converge local --confirm local --json
is "$rc" 0 "converge prunes and seeds" || note "$err"
is "$(json 'sorted({s["action"] for s in d["plan"]["steps"]})')" "['delete', 'insert', 'update']" "as one plan"
so diff local
is "$rc" 0 "after it the tables are as declared"
q "update \"Station\" set name = 'wrong again' where \"ofevCode\" = '2009'"
dump >"$T/before"
so converge local --json
is "$rc" 0 "a converge from which nothing goes is a seed: no name is typed" || note "$err"
is "$(json 'len(d["plan"]["steps"]), d["applied"]')" "(1, True)" "it sets one row right"
so restore local "$(json 'd["safepoint"]')" --confirm local --changed overwrite
is "$(diff "$T/before" <(dump))" "" "and what it overwrote can be had back" || note "$err"
so reset local --confirm local
is "$rc" 5 "a reset needs the operational names as well"
dump >"$T/before"
so reset local --json --confirm local --confirm-operational Measurement --confirm-operational Alert
is "$rc" 0 "reset" || note "$err"
so diff local
is "$rc" 0 "after it the tables are as declared"
is "$(q 'select count(*) from "Measurement"')" 0 "and what hung on them is gone"
so reset local Nothing --confirm local
is "$rc" 64 "a table nobody declares is a usage error"

# ---- reset --schema (E8) ----
q 'create extension pgcrypto; create table leftover (id int primary key); insert into leftover values (1); grant create on schema public to clerk'
q 'insert into "IngestionRun" ("startedAt") values (now())' 2>/dev/null
so reset local --schema
is "$rc" 5 "reset --schema wants the name"
ALLOW_PROD_SEED=1 so reset production --schema --confirm production
is "$rc" 5 "on a database that is not local it is refused, whatever ALLOW_PROD_SEED says"
like "$err" 'A whole schema is never dropped' "and says that nothing allows it"
rm -f "$XDG_STATE_HOME"/seedops/known_databases
is "$(q 'select count(*) from leftover')" 1 "nothing was dropped"
# DROP ... CASCADE does not stop at the schema's border: whatever is made of what lies in it would go, unsaved
q 'create schema outside; create type mood as enum ('\''x'\'')'
border() { # NAME PATTERN SQL UNDO
    q "$3"
    so reset local --schema --confirm local
    is "$rc" 1 "reset --schema stops at $1 outside of it"
    like "$err" "$2 outside of the schema would go with it" "and names it"
    is "$(q 'select count(*) from leftover') $(safepoints)" "1 $saved" "nothing was dropped, and no safepoint stays"
    q "$4"
}
saved=$(safepoints)
border "a column" 'a column of outside.o' "create table outside.o (id int, m mood)" "drop table outside.o"
border "a partition" 'the relation outside.o' "create table parted (id int) partition by list (id); create table outside.o partition of parted default" "drop table parted"
border "a table that inherits" 'the relation outside.o' "create table outside.o () inherits (leftover)" "drop table outside.o"
border "a view" 'the relation outside.o' "create view outside.o as select * from leftover" "drop view outside.o"
border "a foreign key" 'a foreign key of outside.o' "create table outside.o (id int references leftover)" "drop table outside.o"
q 'create role keeper login; grant create on database app to keeper; alter schema public owner to keeper; grant all on all tables in schema public to keeper; create table veiled (id int); insert into veiled values (1), (2); grant all on veiled to keeper; alter table veiled enable row level security; create policy first on veiled using (id = 1)'
LOCAL_DATABASE_URL="postgresql://keeper@/app?host=$T/main" so reset local --schema --confirm local
like "$err" 'row-level security' "rows that a policy hides cannot be saved, so nothing is dropped"
is "$rc $(q 'select count(*) from veiled') $(safepoints)" "1 2 $saved" "they are all there"
q 'drop table veiled; alter schema public owner to postgres; create table parted (id int, n int) partition by list (id); create table part1 partition of parted default; insert into parted values (1, 1); create table heir () inherits (leftover); insert into heir values (2)'
so reset local --schema --confirm local --json
is "$rc" 0 "reset --schema" || note "$err"
is "$(q "select to_regclass('leftover') is null, count(*) from \"Station\"")" "t|7" "what no migration makes is gone, the rest is there and seeded"
is "$(q "select has_schema_privilege('clerk', 'public', 'create'), count(*) from pg_extension where extname = 'pgcrypto'")" "t|1" "rights and extensions are as they were"
so status local
is "$rc" 0 "and all is well"
like "$("$SEEDOPS" restore --to-sql last local 2>/dev/null || zstd -dcq "$XDG_STATE_HOME"/seedops/safepoints/*schema*)" '"leftover"' "its rows are in the safepoint"
q 'create table leftover (id int primary key); create table heir () inherits (leftover); create table parted (id int, n int) partition by list (id); create table part1 partition of parted default'
so restore local last --confirm local --partial
is "$(q 'select (select count(*) from only leftover), (select count(*) from heir), (select count(*) from parted)')" "1|1|1" "each row once, in the table that it was in" || note "$err"
is "$(q 'select count(*) - count(distinct migration_name) from _prisma_migrations')" 0 "and no migration twice in the ledger"
like "$out" '_prisma_migrations .*this one has its own' "which is said"

# ---- another database answers under the name ----
sql main postgres -c 'create database twin template app'
python3 - <<'END'
path = 'seeds/station.yaml'
text = open(path).read()
start = text.index('  - ofevCode: "2011"')
end = text.find('  - ofevCode', start + 9)
open(path, 'w').write(text[:start] + text[end:])
END
LOCAL_DATABASE_URL=$(url main twin) so prune local --confirm local "${names[@]}"
is "$rc" 5 "where another database answers nothing is pruned"
like "$err" 'IDENTITY CHANGED' "and it says so"

# ---- more rows than a document lists ----
mkdir -p "$T/many/seeds"; cd "$T/many" || exit 1
createdb_in main many
sql main many -c 'create table crowd (id int primary key); insert into crowd select generate_series(1, 1201)'
printf 'environments:\n  local: {url: "%s"}\n' "$(url main many)" >seedops.yaml
printf 'table: crowd\nkey: [id]\nprune: true\nrows:\n  - {id: 1}\n' >seeds/crowd.yaml
so prune local --dry-run --json
is "$rc $(json 'd["plan"]["context_rows"], d["plan"]["rows_listed"], len(d["plan"]["rows"])')" "0 (1200, 1000, 1000)" "a document that lists 1 000 rows of more says so"
like "$err" '1000 of 1200 rows' "and so does a word beside it"
so prune local --dry-run --json --output "$T/all.csv"
is "$(wc -l <"$T/all.csv")" 1201 "--output lists all of them"

# ---- rows that stay and change: each by name, with what it has and what it gets ----
mkdir -p "$T/changes/seeds"; cd "$T/changes" || exit 1
createdb_in main changes
k() { sql main changes -c "$1"; }
k "create type mood as enum ('calm', 'wild');
   create table station (id int primary key, code text unique not null);
   create table sensor (id int primary key, station int unique references station on delete set null, unit text, secret text);
   create table probe (id int primary key, at int references sensor (station) on update cascade);
   create table alert (id int primary key, station int not null default 1 references station on delete set default, m mood default 'wild', note text);
   insert into station values (1, 'a'), (2, 'b'); insert into sensor values (7, 2, 'm3', 'hush'), (8, 1, 'm', 'hush');
   insert into probe values (70, 2), (80, 1); insert into alert select g, 2, 'calm', 'flood ' || g from generate_series(1, 30) g"
printf 'environments:\n  local: {url: "%s"}\ntables:\n  sensor: {class: context, secret: [secret]}\n  probe: {class: context}\n' "$(url main changes)" >seedops.yaml
printf 'table: station\nkey: [code]\nprune: true\nignore: [id]\nrows:\n  - {code: a}\n' >seeds/station.yaml
so prune local --dry-run
like "$out" '^  - station  b  b?.*\(not declared\)' "beside what goes"
like "$out" '^  ~ sensor  7  m3  station: 2 → NULL   \(by sensor_station_fkey, ON DELETE SET NULL\)' "a row that loses its reference is shown, with its value"
like "$out" '^  ~ probe  70  at: 2 → NULL   \(by probe_at_fkey, ON UPDATE CASCADE\)' "and one that follows it"
like "$out" '^  ! alert  1  flood 1  station: 2 → DEFAULT 1   \(by alert_station_fkey, ON DELETE SET DEFAULT\)' "the application's are marked"
is "$(grep -c '^  ! alert ' <<<"$out")" 20 "the first twenty of them"
like "$out" "and 10 more rows of the application's tables that change; --output" "and how many more there are"
so prune local --dry-run --json --output "$T/changes.csv"
digest=$(json 'd["plan"]["digest"]')
is "$(json '[d["plan"][n] for n in ("context_changes", "changes_listed", "operational_changes", "operational_changes_listed")]')" '[2, 2, 30, 30]' "the document counts them"
is "$(json 'sorted((c["table"], c["key"], c["columns"]) for c in d["plan"]["changes"] if not c["operational"])')" \
    "[('probe', '70', [{'name': 'at', 'was': '2', 'becomes': 'NULL'}]), ('sensor', '7', [{'name': 'station', 'was': '2', 'becomes': 'NULL'}])]" "and has each"
is "$(json 'len(d["plan"]["rows"])')" 1 "apart from those that go"
is "$(grep -c '^"alert",.*,"station","2","DEFAULT 1","the application.s"$' "$T/changes.csv")" 30 "and so has the export, all of them"
is "$(head -n 1 "$T/changes.csv")" 'table,key,label,why,column,was,becomes,whose' "under these titles"
unlike "$out$(cat "$T/changes.csv")" 'hush' "what is secret is in none of it"
k "insert into station values (3, 'c'); alter table alert alter station set default 3"
so prune local --dry-run --json
[ "$(json 'd["plan"]["digest"]')" != "$digest" ] && ok "another default is another plan" || not_ok "another default is another plan"
k "alter table alert alter station drop default"
so prune local --confirm local --confirm-operational alert
is "$rc" 1 "a reference that may not be empty and has no default is in the way"
like "$err" '30 rows of alert are in the way' "with its rows"
like "$err" 'alert_station_fkey would set NULL in station, which is NOT NULL' "and its column"
k "delete from station where id = 3; alter table alert alter station set default 1"
kept() { "$PGBIN/pg_dump" -h "$T/main" -U postgres --data-only changes | grep -v '^\\\(un\)\?restrict' | sort; }
kept >"$T/before"
so prune local --confirm local --confirm-operational alert --plan-digest "$digest" --json
is "$rc" 0 "with its default it is carried out" || note "$err"
is "$(k 'select (select station from sensor where id = 7) is null, (select at from probe where id = 70) is null, (select count(*) from alert where station = 1)')" "t|t|30" "as the plan said"
so restore local "$(json 'd["safepoint"]')" --confirm local --json
is "$rc" 0 "restore sets them back, and asks nothing: what we set nobody else did" || note "$err"
is "$(diff "$T/before" <(kept))" "" "every value"

# ---- a row that a converge changes twice: its parent goes, and the fixture gives it another ----
mkdir -p "$T/twice/seeds"; cd "$T/twice" || exit 1
createdb_in main twice
w() { sql main twice -c "$1"; }
w "create table root (id int primary key); create table leaf (id int primary key, root int references root on delete set null, v text);
   insert into root values (1), (2), (3); insert into leaf values (1, 2, 'old'), (2, 2, 'same'), (3, 3, 'old')"
printf 'environments:\n  local: {url: "%s"}\n' "$(url main twice)" >seedops.yaml
printf 'table: root\nprune: true\nrows:\n  - {id: 1}\n  - {id: 3}\n' >seeds/root.yaml
printf 'table: leaf\nrows:\n  - {id: 1, root: 1, v: new}\n  - {id: 2, root: 1, v: same}\n  - {id: 3, root: 1, v: new}\n' >seeds/leaf.yaml
so converge local --confirm local --json
is "$rc $(w 'select string_agg(root || v, '\'' '\'' order by id) from leaf')" "0 1new 1same 1new" "converge prunes the parent and seeds its children" || note "$err"
safepoint=$(json 'd["safepoint"]')
so restore local "$safepoint" --confirm local --json
is "$rc" 0 "restore knows both changes as one of its own, and asks nothing" || note "$err"
is "$(w 'select string_agg(root || v, '\'' '\'' order by id) from leaf')" "2old 2same 3old" "and sets the rows back to before the first"
so converge local --confirm local --json; safepoint=$(json 'd["safepoint"]')
w "update leaf set root = 3 where id = 1"
so restore local "$safepoint" --confirm local --changed leave
is "$rc $(w 'select string_agg(root || v, '\'' '\'' order by id) from leaf')" "0 3new 2same 3old" "what somebody else changed since is left as it is" || note "$err"

# ---- a trigger that keeps a reference alive ----
cd "$T/changes" || exit 1
k "create function stay() returns trigger language plpgsql as \$\$ begin return null; end \$\$;
   create trigger stay before update on sensor for each row execute function stay(); alter table probe drop constraint probe_at_fkey"
so prune local --confirm local --confirm-operational alert
is "$rc" 1 "a trigger that keeps a row from changing ends it: its reference would lead nowhere"
like "$err" '0 rows of sensor would have been changed, 1 were planned' "and says which"
is "$(diff "$T/before" <(kept))" "" "nothing was done"
finish
