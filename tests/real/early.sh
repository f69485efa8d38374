#!/usr/bin/env bash
# A large fixture is still being read when its table is asked for already: what was asked by a guess is used where the guess
# was right, ended where it was not, and never asked where looking would cost evidence.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit
cluster_start c 'log_statement=all' 'autovacuum=off' || exit 1
createdb_in c d
export DB; DB=$(url c d)
sql c d <<'SQL'
CREATE EXTENSION pageinspect;
CREATE TABLE t (code text PRIMARY KEY, n int, note text);
CREATE TABLE other (id int PRIMARY KEY, name text UNIQUE, note text);
INSERT INTO t SELECT to_char(g, 'FM000000'), g, repeat('x', 40) FROM generate_series(1, 30000) g;
INSERT INTO other SELECT g, 'o' || g, 'y' FROM generate_series(1, 300) g;
VACUUM ANALYZE;
SQL
log() { cat c/server.log; }
forget() { sql c d -c 'SELECT 1' >/dev/null; : >c/server.log; }
copies() { log | grep -c 'statement: BEGIN.*COPY (SELECT.*"t"'; }
nobody() { wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d d -c \"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'seedops%'\")\" = 0 ]"; }
csv() { sql c d -c "\copy (SELECT code, n, note FROM t ORDER BY code) TO '$1' (FORMAT csv, HEADER)"; }
project() { mkdir -p "$1/seeds"; printf 'table: t\nkey: [code]\nrows: !csv rows.csv\n' >"$1/seeds/t.yaml"; csv "$1/seeds/rows.csv"; }
differs() { so diff --rows --url "$DB" --seeds "$1/seeds" "${@:2}"; }

project same; forget
check "the fixture is large" [ "$(stat -c %s same/seeds/rows.csv)" -gt 1048576 ]
differs same
is "$rc $(copies)" "0 1" "a table that is right: it is asked for once" || note "$out" "$err"
is "$(log | grep -c ROLLBACK)" 0 "and nothing is taken back"
so seed --url "$DB" --seeds same/seeds
is "$rc $(log | grep -c 'txid_current')" "0 0" "a seed with nothing to do begins no writing"

# ---- what is wrong in the last row is refused as ever, and what was asked ends
project broken; echo 'Z,1,2,3' >>broken/seeds/rows.csv; forget
differs broken
like "$rc $err" '^1 .*the row has 4 values, the header 3 columns' "a fixture that is wrong in its last row is refused"
like "$err" 'rows.csv:30002' "with its place"
check "and nothing of it goes on" nobody
unlike "$(log)" 'could not send|unexpected EOF|terminating' "the server had no broken connection"
project changed; sed -i '30001s/,30000,/,x,/' changed/seeds/rows.csv
so seed --url "$DB" --seeds changed/seeds
like "$rc $err" '^1 .*"x"' "a value that its type does not take is refused, too"
like "$err" 'rows.csv:30001' "with its place"

# ---- the first rows do not tell which columns there are, or which tables
mkdir -p late/seeds
{ printf 'table: t\nkey: [code]\nrows:\n'
  sql c d -c "SELECT format('- {code: \"%s\", note: %s%s}', code, note, CASE WHEN n > 29000 THEN ', n: ' || n END) FROM t ORDER BY code"; } >late/seeds/t.yaml
sql c d -c "UPDATE t SET n = -1 WHERE n = 29500"; forget
differs late
is "$rc $(copies)" "4 2" "a column that comes late: it is asked for again"
like "$out" '029500' "and compared"
is "$(grep -cE '^ *[~+-] ' <<<"$out")" 1 "one row differs" || note "$out"
sql c d -c "UPDATE t SET n = 29500 WHERE n = -1"
{ printf 'table: t\nkey: [code]\nrows:\n'
  sql c d -c "SELECT format('- {code: \"%s\", note: %s, n: %s}', code, note, CASE WHEN n BETWEEN 29001 AND 29300 THEN '!ref {table: other, name: o' || n - 29000 || '}' ELSE n::text END) FROM t ORDER BY code"; } >late/seeds/t.yaml
sql c d -c "UPDATE t SET n = n - 29000 WHERE n BETWEEN 29001 AND 29300"
differs late
is "$rc" 0 "a reference that comes late finds its table" || note "$out" "$err"
sql c d -c "UPDATE t SET n = n + 29000 WHERE code BETWEEN '029001' AND '029300'"
printf 'rows:\n- {code: "000001", n: 1}\ntable: t\nkey: [code]\nprune: false\n' >late/seeds/t.yaml; cp same/seeds/rows.csv late/seeds/unused.csv
differs late
is "$rc" 0 "keys behind the rows" || note "$out" "$err"

# ---- a first guess for another table than the one that is wanted, and a pipe, which is read once
cp -r same two
printf 'table: other\nrows:\n- {id: 1, name: o1, note: z}\n' >two/seeds/other.yaml
differs two t
is "$rc" 0 "the one that was named" || note "$out" "$err"
differs two
is "$rc" 4 "both, whichever comes first"
mkfifo two/seeds/pipe.csv
printf 'table: other\nrows: !csv pipe.csv\n' >two/seeds/other.yaml
background bash -c "{ echo id,name,note; for i in {1..300}; do echo \$i,o\$i,y; done; } >two/seeds/pipe.csv"
differs two
is "$rc" 0 "a pipe beside it is read by whom it is meant for" || note "$out" "$err"

# ---- a key that the fixture does not name is the primary key, whose rows are checked for repeating it
cp -r same twice; printf 'table: t\nrows: !csv rows.csv\n' >twice/seeds/t.yaml; sed -n 2p same/seeds/rows.csv >>twice/seeds/rows.csv
differs twice
like "$rc $err" '^1 .*two rows have the key code = 000001' "a primary key given twice"

