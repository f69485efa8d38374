#!/usr/bin/env bash
# diff --digest: the same answer as row by row, without the rows; what is refused digests, and that it is said.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit
cluster_start main "log_statement=all"
createdb_in main d
sql main d <<'SQL'
create extension citext;
create type kind as enum ('hydro', 'it''s "odd", (a)\b');
create table a (code text primary key, n numeric(9,3), m numeric, at timestamptz, ok boolean, k kind, c char(6), j jsonb, f float8,
    d date, i interval, t text[]);
insert into a select 'k' || to_char(g, 'FM00000'), g / 8.0, g / 8.0, timestamptz '2020-01-01 00:00Z' + g * interval '1.5 s', g % 2 = 0,
    case when g % 3 = 0 then null when g % 3 = 1 then 'hydro' else 'it''s "odd", (a)\b' end::kind, 'x' || g % 7,
    jsonb_build_object('g', g, 'list', array[1, 2]), g / 3.0, date '2020-01-01' + g, g * interval '1 hour',
    array['a b', '', null, 'q"' || g] from generate_series(1, 5000) g;
create table word (w citext primary key, v text);
insert into word select 'W' || g, case g % 3 when 0 then '' when 1 then null else E'tab\tand "quote" ,()\\' end from generate_series(1, 300) g;
create table parent (id int primary key, slug text unique);
create table child (id int primary key, parent int references parent);
insert into parent values (1, 'one'); insert into child values (1, 1);
create table empty (id int primary key);
SQL
mkdir seeds
sql main d -c "\copy (select * from a order by code collate \"C\") to 'seeds/a.csv' (format csv, header)" \
    -c "\copy (select lower(w::text) as w, v from word order by 1 desc) to 'seeds/word.csv' (format csv, header, force_quote (v))"
printf 'table: a\nkey: [code]\nprune: true\nrows: !csv a.csv\n' >seeds/a.yaml
printf 'table: word\nkey: [w]\nrows: !csv word.csv\n' >seeds/word.yaml
printf 'table: child\nkey: [id]\nrows:\n  - {id: 1, parent: !ref {table: parent, slug: one}}\n' >seeds/child.yaml
printf 'table: empty\nkey: [id]\nrows: []\n' >seeds/empty.yaml
so diff --url "$(url main d)" --seeds seeds a --digest
is "$rc" 0 "identical by digests"; like "$out" '5000 rows, identical; by digests' "and says by what"
like "$(grep -c 'COPY (SELECT t\."code"' "$T/main/server.log")" '^0$' "no row of it was read"

# the same lines, in an order of their own
same_answer() { # NAME TABLE WAY
    so diff --url "$(url main d)" --seeds seeds "$2" --json; rows=$(jq -cS '.tables[] | del(.by) | .rows |= sort_by(tostring)' <<<"$out"); rows_rc=$rc
    so diff --url "$(url main d)" --seeds seeds "$2" --json --digest
    is "$(jq -cS '.tables[] | del(.by) | .rows |= sort_by(tostring)' <<<"$out")" "$rows" "$1: the same differences"
    is "$rc $(jq -r '.tables[].by' <<<"$out")" "$rows_rc $3" "$1: the same exit, by $3"
}
sql main d <<'SQL'
update a set n = n + 0.001 where code in ('k00001', 'k02500'); update a set t = null where code = 'k03000';
update a set j = j || '{"more": "ü"}' where code = 'k04000';
delete from a where code in ('k00002', 'k05000'); insert into a (code) values ('k00000'), ('k09999');
SQL
same_answer "eight rows differ" a digests
is "$(jq -c '.tables[] | [.missing, .changed, .extra, .fixture_rows, .live_rows]' <<<"$out")" '[2,4,2,5000,5000]' "and the totals are those of the whole table"
same_answer "keys in another case, spellings that are equal" word digests
is "$(jq -c '.tables[] | [.missing, .changed, .extra]' <<<"$out")" '[0,0,0]' "the same word in another case is the same row"
# values equal but printed in other words: numbers without a scale, JSON, intervals, floats
python3 - <<'PY'
import csv
rows = list(csv.reader(open("seeds/a.csv"))); head = rows[0]
for n, r in enumerate(rows[1:]):
    if n % 100 == 0:
        r[head.index("m")] += "00"; r[head.index("i")] = r[head.index("i")].replace(":00:00", ":00"); r[head.index("n")] = "0" + r[head.index("n")]
        r[head.index("j")] = '{"list":[1,2.0],"g":%d}' % (n + 1); r[head.index("ok")] = "yes" if r[head.index("ok")] == "t" else "0"
csv.writer(open("seeds/a.csv", "w"), lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerows(rows)
PY
same_answer "fifty rows written in other words" a digests
is "$(jq -c '.tables[] | [.missing, .changed, .extra]' <<<"$out")" '[2,4,2]' "what is equal as its type is no difference"
sql main d -c "update a set n = n + 1"
same_answer "all rows differ" a digests
sql main d -c "truncate a"
same_answer "no row is left" a digests
same_answer "an empty table, an empty fixture" empty digests
same_answer "references by natural key" child rows
so diff --url "$(url main d)" --seeds seeds child --digest
like "$out" '1 row, identical; row by row: its rows refer to others' "and says why"
sql main d -c "create table account (name text primary key, pass text)" -c "insert into account values ('a', 'secret12')"
printf 'table: account\nkey: [name]\nrows:\n  - {name: a, pass: !env PW}\n' >seeds/account.yaml
PW=secret12 so diff --url "$(url main d)" --seeds seeds account --digest
is "$rc" 0 "a secret value is compared"; like "$out" 'row by row: it has secret values' "but never by its hash"
unlike "$(grep -a hashtext "$T/main/server.log")" '"pass"' "which the server was not asked for"
rm seeds/account.yaml
sql main d -c "begin" -c "lock table word in access exclusive mode" -c "select pg_sleep(60)" >/dev/null 2>&1 & locker=$!
wait_for 10 sql main d -c "select 1/count(*) from pg_locks where relation = 'word'::regclass and mode = 'AccessExclusiveLock' and granted"
so diff --url "$(url main d)" --seeds seeds word --digest
is "$rc" 1 "a locked table fails"; like "$err" 'holds it exclusively' "and says who holds it"
kill $locker; wait $locker 2>/dev/null
finish
