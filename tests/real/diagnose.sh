#!/usr/bin/env bash
# diagnose: what the memory of a healthy visit makes certain, a crowded server, locks, a role without rights, a standby,
# and the record of a diagnosis before a write to a held table. Causes by themselves are diagnose_matrix.sh's.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
mkdir seeds migrations
cat >migrations/1_init.up.sql <<'S'
CREATE TABLE a (id int PRIMARY KEY, v text NOT NULL);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);
S
echo 'ALTER TABLE a ADD COLUMN w text;' >migrations/2_w.up.sql
printf 'table: a\nrows:\n' >seeds/a.yaml; for i in 1 2 3 4 5 6 7; do echo "  - {id: $i, v: v$i}" >>seeds/a.yaml; done
printf 'table: b\nrows:\n' >seeds/b.yaml; for i in 1 2 3; do echo "  - {id: $i, a: $i}" >>seeds/b.yaml; done
cat >seedops.yaml <<'Y'
version: 1
migrations: {dir: migrations}
seeds: seeds
tables:
  a: {class: context, min_rows: 7}
  b: {class: context, min_rows: 3}
environments:
  test: {url: "${DB_URL}", role: local}
Y
cluster_start c 'autovacuum=off' 'wal_level=replica' || exit 1
# fresh NAME: a database, migrated, seeded and seen healthy by a machine that remembers nothing else
fresh() {
    createdb_in c "$1"; export DB_URL; DB_URL=$(url c "$1")
    export XDG_STATE_HOME=$T/state-$1
    so migrate test && so seed test && so status test
    is "$rc" 0 "$1: a healthy visit"
}
remigrate() { so migrate test; is "$rc" 0 "migrated again"; }
# each leaves the document in $out and the gist in $got
d() { so diagnose test --json; got=$(jq -r '[.verdict, .confidence, .rule] | join(" ")' <<<"$out"); }
forgetful() { XDG_STATE_HOME=$T/state-none so diagnose test --json; rm -rf "$T/state-none"; got=$(jq -r '[.verdict, .confidence, (.cannot_tell | tostring)] | join(" ")' <<<"$out"); }

# ---- memory
fresh gone
d; is "$got" 'healthy certain there-counted' "healthy"
check "the note is private" test "$(stat -c %a "$XDG_STATE_HOME"/seedops/healthy/*.json)" = 600
check "and so is its folder" test "$(stat -c %a "$XDG_STATE_HOME"/seedops/healthy)" = 700
sql c gone -c 'DELETE FROM b' -c 'DELETE FROM a' -c 'VACUUM'
sql c gone -c 'SELECT pg_stat_reset()' >/dev/null
d; is "$got" 'deleted certain seen-and-gone' "rows deleted, vacuumed, counters reset: certain by memory"
forgetful; is "$got" 'seed-rolled-back medium true' "and not to be told apart without it"
is "$(jq -r '.alternatives[0].verdict' <<<"$out")" deleted "which is said"

fresh remade
sql c postgres -c 'DROP DATABASE remade' -c 'CREATE DATABASE remade'
rm -rf "$XDG_STATE_HOME/seedops/known_databases"; remigrate
d; is "$got" 'recreated certain seen-new-database' "the database dropped and made again"
forgetful; like "$got" '^never-seeded medium true' "without memory: never seeded, or not to be told"

fresh tables
sql c tables -c 'DROP TABLE b, a, schema_migrations'; remigrate
d; is "$got" 'recreated certain seen-new-table' "tables dropped and made again"

fresh truncated
sql c truncated -c 'TRUNCATE a, b'
d; is "$got" 'truncated certain seen-new-file' "truncated"
like "$(jq -r .by <<<"$out")" '^transaction [0-9]+$' "by a transaction that is named"
like "$(jq -r '.since + " " + .since_why' <<<"$out")" '^20.*Z the last healthy visit$' "after the last healthy visit"

fresh right; fresh wrong
# the URL leads elsewhere now: what `right` was stays on the server
sql c wrong -c 'DROP TABLE b, a, schema_migrations'; DB_URL=$(url c wrong)
cp "$T/state-right/seedops/healthy/"*.json "$T/note"; mkdir -p "$T/state-moved/seedops/healthy"; cp "$T/note" "$T/state-moved/seedops/healthy/$(basename "$T"/state-right/seedops/healthy/*.json)"
export XDG_STATE_HOME=$T/state-moved; remigrate
d; is "$got" 'wrong-database certain seen-other-database' "the database of the last healthy visit is still there"

