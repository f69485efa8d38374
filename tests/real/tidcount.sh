#!/usr/bin/env bash
# A held table is counted by TID (SAFETY 4): exactly, on 1 to 40 pages, and without losing one readable dead row;
# and nobody reads it on the way to another table.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit
cluster_start main 'autovacuum=off' || exit 1
createdb_in main db
q() { sql main db -c "$1"; }
q 'create extension pageinspect'
mkdir seeds
{ printf 'version: 1\nseeds: seeds\ntables:\n'; for p in 1 2 5 9 40; do echo "  t$p: {class: context}"; done
  printf '  kid: {class: context}\n  big: {class: context, min_rows: 7}\nenvironments:\n  test: {url: "%s"}\n' "$(url main db)"; } >seedops.yaml
for p in 1 2 5 9 40; do
    rows=$((p * 7))
    q "create table t$p (id int primary key, v text not null, n int default 0) with (fillfactor = 100)" 
    q "insert into t$p select g, repeat('x', 1070), 0 from generate_series(1, $rows) g"
    is "$(q "select pg_relation_size('t$p') / 8192")" "$p" "t$p has $p pages"
    { echo "table: t$p"; echo 'rows:'; for g in $(seq "$rows"); do echo "  - {id: $g, v: x}"; done; } >"seeds/t$p.yaml"
done
# a child of a held parent that is no foreign key of it, and a table too large to be counted by TID
q "create table kid (id int primary key, t int); insert into kid select g, g from generate_series(1, 3) g"
printf 'table: kid\nrows:\n  - {id: 1, t: !ref {table: t40, column: id, id: 1}}\n  - {id: 2, t: !ref {table: t40, column: id, id: 2}}\n  - {id: 3, t: null}\n' >seeds/kid.yaml
q "create table big (id int primary key, v text); insert into big select g, repeat('x', 1070) from generate_series(1, 14100) g"
q analyze
# two of seven survive on each page's worth, one of them a newer version of its row
for p in 1 2 5 9 40; do q "delete from t$p where id % 7 > 1; update t$p set n = 1 where id % 7 = 1"; done
q 'delete from big where id > 3'
check "the counters arrive" wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d db -c 'select count(*) from pg_stat_user_tables where n_tup_del > 0')\" = 6 ]"
readable() { for p in 1 2 5 9 40; do q "select count(*) from generate_series(0, pg_relation_size('t$p') / 8192 - 1) g, heap_page_items(get_raw_page('t$p', g::int)) where lp_flags = 1 and t_data is not null"; done | tr '\n' ' '; }
before=$(readable)
so count test --json
is "$rc" 0 "count"
is "$(jq -c '[.tables[] | select(.table | startswith("t")) | [.held, .rows, .rows_by_tid]] | unique | length' <<<"$out")" 5 "five held tables, each with its own count"
is "$(jq -c '[.tables[] | select(.table | startswith("t")) | .rows_by_tid]' <<<"$out")" '[2,4,10,18,80]' "counted exactly, updated rows once"
is "$(jq -c '[.tables[] | select(.table | startswith("t")) | .rows] | unique' <<<"$out")" '[null]' "beside the null that every held table's number is"
is "$(jq -c '.tables[] | select(.table == "big") | [.held, .estimated, .rows, .rows_by_tid]' <<<"$out")" '[true,true,null,null]' "a table of more than 2 000 pages is only estimated"
is "$(readable)" "$before" "and every dead row is still there"
mkfifo hold
"$PGBIN/psql" -XAtq -h "$T/main" -U postgres -d db <hold >/dev/null 2>&1 & holder=$!
exec 9>hold
echo "begin; lock table t5 in access exclusive mode;" >&9
check "one of them is locked" wait_for 10 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d db -c \"select 1 from pg_locks where relation = 't5'::regclass and granted\" | grep -q 1"
so count test --json
is "$(jq -c '[.tables[] | select(.table | test("^t[0-9]")) | [.table, .rows_by_tid]] | sort' <<<"$out")" '[["t1",2],["t2",4],["t40",80],["t5",null],["t9",18]]' "a locked one costs only its own count"
exec 9>&-
wait "$holder"
so count test
like "$out" '^ +80  t40  held: counted by TID' "text says how it was counted"
like "$out" '^ +≈3  big  held: estimated' "and what was estimated"
for command in status verify diff 'seed --dry-run'; do
    # shellcheck disable=SC2086
    so ${command%% *} test ${command#"${command%% *}"}
    is "$(readable)" "$before" "$command does not read a held parent on the way to its child"
done
so status test --json
is "$(jq -r '.tables[] | select(.table == "kid") | .note' <<<"$out")" 'refers to a held table' "status says why the child is not compared"
so count test --scan --json
is "$(jq -c '[.tables[] | select(.table | startswith("t")) | [.held, .rows]] | unique' <<<"$out")" '[[false,2],[false,4],[false,10],[false,18],[false,80]]' "--scan counts them as any other"
# without a configuration every table is counted, the small ones in one transaction
rm -r seedops.yaml seeds
so count --url "$(url main db)" --json
is "$rc $(jq -c '[.tables[] | .rows]' <<<"$out")" '0 [3,3,2,4,80,10,18]' "all tables are counted where none is named"
exec 9<>hold
"$PGBIN/psql" -XAtq -h "$T/main" -U postgres -d db <&9 >/dev/null 2>&1 & holder=$!
echo "begin; lock table t1 in access exclusive mode;" >&9
check "one of them is locked" wait_for 10 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d db -c \"select 1 from pg_locks where relation = 't1'::regclass and granted\" | grep -q 1"
so count --url "$(url main db)" --json
is "$(jq -c '[.tables[] | .rows]' <<<"$out")" '[3,3,null,4,80,10,18]' "a locked one costs only its own count"
like "$(jq -r '.tables[] | select(.table == "t1") | .note' <<<"$out")" '^locked by pid [0-9]+$' "and says who locks it"
kill "$holder"; exec 9>&-
finish