# ---- evidence: a table whose rows were deleted is not looked at by a guess either
sql c d -c 'DELETE FROM t WHERE n > 100'
wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d d -c \"SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relname = 't'\")\" = t ]"
readable() { sql c d -c "SELECT count(*) FROM generate_series(0, pg_relation_size('t') / 8192 - 1) g, heap_page_items(get_raw_page('t', g::int)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
before=$(readable); forget
differs same
is "$rc $(copies) $(readable)" "4 0 $before" "a held table is not asked for" || note "$out" "$err"
like "$out$err" 'held' "and named"
so seed --url "$DB" --seeds same/seeds --dry-run
is "$(copies) $(readable)" "0 $before" "nor by a dry run"

# ---- a seed into an empty table reads the fixture once more instead of keeping its rows, and checks values meanwhile
sql c d -c 'CREATE TABLE fresh (code text PRIMARY KEY, n int CHECK (n <> 29999), note text)'
seeds() { so seed --url "$DB" --seeds "$1/seeds" "${@:2}"; }
cp -r same fresh; printf 'table: fresh\nkey: [code]\nrows: !csv rows.csv\n' >fresh/seeds/t.yaml
seeds fresh --dry-run --json
is "$(jq -r '[.plan.steps[].rows] | add' <<<"$out")" 30000 "all rows are missing" || note "$out"
digest=$(jq -r '.plan.digest // .digest' <<<"$out")
like "$digest" '^[0-9a-f]{64}$' "a plan has a digest"
sql c d -c "INSERT INTO fresh VALUES ('other', 1, '')"
seeds fresh --dry-run --json
is "$(jq -r '.plan.digest // .digest' <<<"$out")" "$digest" "the same with somebody else's row in the table"
sql c d -c 'TRUNCATE fresh'
seeds fresh
like "$rc $(tr '\n' ' ' <<<"$err")" '^1 .*fresh_n_check.*rows\.csv' "a row that a constraint refuses: refused"
is "$(sql c d -c 'SELECT count(*) FROM fresh')" 0 "and nothing stays"
sql c d -c 'ALTER TABLE fresh DROP CONSTRAINT fresh_n_check' -c 'TRUNCATE fresh'
cp -r fresh wrong; sed -i '30001s/,30000,/,x,/' wrong/seeds/rows.csv; forget
seeds wrong
like "$rc $err" '^1 .*"x"' "a value that its type does not take: refused"
like "$err" 'rows.csv:30001' "with its place"
is "$(sql c d -c "SELECT pg_relation_size('fresh')") $(log | grep -c txid_current)" "0 0" "before anything is written"
# a reference that comes late has the catalogue read again, and what is being checked by the old one is let go
cp -r wrong ground; printf 'table: third\nkey: [id]\nrows:\n' >ground/seeds/u.yaml
for i in $(seq 1 2000); do echo "- {id: $i, other: 1, note: $(printf 'n%.0s' {1..40})}"; done >>ground/seeds/u.yaml
echo '- {id: 3000, other: !ref {table: other, name: o7}, note: n}' >>ground/seeds/u.yaml
sql c d -c 'CREATE TABLE third (id int PRIMARY KEY, other int REFERENCES other, note text)'
seeds ground
like "$rc $err" '^1 .*"x"' "the value is found all the same"
cp fresh/seeds/rows.csv ground/seeds/rows.csv
seeds ground
is "$rc $(sql c d -c 'SELECT count(*), (SELECT other FROM third WHERE id = 3000) FROM fresh')" "0 30000|7" "and with it mended all is written" || note "$out" "$err"
is "$(sql c d -c "SELECT count(*) FROM (SELECT code, n, note FROM fresh EXCEPT SELECT to_char(g, 'FM000000'), g, repeat('x', 40) FROM generate_series(1, 30000) g) x")" 0 "as the fixture has it"
# some of the first rows missing, and some later ones: few of them, and many
sql c d -c "DELETE FROM fresh WHERE n <= 3 OR n IN (500, 29000)" -c 'VACUUM fresh'
sql c d -c "SELECT pg_stat_reset()" >/dev/null
seeds fresh
is "$rc $(sql c d -c 'SELECT count(*), count(*) FILTER (WHERE n <= 3), sum(n) FROM fresh')" "0 30000|3|450015000" "a few of the first rows and of others" || note "$out" "$err"
sql c d -c "DELETE FROM fresh WHERE n <= 700 OR n BETWEEN 20000 AND 20700" -c 'VACUUM fresh'
sql c d -c "SELECT pg_stat_reset()" >/dev/null
seeds fresh
is "$rc $(sql c d -c 'SELECT count(*), count(*) FILTER (WHERE n <= 700), sum(n) FROM fresh')" "0 30000|700|450015000" "many of the first rows and of others" || note "$out" "$err"
# a fixture in no order is not sorted for a table that has nothing to compare with
cp -r fresh mixed; { head -n 1 fresh/seeds/rows.csv; tail -n +2 fresh/seeds/rows.csv | shuf --random-source=fresh/seeds/rows.csv; } >mixed/seeds/rows.csv
sql c d -c 'TRUNCATE fresh'
seeds mixed
is "$rc $(sql c d -c 'SELECT count(*), sum(n) FROM fresh')" "0 30000|450015000" "a fixture in no order" || note "$out" "$err"
differs mixed
is "$rc" 0 "which is then right" || note "$out" "$err"
forget; seeds ground
is "$rc $(log | grep -c txid_current)" "0 0" "again: nothing is written"
finish