# a broken note is as good as none, and said
for note in "$XDG_STATE_HOME"/seedops/healthy/*.json; do printf '{"format":"seedops healthy visit","version":1' >"$note"; done
so diagnose test
like "$err" 'note of the last healthy visit cannot be read' "a broken note is said"
is "$rc" 0 "and stops nothing"

fresh later
sql c later -c 'DELETE FROM b' -c 'DELETE FROM a'
d; first=$(jq -c '[.until, .until_why]' <<<"$out"); second_on() { [ "$(date -u +%FT%TZ)" \> "$(jq -r '.[0]' <<<"$first")" ]; }
like "$first" 'this visit' "lost by the first look that missed them"
wait_for 5 second_on
d; is "$(jq -c '[.until, .until_why]' <<<"$out")" "${first/this/an earlier}" "a later look names the first, not itself"
sql c later -c "INSERT INTO a SELECT g, g FROM generate_series(1, 3) g"; d; sql c later -c 'DELETE FROM a'; d
like "$(jq -r .until_why <<<"$out")" 'this visit' "and what was lost since is dated anew"

fresh unseen; rm -rf "$XDG_STATE_HOME"
sql c unseen -c 'DELETE FROM b' -c 'DELETE FROM a'
d; first=$(jq -c '[.until, .until_why]' <<<"$out")
like "$first" 'this visit' "the first visit of all finds a loss"
wait_for 5 second_on
d; is "$(jq -c '[.until, .until_why, .remembered]' <<<"$out")" "$(jq -c '. + [null]' <<<"${first/this/an earlier}")" "which the second still dates by it"
d; like "$got" '^deleted' "that note is not taken for a healthy visit"

# another cluster at the same place, of a later second: an identifier tells no more of when it was made
fresh volume
seen=$(date +%s); next_second() { [ "$(date +%s)" -gt "$seen" ]; }
wait_for 5 next_second
cluster_stop c fast; as_server mv "$T/c/data" "$T/c/data.old"; mv "$T/c" "$T/c.old"
cluster_start c 'autovacuum=off' || exit 1
createdb_in c volume; rm -rf "$XDG_STATE_HOME/seedops/known_databases"; remigrate
d; is "$got" 'reinitialised certain seen-new-cluster' "another volume, migrated anew"
forgetful; is "$got" 'never-seeded medium true' "without memory it is a first deployment, or not to be told"
jq -e '.alternatives | any(.verdict == "reinitialised")' <<<"$out" >/dev/null && ok "which is said, too" || not_ok "which is said, too"

# ---- a write to a held table has the diagnosis on record first
fresh held
sql c held -c 'DELETE FROM b' -c 'DELETE FROM a'
so seed test
is "$rc" 0 "seed goes on"
journal=$(ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | head -1)
kinds=$(grep -oE '"kind":"(diagnosis|plan|outcome)"' "$journal" | tr '\n' ' ')
like "$kinds" '"kind":"diagnosis".*"kind":"outcome"' "the verdict is in the journal before anything is written"
like "$(grep '"kind":"diagnosis"' "$journal" | head -1)" '"verdict":"deleted"' "and says deleted"

# ---- a table that someone holds locked spoils nothing but its own sizes
fresh locked
sql c locked -c 'DELETE FROM b' -c 'DELETE FROM a'
mkfifo lock.in; exec {fd}<>lock.in
"$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d locked -f - <lock.in >/dev/null 2>&1 & backgrounds+=($!)
echo 'BEGIN; LOCK TABLE a; SELECT pg_advisory_lock(7);' >&"$fd"
check "a is locked" wait_for 20 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d locked -c \"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7\")\" = 1 ]"
d; like "$got" '^deleted certain' "diagnosed all the same"
echo 'ROLLBACK;' >&"$fd"; exec {fd}>&-

# ---- no rights at all: what cannot be read is said with its GRANT, the counters speak still
sql c postgres -c 'CREATE ROLE nobody LOGIN'
sql c locked -c 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
DB_URL="postgresql://nobody@/locked?host=$T/c"
d; like "$got" '^deleted (certain|high)' "a role without rights gets the verdict"
jq -e '.not_permitted | length > 0' <<<"$out" >/dev/null && ok "and what it may not read" || not_ok "and what it may not read"
like "$(jq -r '.not_permitted[].grant' <<<"$out")" 'GRANT USAGE ON SCHEMA "public" TO "nobody"' "with the GRANT that would open it"

# ---- a standby that stands still
fresh primary
as_server "$PGBIN/pg_basebackup" -h "$T/c" -U postgres -D "$T/c/standby" -R -X stream -c fast >/dev/null 2>&1
mkdir -p "$T/s"; [ "$(id -u)" = 0 ] && chown "$SERVER_USER" "$T/s"; as_server mv "$T/c/standby" "$T/s/data"
as_server sed -i "s#unix_socket_directories=.*#unix_socket_directories='$T/s'#" "$T/s/data/postgresql.conf"
cluster_start s || exit 1
caught_up() { [ "$(sql s primary -c "SELECT count(*) FROM pg_class WHERE relname = 'a'")" = 1 ]; }
check "the standby follows" wait_for 20 caught_up
sql c primary -c 'DROP TABLE b, a, schema_migrations'; remigrate
gone_there() { [ "$(sql s primary -c "SELECT pg_relation_size('a')")" = 0 ]; }
check "the empty tables arrive" wait_for 20 gone_there
sql s primary -c 'SELECT pg_wal_replay_pause()' >/dev/null
so seed test
is "$rc" 0 "the primary is seeded again"
DB_URL="postgresql://postgres@/primary?host=$T/s"; export XDG_STATE_HOME=$T/state-standby
d; is "$got" 'stale-replica high replay-paused' "a standby whose replay is paused"
sql s primary -c 'SELECT pg_wal_replay_resume()' >/dev/null
arrived() { [ "$(sql s primary -c "SELECT count(*) FROM b")" = 3 ]; }
check "it catches up" wait_for 20 arrived
d; like "$got" '^healthy' "and is healthy"

# ---- a crowded server
fresh crowd
sql c crowd -c "DO 'BEGIN FOR i IN 1..1000 LOOP EXECUTE format(\$\$CREATE TABLE other_%s (id int PRIMARY KEY, v text, w text)\$\$, i); END LOOP; END'"
for i in $(seq 50); do echo "CREATE DATABASE other_$i STRATEGY file_copy;"; done | sql c postgres -f -
sql c crowd -c 'TRUNCATE a, b'
d; is "$got" 'truncated certain seen-new-file' "among 1 000 tables and 50 databases"
is "$(jq .round_trips <<<"$out")" 1 "in one round trip"
note "took $(jq .duration_ms <<<"$out") ms"
sql c crowd -c 'INSERT INTO a SELECT g FROM generate_series(1, 7) g(g)' 2>/dev/null
sql c crowd -c "INSERT INTO a SELECT g, 'v' FROM generate_series(1, 7) g" -c 'DELETE FROM a'
d; like "$got" '^(deleted|truncated)' "deleted after that"
check "in three round trips at most" test "$(jq .round_trips <<<"$out")" -le 3
# ---- what it says to do next can be done as it is printed
try_steps() { # NAME: each command, in the order given
    local command n=0
    while read -r command; do
        n=$((n + 1))
        eval "\"$SEEDOPS\" ${command#seedops }" >"$T/step.out" 2>&1 </dev/null
        is "$?" 0 "$1: seedops $command"
        [ "$tests_failed" = 0 ] || note "$(tail -5 "$T/step.out")"
    done < <(jq -r '.next_steps[] | select(.command) | .command' <<<"$out")
    [ "$n" -gt 0 ] || not_ok "$1: no command"
}
unset_memory() { rm -rf "$XDG_STATE_HOME/seedops/healthy"; }
fresh step_deleted; sql c step_deleted -c 'DELETE FROM b' -c 'DELETE FROM a'; d; try_steps deleted
fresh step_truncated; sql c step_truncated -c 'TRUNCATE a, b'; d; try_steps truncated
fresh step_recreated; sql c step_recreated -c 'DROP TABLE b, a, schema_migrations'; remigrate; d; try_steps recreated
createdb_in c step_never; DB_URL=$(url c step_never) XDG_STATE_HOME=$T/state-step; so migrate test; d; try_steps never-seeded
fresh step_rolled; unset_memory; sql c step_rolled -c 'TRUNCATE b, a' -c 'VACUUM'
sql c step_rolled -c 'DROP TABLE b, a, schema_migrations'; remigrate
sql c step_rolled -c "BEGIN; INSERT INTO a SELECT g, 'x' FROM generate_series(1, 9) g; ROLLBACK"; d; try_steps "$(jq -r .verdict <<<"$out")"
fresh step_missing; sql c step_missing -c 'DROP TABLE b'; d
is "$(jq -r '.verdict + " " + .next_steps[0].command' <<<"$out")" "schema-missing migrate status test" "a table that was dropped is not said to come by migrate"
try_steps schema-missing
# of a URL, and of the one database that the environment names
so diagnose --url "$DB_URL"
like "$out" 'seedops migrate status --url "\$URL"' "a URL is not said back, and stands where it can be"
# SQL as it is printed
statement() { jq -r '.next_steps[].do' <<<"$out" | grep -oE '(ALTER ROLE|GRANT|COMMIT PREPARED) .*;' | sed 's/;.*/;/' | head -1; }
sql c postgres -c 'CREATE ROLE looker LOGIN' -c 'ALTER SYSTEM SET max_prepared_transactions = 5'
fresh step_grant; DB_URL="postgresql://looker@/step_grant?host=$T/c"; d
is "$(jq -r .verdict <<<"$out")" no-privilege "a role without rights"
check "the GRANT that is printed" sql c step_grant -c "$(statement)"
d; is "$(jq -r .verdict <<<"$out")" healthy "opens the tables"
fresh step_path; sql c step_path -c 'CREATE SCHEMA other' -c 'ALTER DATABASE step_path SET search_path = other, public'
unset_memory; sql c step_path -c 'CREATE TABLE other.a (LIKE public.a)' -c 'CREATE TABLE other.b (LIKE public.b)'; d
is "$(jq -r .verdict <<<"$out")" wrong-schema "tables in another schema"
check "the ALTER ROLE that is printed" sql c step_path -c "$(statement)"
d; is "$(jq -r .verdict <<<"$out")" healthy "finds them"
alterations() { jq -r '.next_steps[].do' <<<"$out" | grep -oE 'ALTER TABLE [^;]*;'; }
fresh step_detached; unset_memory; sql c step_detached -c 'ALTER TABLE b RENAME TO old' -c 'CREATE TABLE b (LIKE old) PARTITION BY RANGE (id)' \
    -c 'CREATE TABLE "b.p 0" PARTITION OF b FOR VALUES FROM (0) TO (1000)' -c 'INSERT INTO b SELECT * FROM old' -c 'DROP TABLE old' -c 'ANALYZE b' \
    -c 'ALTER TABLE b DETACH PARTITION "b.p 0"'; d
