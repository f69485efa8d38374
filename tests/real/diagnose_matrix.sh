#!/usr/bin/env bash
# Every cause of an empty database, built on a real server and diagnosed: cause × rows × role × moment. A confident
# wrong verdict fails; "can't tell A from B" passes where that is true, and only there. By default the pairs of
# values are covered; FULL=1 runs the whole product.
. "$(dirname "$0")/../lib.sh"
export SEEDOPS T PGBIN
cd "$T" || exit 1
cluster_start c 'autovacuum=off' 'max_prepared_transactions=100' 'max_connections=120' 'checkpoint_timeout=1d' || exit 1
for role in app reader monitor stranger; do sql c postgres -c "CREATE ROLE $role LOGIN" ; done
sql c postgres -c 'GRANT pg_monitor TO monitor' -c 'ALTER ROLE app CREATEDB'

# ---- the application: three context tables, three migrations, one of which rewrites a table
mkdir migrations
cat >migrations/1_init.up.sql <<'S'
CREATE TABLE "Basin" (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE "Gauge" (id int PRIMARY KEY, basin int NOT NULL REFERENCES "Basin" ON DELETE CASCADE, code text NOT NULL UNIQUE);
CREATE TABLE "Limit" (id int PRIMARY KEY, gauge int NOT NULL REFERENCES "Gauge" ON DELETE CASCADE, level int NOT NULL);
CREATE INDEX ON "Gauge" (basin);
CREATE INDEX ON "Limit" (gauge);
S
echo 'ALTER TABLE "Gauge" ADD COLUMN note text;' >migrations/2_note.up.sql
echo 'ALTER TABLE "Limit" ALTER COLUMN level TYPE bigint;' >migrations/3_level.up.sql
cat >seedops.yaml <<'Y'
version: 1
migrations: {dir: migrations}
tables:
  Basin: {class: context, min_rows: 1}
  Gauge: {class: context, min_rows: 7}
  Limit: {class: context, min_rows: 7}
Y
ledger='CREATE TABLE schema_migrations (id serial PRIMARY KEY, filename text NOT NULL UNIQUE, applied_at timestamp NOT NULL DEFAULT clock_timestamp(), checksum text NOT NULL);'
{ echo "$ledger"
  for m in migrations/*.up.sql; do echo 'BEGIN;'; cat "$m"; echo "INSERT INTO schema_migrations (filename, checksum) VALUES ('${m##*/}', 'x'); COMMIT;"; done
  echo 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, monitor;'; } >migrate.sql
# rows N: so many gauges and limits, a seventh as many basins
rows_sql() {
    echo "INSERT INTO \"Basin\" (name) SELECT 'b' || g FROM generate_series(1, greatest($1 / 7, 1)) g;"
    echo "INSERT INTO \"Gauge\" SELECT g, (SELECT min(id) FROM \"Basin\"), 'c' || g, repeat('n', 20) FROM generate_series(1, $1) g;"
    echo "INSERT INTO \"Limit\" SELECT g, g, g FROM generate_series(1, $1) g;"
}
# a seed as it is some time later: autovacuum has analysed tables of more than fifty rows
# in a session of its own, which reports to the counters when it ends
seed_sql() { rows_sql "$1"; echo '\c'; [ "$1" -lt 50 ] || echo 'ANALYZE "Basin"; ANALYZE "Gauge"; ANALYZE "Limit";'; }
empty_dump() { echo 'BEGIN; DROP TABLE "Limit", "Gauge", "Basin", schema_migrations;'   # what pg_dump | psql makes of an empty database
    cat migrations/*.up.sql; echo "$ledger"
    echo "INSERT INTO schema_migrations (filename, checksum, applied_at) SELECT g || '_x', 'x', now() - interval '1 day' + g * interval '1 second' FROM generate_series(1, 3) g; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, monitor; COMMIT;"; }
all='"Basin", "Gauge", "Limit"'

# ---- causes: cause NAME ROWS prints what the owner runs after the migrations
cause() {
    local n=$2
    case $1 in
    healthy) seed_sql "$n" ;;
    never-seeded) ;;
    never-seeded-analysed) echo 'VACUUM ANALYZE;' ;;
    never-seeded-rewritten) echo 'VACUUM FULL "Gauge";' ;;
    seed-rolled-back) echo 'BEGIN;'; rows_sql "$n"; echo 'ROLLBACK;' ;;
    deleted) seed_sql "$n"; echo 'DELETE FROM "Basin";' ;;
    deleted-churned) seed_sql "$n"; echo "UPDATE \"Gauge\" SET note = 'm'; DELETE FROM \"Limit\" WHERE id % 2 = 0; INSERT INTO \"Limit\" SELECT g, g, g FROM generate_series(2, $n, 2) g; DELETE FROM \"Basin\";" ;;
    deleted-then-failed-seed) seed_sql "$n"; echo 'DELETE FROM "Basin"; BEGIN;'; rows_sql "$n"; echo 'ROLLBACK;' ;;
    deleted-vacuum-full) seed_sql "$n"; echo 'DELETE FROM "Basin"; VACUUM FULL "Basin"; VACUUM FULL "Gauge"; VACUUM FULL "Limit";' ;;
    deleted-most) seed_sql "$n"; echo 'DELETE FROM "Limit"; DELETE FROM "Gauge" WHERE id > 2;' ;;
    truncated) seed_sql "$n"; echo "TRUNCATE $all;" ;;
    truncated-churned) seed_sql "$n"; echo 'DELETE FROM "Limit" WHERE id % 3 = 0; UPDATE "Gauge" SET note = NULL;'; echo "TRUNCATE $all RESTART IDENTITY;" ;;
    truncated-one) seed_sql "$n"; echo 'TRUNCATE "Limit";' ;;
    truncated-then-failed-seed) seed_sql "$n"; echo "TRUNCATE $all; BEGIN;"; rows_sql "$n"; echo 'ROLLBACK;' ;;
    recreated-schema) seed_sql "$n"; echo 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;'; cat migrate.sql ;;
    recreated-tables) seed_sql "$n"; echo 'DROP TABLE "Limit", "Gauge", "Basin", schema_migrations;'; cat migrate.sql ;;
    restored-empty) empty_dump ;;
    wrong-schema) seed_sql "$n"; echo "CREATE SCHEMA other; ALTER DATABASE :\"DBNAME\" SET search_path = other, public; SET search_path = other;"
        cat migrations/*.up.sql; echo 'GRANT USAGE ON SCHEMA other TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA other TO reader, monitor;' ;;
    hidden-by-rls) seed_sql "$n"; for t in Basin Gauge Limit; do echo "ALTER TABLE \"$t\" ENABLE ROW LEVEL SECURITY; ALTER TABLE \"$t\" FORCE ROW LEVEL SECURITY;"; done ;;
    rls-sees-all) seed_sql "$n"; for t in Basin Gauge Limit; do echo "ALTER TABLE \"$t\" ENABLE ROW LEVEL SECURITY; ALTER TABLE \"$t\" FORCE ROW LEVEL SECURITY; CREATE POLICY p ON \"$t\" USING (true);"; done ;;
    no-privilege) seed_sql "$n"; echo "REVOKE ALL ON $all FROM reader, monitor;" ;;
    detached-partitions) echo 'DROP TABLE "Limit"; CREATE TABLE "Limit" (id int, gauge int, level bigint) PARTITION BY RANGE (id); CREATE TABLE "Limit_p0" PARTITION OF "Limit" FOR VALUES FROM (0) TO (1000000); GRANT SELECT ON "Limit", "Limit_p0" TO reader, monitor;'
        rows_sql "$n"; echo 'ANALYZE "Limit"; ALTER TABLE "Limit" DETACH PARTITION "Limit_p0";' ;;
    renamed-away) seed_sql "$n"; echo 'ALTER TABLE "Limit" RENAME TO "Limit_old"; CREATE TABLE "Limit" (LIKE "Limit_old"); GRANT SELECT ON "Limit" TO reader, monitor;' ;;
    unlogged-crash) echo 'ALTER TABLE "Limit" SET UNLOGGED;'; seed_sql "$n" ;;
    load-in-progress) ;;
    prepared-transaction) echo 'BEGIN;'; rows_sql "$n"; echo "PREPARE TRANSACTION :'DBNAME';" ;;
    schema-missing) seed_sql "$n"; echo 'DROP TABLE "Limit";' ;;
    database-recreated) ;;
    wrong-database) ;;
    mixture-truncated-deleted) seed_sql "$n"; echo 'TRUNCATE "Limit"; DELETE FROM "Gauge";' ;;
    mixture-deleted-never) echo "INSERT INTO \"Basin\" (name) SELECT 'b' || g FROM generate_series(1, $n) g; DELETE FROM \"Basin\";" ;;
    esac
}
# moment NAME: what happens before anyone looks. Restarts and crashes come later, to the whole cluster at once.
moment() {
    case $1 in
    vacuum) echo 'VACUUM;' ;;
    analyze) echo 'ANALYZE;' ;;
    vacuum-analyze) echo 'VACUUM ANALYZE;' ;;
    reset) echo 'SELECT pg_stat_reset();' ;;
    esac
}
# what must be found: truth CAUSE MOMENT ROWS prints "VERDICT LEAST", LEAST being the least confidence that will do;
# "unsure" where the facts fit another cause as well: then that must be said, or the verdict be right
truth() {
    local cause=$1 lost=no analysed=yes
    case $2 in crash | reset) lost=yes ;; esac
    [ "$3" -ge 50 ] || analysed=no
    case $cause in
    healthy | rls-sees-all) echo healthy low ;;
    never-seeded* | database-recreated | wrong-database)
        local v=never-seeded; case $cause in database-*) v=recreated ;; wrong-*) [ $2 = crash ] || v=wrong-database ;; esac; echo "$v unsure" ;;
    seed-rolled-back) [ $lost = yes ] && echo seed-rolled-back unsure || echo seed-rolled-back high ;;
    deleted | deleted-churned | mixture-deleted-never)
        [ $lost$analysed = yesno ] && echo deleted unsure || { [ "$cause$lost" = mixture-deleted-neveryes ] && echo deleted unsure || echo deleted high; } ;;
    deleted-then-failed-seed) [ $lost$analysed = yesno ] && echo deleted unsure || echo deleted high ;;
    deleted-most) [ $lost = yes ] && echo deleted unsure || echo deleted high ;;
    deleted-vacuum-full) [ $lost = yes ] && echo deleted unsure || echo deleted high ;;
    truncated | truncated-churned) [ $lost$analysed = yesno ] && echo truncated unsure || echo truncated high ;;
    truncated-one) case $lost$analysed$2 in yes*) echo truncated unsure ;; no*) echo truncated medium ;; esac ;;
    truncated-then-failed-seed) echo truncated unsure ;;
    recreated-*) [ $lost = yes ] && echo recreated unsure || echo recreated high ;;
    mixture-truncated-deleted) [ $lost = yes ] && echo deleted+truncated unsure || echo deleted+truncated high ;;
    detached-partitions) echo detached-partitions medium ;;
    hidden-by-rls) [ $lost = yes ] && echo hidden-by-rls unsure || echo hidden-by-rls high ;;
    unlogged-crash) [ $analysed = yes ] && echo unlogged-crash high || echo unlogged-crash unsure ;;
    load-in-progress | prepared-transaction) [ $lost = yes ] && echo "$cause" medium || echo "$cause" medium ;;
    *) echo "$cause" high ;;
    esac
}

# ---- which combinations
causes=${CAUSES:-"healthy never-seeded never-seeded-analysed never-seeded-rewritten seed-rolled-back deleted deleted-churned deleted-then-failed-seed
 deleted-vacuum-full deleted-most truncated truncated-churned truncated-one truncated-then-failed-seed recreated-schema recreated-tables
 restored-empty wrong-schema hidden-by-rls rls-sees-all no-privilege detached-partitions renamed-away unlogged-crash load-in-progress
 prepared-transaction schema-missing database-recreated wrong-database mixture-truncated-deleted mixture-deleted-never"}
sizes=${SIZES:-"7 1200 100000"} roles="reader app monitor postgres" moments="now vacuum analyze vacuum-analyze reset restart crash"
# what cannot be, or is another cause then
possible() { # CAUSE ROLE MOMENT
    case $1:$2:$3 in
    unlogged-crash:*:crash) return 0 ;;
    unlogged-crash:* | load-in-progress:*:crash | load-in-progress:*:restart) return 1 ;;
    hidden-by-rls:postgres:* | no-privilege:app:* | no-privilege:postgres:*) return 1 ;;   # these see everything
    *) return 0 ;;
    esac
}
# pairwise: each cause with every moment; rows and role turn with them, so that all pairs with the moment come about
combinations() {
    local c s r m i=0
    local -a S=($sizes) R=($roles)
    for c in $causes; do
        for m in $moments; do
            if [ -n "${FULL:-}" ]; then
                for s in $sizes; do for r in $roles; do possible "$c" "$r" "$m" && echo "$c $s $r $m"; done; done
            else
                s=${S[$((i % 20 == 19 ? ${#S[@]} - 1 : i % 2))]} r=${R[$(((i / 2 + i) % 4))]}
                possible "$c" "$r" "$m" || r=reader
                possible "$c" "$r" "$m" && echo "$c $s $r $m"
                i=$((i + 1))
            fi
        done
    done
}
# one database for all roles that look at the same thing
combinations | awk '{key = $1 " " $2 " " $4; if (!(key in id)) id[key] = "d" ++n; print id[key], $0}' >plan
awk '!seen[$1]++' plan >databases
note "$(wc -l <plan) combinations on $(wc -l <databases) databases"

# ---- the database that was meant, for "wrong-database", whichever causes are run
sql c postgres -c 'CREATE DATABASE elsewhere OWNER app'; sql c elsewhere -c 'ALTER SCHEMA public OWNER TO app'
{ cat migrate.sql; seed_sql 100000; } | "$PGBIN/psql" -XAtq -v ON_ERROR_STOP=1 -h "$T/c" -U app -d elsewhere -f - || exit 1

# ---- building: one database each; a copy of a template would have no counters, so each is migrated
as_app() { "$PGBIN/psql" -XAtq -v ON_ERROR_STOP=1 -h "$T/c" -U app -d "$1" -f - ; }
build() { # DB CAUSE ROWS ROLE MOMENT
    local db=$1 cause=$2 rows=$3 moment=$5
    "$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d postgres -c "CREATE DATABASE $db OWNER app" || return 1
    "$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d "$db" -c 'ALTER SCHEMA public OWNER TO app' || return 1
    if [ "$cause" = database-recreated ]; then
        { cat migrate.sql; seed_sql "$rows"; } | as_app "$db" || return 1
        "$PGBIN/psql" -XAtq -h "$T/c" -U app -d postgres -c "DROP DATABASE $db" -c "CREATE DATABASE $db" || return 1
        "$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d "$db" -c 'ALTER SCHEMA public OWNER TO app' || return 1
    fi
    { cat migrate.sql; cause "$cause" "$rows"; } | as_app "$db" || return 1
    moment "$moment" | "$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d "$db" -f - >/dev/null
}
build_all() { while read -r line; do build $line 2>"$T/build.$1" || { echo "$line: $(cat "$T/build.$1")" >>"$T/broken"; }; done; }
awk 'NR % 2 == 0' databases | build_all 0 & half=$!
awk 'NR % 2 == 1' databases | build_all 1
wait "$half"
if [ -s broken ]; then not_ok "every cause can be built"; note "$(head -5 broken)"; else ok "every cause can be built"; fi

# ---- diagnosing
diagnose() { # DB ROLE
    XDG_STATE_HOME=$T/state/$1.$2 "$SEEDOPS" diagnose --config "$T/seedops.yaml" --url "postgresql://$2@/$1?host=$T/c" --json >"$T/$1.$2.json" 2>"$T/$1.$2.err" || echo "exit $?" >>"$T/$1.$2.err"
}
diagnose_those() { # MOMENT-REGEX
    local db cause rows role moment
    diagnose_half() { while read -r db cause rows role moment; do diagnose "$db" "$role"; done; }
    awk -v m="^($1)\$" '$5 ~ m && NR % 2 == 0' plan | diagnose_half & local half=$!
    awk -v m="^($1)\$" '$5 ~ m && NR % 2 == 1' plan | diagnose_half
    wait "$half"
}
# open loads, each in a session that waits for its end of input
while read -r db cause rows role moment; do
    [ "$cause" = load-in-progress ] || continue
    mkfifo "$db.in"
    exec {fd}<>"$db.in"     # open for both, so that nobody waits for the other end
    "$PGBIN/psql" -XAtq -h "$T/c" -U app -d "$db" -f - <"$db.in" >/dev/null 2>&1 &
    backgrounds+=($!)
    { echo "SET application_name = 'loader'; BEGIN;"; rows_sql "$rows"; echo "SELECT pg_advisory_lock(42);"; } >&"$fd"
done <databases
loads=$(awk '$2 == "load-in-progress"' databases | wc -l)
check "the loads are under way" wait_for 60 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d postgres -c \"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42\")\" = $loads ]"
diagnose_those 'now|vacuum|analyze|vacuum-analyze|reset'
cluster_stop c fast; cluster_start c
diagnose_those restart
cluster_stop c immediate; cluster_start c
diagnose_those crash

# ---- judging
level() { case $1 in certain) echo 3 ;; high) echo 2 ;; medium) echo 1 ;; *) echo 0 ;; esac; }
judge() { # DB CAUSE ROWS ROLE MOMENT
    local db=$1.$4 want least got confidence unsure alternatives mixed name="$2, $3 rows, $4, $5"
    read -r want least < <(truth "$2" "$5" "$3")
    IFS='|' read -r got confidence unsure mixed alternatives trips < <(jq -r '[.verdict, .confidence, .cannot_tell, .mixed, ([.alternatives[].verdict] | join(" ")), .round_trips] | map(tostring) | join("|")' "$db.json" 2>/dev/null)
    local say="$name: ${got:-nothing}, ${confidence:-} $([ "${unsure:-}" = true ] && echo "can't be told from $alternatives")"
    [ "${trips:-9}" -le 3 ] || { not_ok "$say"; note "$trips round trips" "$(cat "$db.err")"; return; }
    if [ "$want" = deleted+truncated ]; then
        case $(jq -r '[.tables[].verdict] | unique | join(" ")' "$db.json") in *deleted*truncated*) [ "$mixed" = true ] && { ok "$say (mixed)"; return; } ;; esac
        [ "$least" = unsure ] && [ "$(level "$confidence")" -le 1 ] && { ok "$say"; return; }
    fi
    if [ "$got" = "$want" ] && { [ "$least" = unsure ] || [ "$(level "$confidence")" -ge "$(level "$least")" ]; }; then ok "$say"; return; fi
    if [ "$least" = unsure ] && [ "$(level "${confidence:-certain}")" -le 1 ] && [[ " $alternatives " == *" $want "* ]]; then ok "$say"; return; fi
    not_ok "$say"; note "truth: $want, at least $least; alternatives: $alternatives; $(cat "$db.err")" "$(jq -c '[.tables[] | [.table, .verdict, .confidence, .rule, .inserted, .deleted, .dead]]' "$db.json" 2>/dev/null)"
}
while read -r line; do judge $line; done <plan
finish
