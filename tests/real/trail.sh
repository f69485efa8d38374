#!/usr/bin/env bash
# The trail in seedops.actions (SAFETY 6), and whose fixtures were applied last (SAFETY 5).
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
cluster_start c || exit 1
createdb_in c app
mkdir -p seeds migrations
cat >seedops.yaml <<'END'
version: 1
migrations: {dir: migrations}
seeds: seeds
tables: {t: {class: context}}
environments:
  local: {url: '${LOCAL_URL}'}
END
export LOCAL_URL; LOCAL_URL=$(url c app)
q() { sql c app -c "$1"; }
actions() { q "select count(*) from seedops.actions where action <> 'session'"; }
last() { q "select $1 from seedops.actions where action <> 'session' order by id desc limit 1"; }
ends() { q "select count(*) from seedops.actions where action = 'session'"; }
final() { q "select $1 from seedops.actions order by id desc limit 1"; }
last_hash() { tail -n 1 "$XDG_STATE_HOME/seedops/sessions/$(final journal)"* | jq -r .hash; }
set_a() { printf 'table: t\nrows:\n  - {id: 1, v: one}\n' >seeds/t.yaml; touch -d "${1:-2026-01-01T00:00:00Z}" seeds/t.yaml; }
set_b() { printf 'table: t\nrows:\n  - {id: 1, v: one}\n  - {id: 2, v: two}\n' >seeds/t.yaml; touch -d "${1:-2026-02-01T00:00:00Z}" seeds/t.yaml; }
echo 'CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL);' >migrations/001_t.up.sql
echo 'CREATE INDEX CONCURRENTLY t_v ON t (v);' >migrations/002_v.up.sql
set_a

# ---- without a trail ----
so migrate local
is "$rc $(grep -c 'leaves no trail' <<<"$err")" "0 1" "without a trail one line says so"
is "$(q "select count(*) from pg_namespace where nspname = 'seedops'")" 0 "and none is made unasked"

# ---- a row a write ----
so mark local
is "$(last 'action, who, host, environment')" "mark|$(id -un)|$(hostname)|local" "the mark itself is the first row"
so seed local
is "$rc" 0 "a seed"
unlike "$err" 'trail' "says nothing of a trail that is there"
is "$(last 'action, environment, role, fixtures_applied')" "seed|local|postgres|t" "leaves a row"
is "$(last 'before, after')" '{"t": 0}|{"t": 1}' "with the counts before and after"
is "$(last "version || ' ' || (length(fixture_digest) = 64)::text || ' ' || (length(plan_digest) = 64)::text")" "$("$SEEDOPS" --version | cut -d ' ' -f 2) true true" "version and digests"
check "and the name of the journal" grep -q . "$XDG_STATE_HOME/seedops/sessions/$(last journal)"*
check "with the hash of its line before the write" grep -q "$(last journal_hash)" "$XDG_STATE_HOME/seedops/sessions/$(last journal)"*
is "$(final "action || ' ' || object || ' ' || coalesce(after::text, '-')")" "session end -" "the session's end adds a row of its own"
is "$(final journal_hash)" "$(last_hash)" "with the final hash of the journal"
n=$(actions) ended=$(ends)
so seed local; is "$rc $(actions)" "0 $n" "one that changes nothing leaves none"
set_b; so seed local --dry-run; is "$rc $(actions)" "0 $n" "nor does a dry run"
q 'alter table t add constraint no_two check (id <> 2)'
so seed local; is "$rc $(actions)" "1 $n" "nor one that fails: row and write fall together"
is "$(ends)" "$ended" "and the end of none of these is noted"
q 'alter table t drop constraint no_two'
echo 'ALTER TABLE t ADD COLUMN w text;' >migrations/003_w.up.sql
so migrate local; is "$rc $(last 'action, object')" "0 migrate|003_w.up.sql" "a migration leaves its own"
is "$(ends) $(final journal_hash)" "$((ended + 1)) $(last_hash)" "and its session's end"
echo 'ALTER TABLE t ADD COLUMN v text;' >migrations/004_bad.up.sql
n=$(actions)
so migrate local; is "$rc $(actions)" "3 $n" "one that fails leaves none"
rm migrations/004_bad.up.sql
echo 'CREATE INDEX CONCURRENTLY t_w ON t (w);' >migrations/004_w.up.sql
so migrate local; is "$rc $(last 'action, object')" "0 migrate|004_w.up.sql" "one outside of a transaction leaves one, too"
printf 'CREATE INDEX CONCURRENTLY t_x ON t (w);\nSELECT no_such();\n' >migrations/005_half.up.sql
so migrate local; is "$rc $(last 'action, object')" "3 migrate (failed)|005_half.up.sql" "also when it failed half way"
so migrate resolve local 005_half.up.sql --applied
is "$rc $(last 'action, object')" "0 migrate resolve --applied|005_half.up.sql" "a resolve leaves one"
is "$(final "action || journal_hash")" "session$(last_hash)" "and its session's end"

