# SAFETY 4: looking destroys nothing. Tables of 1, 2, 5, 9 and 40 pages are emptied by DELETE; the dead rows that
# heap_page_items reads before status, verify, count, diff, a dry run and the console are there after them.
. "$(dirname "$0")/../lib.sh"
cluster_start c 'autovacuum=off' || exit 1
createdb_in c db
mkdir -p "$T/p/seeds"; cd "$T/p" || exit 1
export DB_URL; DB_URL=$(url c db)
{ echo 'version: 1'; echo 'seeds: seeds'; echo 'tables:'
  for pages in 1 2 5 9 40; do echo "  t$pages: {class: context, min_rows: 7}"; done
  echo '  child: {class: context}'
  printf 'environments:\n  test: {url: "${DB_URL}", role: local}\n'; } >seedops.yaml
sql c db -c 'CREATE EXTENSION pageinspect'
for pages in 1 2 5 9 40; do
    # about 7 rows a page of some 1 100 bytes each
    rows=$((pages * 7))
    sql c db -c "CREATE TABLE t$pages (id int PRIMARY KEY, v text NOT NULL)" \
        -c "INSERT INTO t$pages SELECT g, repeat('x', 1080) FROM generate_series(1, $rows) g"
    is "$(sql c db -c "SELECT pg_relation_size('t$pages') / 8192")" "$pages" "t$pages has $pages pages"
    { echo "table: t$pages"; echo 'rows:'; for g in $(seq "$rows"); do echo "  - {id: $g, v: $(printf 'x%.0s' {1..80})}"; done; } >"seeds/t$pages.yaml"
done
# a foreign key's check reads the parent: a dry run must not look at a held one either
sql c db -c 'CREATE TABLE child (id int PRIMARY KEY, t int NOT NULL REFERENCES t5)'
printf 'table: child\nrows:\n  - {id: 1, t: !ref {table: t5, id: 3}}\n' >seeds/child.yaml
sql c db -c ANALYZE
for pages in 1 2 5 9 40; do sql c db -c "DELETE FROM t$pages"; done
wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d db -c 'SELECT count(*) FROM pg_stat_user_tables WHERE n_tup_del > 0')\" = 5 ]"
readable() { for p in 1 2 5 9 40; do sql c db -c "SELECT count(*) FROM generate_series(0, pg_relation_size('t$p') / 8192 - 1) g, heap_page_items(get_raw_page('t$p', g::int)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; done | tr '\n' ' '; }
before=$(readable)
is "$before" "7 14 35 63 280 " "every deleted row is readable to begin with"
looks() { local name=$1; shift; so "$@"; is "$(readable)" "$before" "$name leaves every one readable"; }
looks status status test
is "$(so status test --json; jq -c '[.tables[] | select(.table | startswith("t")) | .held] | unique' <<<"$out")" '[true]' "status holds all five"
looks 'status --json' status test --json
looks verify verify test
looks count count test
is "$(so count test --json; jq -c '[.tables[] | select(.table | startswith("t")) | .rows] | unique' <<<"$out")" '[null]' "count says null for held tables"
looks diff diff test
is "$rc" 4 "diff exits 4"
like "$out$err" 'held' "and says that they are held"
looks diagnose diagnose test
like "$out" 'VERDICT  deleted' "which says what happened"
looks 'diagnose --json' diagnose test --json
looks 'seed --dry-run' seed test --dry-run
for screen in overview migrations tables diff diagnose activity log; do
    looks "the console's $screen" test --dump 100x30 --screen "$screen"
done
# after a crash the counters know nothing: the emptied tables are held still, and a healthy one is not
sql c db -c "CREATE TABLE healthy (id int PRIMARY KEY)" -c "INSERT INTO healthy SELECT generate_series(1, 7)"
printf 'table: healthy\nrows:\n' >seeds/healthy.yaml; for g in 1 2 3 4 5 6 7; do echo "  - {id: $g}" >>seeds/healthy.yaml; done
sed -i 's/^  child: .*/&\n  healthy: {class: context, min_rows: 7}/' seedops.yaml
cluster_stop c immediate; cluster_start c
sql c db -c "UPDATE healthy SET id = 8 WHERE id = 7; UPDATE healthy SET id = 7 WHERE id = 8"
so status test --json
is "$(jq -c '.tables[] | select(.table == "healthy") | [.held, .rows, .missing]' <<<"$out")" '[false,7,0]' "after a crash a healthy table is not held"
is "$(jq -c '[.tables[] | select(.table | startswith("t")) | .held] | unique' <<<"$out")" '[true]' "and the emptied ones still are"
is "$(readable)" "$before" "status leaves every dead row readable"
is "$(sql c db -c "SELECT count(*) FROM pg_stat_user_tables WHERE n_tup_ins <= n_tup_del AND relname <> 'child'")" 6 "six tables were in doubt"
check "all of them were counted in two round trips" [ "$(jq .round_trips <<<"$out")" -le 4 ]
# and the operator may overrule it
so diff test --scan
is "$rc" 4 "--scan compares"
if [ "$(readable)" != "$before" ]; then ok "which costs what it says it costs"; else not_ok "which costs what it says it costs"; fi
# ---- counters lost in a crash, rows deleted, rows seeded: a healthy count ends it
createdb_in c healed
cd "$TOP" || exit 1
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url c healed)
"$SEEDOPS" migrate local >"$T/log" 2>&1 && "$SEEDOPS" seed local >>"$T/log" 2>&1 || note "$(cat "$T/log")"
cluster_stop c immediate
cluster_start c
sql c healed -c 'DELETE FROM "Station"; DELETE FROM "Withdrawal"; DELETE FROM "Glacier"; DELETE FROM "Catchment"'
so status local --json
is "$rc $(jq '[.tables[] | select(.class == "context") | .held] | all' <<<"$out")" "4 true" "emptied after a crash: held"
so seed local
is "$rc" 0 "seeded"
so status local --json
is "$rc $(jq '[.tables[] | .held] | any' <<<"$out")" "0 false" "and healthy, although the counters saw as many deletes as inserts"
# ---- counters lost in a crash, then a row that came and went: the row from before is there, and nobody says otherwise
createdb_in c once
mkdir "$T/once" && cd "$T/once" || exit 1
mkdir seeds && printf 'table: a\nrows:\n  - {id: 1}\n' >seeds/a.yaml
cat >seedops.yaml <<'Y'
version: 1
seeds: seeds
tables:
  a: {class: context, min_rows: 1}