is "$(jq -r .verdict <<<"$out")" detached-partitions "a detached partition"
check "the ATTACH PARTITION that is printed" sql c step_detached -c "$(alterations)"
d; is "$(jq -r .verdict <<<"$out")" healthy "shows its rows"
fresh step_renamed; unset_memory; sql c step_renamed -c 'ALTER TABLE b RENAME TO "B old"' -c 'CREATE TABLE b (LIKE "B old")'; d
is "$(jq -r .verdict <<<"$out")" renamed-away "a table that was renamed away"
check "the two renames that are printed" sql c step_renamed -c "$(alterations)"
d; is "$(jq -r .verdict <<<"$out")" healthy "bring it back"
createdb_in c step_unlogged; DB_URL=$(url c step_unlogged); so migrate test; sql c step_unlogged -c 'ALTER TABLE b SET UNLOGGED'; so seed test
sql c step_unlogged -c 'ANALYZE'; unset_memory
cluster_stop c immediate; cluster_start c; d
is "$(jq -r .verdict <<<"$out")" unlogged-crash "an unlogged table after a crash"
check "the SET LOGGED that is printed" sql c step_unlogged -c "$(alterations)"
is "$(sql c step_unlogged -c "SELECT relpersistence FROM pg_class WHERE oid = 'b'::regclass")" p "makes it logged"
try_steps unlogged-crash
fresh step_loading; unset_memory; sql c step_loading -c 'TRUNCATE a, b'
mkfifo "$T/load"; exec {load}<>"$T/load"
"$PGBIN/psql" -XAtq -h "$T/c" -U postgres -d step_loading -f - <"$T/load" >/dev/null 2>&1 & backgrounds+=($!)
echo "BEGIN; INSERT INTO a SELECT g, 'x' FROM generate_series(1, 9) g; INSERT INTO b SELECT g, g FROM generate_series(1, 9) g; SELECT pg_advisory_lock(7);" >&"$load"
loading() { [ "$(sql c postgres -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7")" = 1 ]; }
check "a load is under way" wait_for 60 loading; d
is "$(jq -r .verdict <<<"$out")" load-in-progress "which is what it says"
is "$(jq -r '.next_steps[].command // empty' <<<"$out" | head -1)" "test --dump 120x30 --screen activity" "and where to look at it"
so test --dump 120x30 --screen activity
like "$out" 'psql .*idle in tra.*pg_advisory_lock' "there it is"
echo 'COMMIT;' >&"$load"; exec {load}>&-
loaded() { [ "$(sql c step_loading -c 'SELECT count(*) FROM b')" = 9 ]; }
check "it ends" wait_for 60 loaded
d; is "$(jq -r .verdict <<<"$out")" healthy "and brings its rows"
cluster_stop c; cluster_start c
fresh step_prepared; unset_memory; sql c step_prepared -c 'TRUNCATE a, b'
sql c step_prepared -c "BEGIN; INSERT INTO a SELECT g, 'x' FROM generate_series(1, 9) g; INSERT INTO b SELECT g, g FROM generate_series(1, 9) g; PREPARE TRANSACTION 'it''s'"; d
is "$(jq -r '.verdict + ": " + .by' <<<"$out")" "prepared-transaction: prepared transaction 'it's' of postgres" "a prepared transaction is named, with its owner"
check "the COMMIT PREPARED that is printed" sql c step_prepared -c "$(statement)"
d; is "$(jq -r .verdict <<<"$out")" healthy "brings its rows"
finish