# ---- closed to a role ----
q 'create role app login; grant all on schema public to app; grant all on all tables in schema public to app'
LOCAL_URL=${LOCAL_URL/postgres@/app@}
n=$(actions)
so seed local
is "$rc $(actions)" "0 $n" "a role that may not add to it seeds all the same"
like "$err" 'leaves no trail in the database: app may not add to seedops.actions; .*GRANT INSERT' "with one line, and the GRANT"
unlike "$(cat "$T/c/server.log")" 'permission denied for table actions' "and no failing statement"
q 'grant insert on seedops.actions to app; delete from t'
so seed local
is "$rc $(last 'action, role')" "0 seed|app" "which is enough"
is "$(final 'action, role')" "session|app" "also for the session's end"
LOCAL_URL=${LOCAL_URL/app@/postgres@}

# ---- whose fixtures? ----
first() { so seed local --dry-run --json; jq -r '"\(.plan.fixtures) \(.plan.first // "-")"' <<<"$out"; }
q 'delete from t; truncate seedops.actions'; rm -rf "$XDG_STATE_HOME"
set_a
is "$(first)" "first -" "the first set ever is beside nothing"
so seed local; q 'delete from t'
is "$(first)" "same -" "the same once more"
set_b
is "$(first)" "newer -" "one that is dated later is newer"
so seed local; q 'delete from t'
set_a
like "$(first)" '^older OLDER FIXTURES: these \(set [0-9a-f]{7}\) were applied here on .*, before the ones applied last \(set [0-9a-f]{7}, by .* on .*\)\.$' \
    "a set that was applied before another is older, whatever its date"
set_a 2030-01-01
like "$(first)" '^older ' "so it is with a new date"
so seed local
like "$(head -n 1 <<<"$out")" '^OLDER FIXTURES' "the plan says it first"
q 'delete from t'
set_b 2029-01-01; so seed local; q 'delete from t'
printf 'table: t\nrows:\n  - {id: 3, v: three}\n' >seeds/t.yaml; touch -d 2028-01-01 seeds/t.yaml
like "$(first)" '^older OLDER FIXTURES: these .* are dated 2028-01-01 .*, before the ones applied here last, dated 2029-01-01' "one that is dated before the last one is older"
touch -d 2029-01-01 seeds/t.yaml
like "$(first)" '^unknown UNKNOWN FIXTURES: whether these .* are newer than the ones applied here last cannot be told' "one with the same date cannot be told"
rm -rf "$XDG_STATE_HOME"
like "$(first)" '^unknown ' "the trail knows it on every machine"
q 'drop schema seedops cascade' 2>/dev/null
is "$(first)" "first -" "without either nothing is known"
set_a; so seed local; set_b; so seed local; set_a
like "$(first)" '^older ' "without a trail this machine's own memory knows"

# ---- the commit, without running git ----
so mark local
git init -q -b trunk . && git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m x
commit=$(git rev-parse HEAD)
git config core.fsmonitor "touch $T/ran"
set_b; q 'delete from t'; so seed local
is "$(last fixture_commit)" "$commit" "the commit of the checkout is noted"
git pack-refs --all; q 'delete from t'; so seed local
is "$(last fixture_commit)" "$commit" "from packed references"
git checkout -q --detach; q 'delete from t'; so seed local
is "$(last fixture_commit)" "$commit" "and from a detached head"
rm -f "$T/ran"; q 'delete from t'; so seed local
check "nothing that the repository configures is run" test ! -e "$T/ran"
finish