environments:
  test: {url: "${DB_URL}", role: local}
Y
export DB_URL; DB_URL=$(url c once)
sql c once -c 'CREATE TABLE a (id int PRIMARY KEY)' -c 'INSERT INTO a VALUES (1)'
cluster_stop c immediate
cluster_start c
sql c once -c 'INSERT INTO a VALUES (2)' -c 'DELETE FROM a WHERE id = 2'
gone_again() { [ "$(sql c once -c "SELECT n_tup_ins, n_tup_del, n_live_tup FROM pg_stat_user_tables")" = '1|1|0' ]; }
check "the counters saw one row come and go" wait_for 10 gone_again
so status test --json
is "$rc $(jq -c '.tables[] | [.held, .rows]' <<<"$out")" '0 [false,1]' "status counts before it says that rows are lost"
so diagnose test --json
is "$(jq -r '.verdict' <<<"$out")" healthy "and so does diagnose"
# ---- a prune: what hangs on the rows that go may itself have lost its rows
createdb_in c pruned
mkdir -p "$T/pruned/seeds" && cd "$T/pruned" || exit 1
export DB_URL; DB_URL=$(url c pruned)
printf 'tables:\n  root: {class: context}\n  leaf: {class: context}\nenvironments:\n  test: {url: "${DB_URL}", role: local}\n' >seedops.yaml
printf 'table: root\nprune: true\nrows:\n  - {id: 1}\n' >seeds/root.yaml
{ printf 'table: leaf\nprune: true\nrows:\n'; for g in 1 2 3 4 5 6 7; do echo "  - {id: $g, root: 1}"; done; } >seeds/leaf.yaml
sql c pruned -c 'CREATE EXTENSION pageinspect' -c 'CREATE TABLE root (id int PRIMARY KEY)' -c 'INSERT INTO root VALUES (1)' \
    -c 'CREATE TABLE leaf (id int PRIMARY KEY, root int REFERENCES root ON DELETE CASCADE, v text)' \
    -c "INSERT INTO leaf SELECT g, 1, repeat('x', 1080) FROM generate_series(1, 7) g"
sql c pruned -c 'DELETE FROM leaf'
wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d pruned -c \"SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'leaf'\")\" = 7 ]"
readable() { sql c pruned -c "SELECT count(*) FROM heap_page_items(get_raw_page('leaf', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
evidence() { cat "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | grep -c '"name":"evidence"'; }
is "$(readable)" 7 "seven deleted rows are readable"
rm -f "$XDG_STATE_HOME"/seedops/sessions/*.jsonl
so prune test --confirm test
is "$rc $(readable)" "0 7" "with nothing to prune they stay so" || note "$err"
unlike "$err" 'will be lost' "and nobody says that they are lost"
is "$(evidence)" 0 "nothing is recorded either"
sql c pruned -c 'INSERT INTO root VALUES (2)'
so prune test --dry-run
is "$rc $(readable)" "0 7" "the plan of a prune looks for what hangs on a row without reading the emptied table" || note "$err"
like "$out" 'delete +1 +root' "and finds the row"
unlike "$err" 'will be lost' "and nothing is lost yet"
so prune test --confirm test
is "$rc $(sql c pruned -c 'SELECT count(*) FROM root')" "0 1" "the prune itself goes on" || note "$err"
like "$err" '1 table has deleted rows .* will be lost' "and says first what it costs"
is "$(evidence)" 1 "after the evidence was recorded"
finish
