#!/usr/bin/env bash
# diff --digest: the same answer as row by row, without the rows; what is refused digests, and that it is said.
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
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
is "$rc" 0 "identical by digests"; like "$out" '5000 rows, identical; by digests \(the server answers in [0-9]+ ms\)' "and says by what"
like "$(grep -c 'COPY (SELECT t\."code"' "$T/main/server.log")" '^0$' "no row of it was read"

# the same lines, in an order of their own
same_answer() { # NAME TABLE WAY
    so diff --url "$(url main d)" --seeds seeds "$2" --json; rows=$(jq -cS '.tables[] | del(.by, .why_rows, .cached, .reaction_ms) | .rows |= sort_by(tostring)' <<<"$out"); rows_rc=$rc
    so diff --url "$(url main d)" --seeds seeds "$2" --json --digest
    is "$(jq -cS '.tables[] | del(.by, .why_rows, .cached, .reaction_ms) | .rows |= sort_by(tostring)' <<<"$out")" "$rows" "$1: the same differences"
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

# ---- what is kept: found again, never for anything else, and no harm whatever becomes of it
kept=$XDG_CACHE_HOME/seedops; rm -rf "$kept"
sql main d <<'SQL'
create type mood as enum ('good', 'bad');
create domain cents as numeric(9,2);
create table m (id int primary key, mood mood, price cents, at timestamptz, w citext, j jsonb);
insert into m select g, 'good', g / 4.0, timestamptz '2020-01-01 00:00Z' + g * interval '1 h', 'W' || g, jsonb_build_object('g', g) from generate_series(1, 2000) g;
SQL
sql main d -At -F, -c "set timezone = 'Asia/Kolkata'" -c "select id, mood, price || '0', at, w, '\"' || replace(j::text, '\"', '\"\"') || '\"' from m order by id" | { echo id,mood,price,at,w,j; grep ,; } >seeds/m.csv
printf 'table: m\nkey: [id]\nrows: !csv m.csv\n' >seeds/m.yaml
m() { so diff --url "$(url main d)" --seeds seeds m --json --digest "$@"; found=$(jq -c '.tables[] | [.missing, .changed, .extra, .cached, .by]' <<<"$out" 2>/dev/null); }
m; is "$rc $found" '0 [0,0,0,false,"digests"]' "a fixture whose times are written in another zone"
is "$(stat -c %a "$kept") $(stat -c %a "$kept"/* | sort -u)" "700 600" "is kept where only we may look"
m; is "$rc $found" '0 [0,0,0,true,"digests"]' "and found again"
unlike "$(tail -n 5 "$T/main/server.log")" 'FULL JOIN' "as the server writes it: the sums alone are asked for"
m --rows; is "$rc" 64 "two ways at once are one too many"
so diff --url "$(url main d)" --seeds seeds m --json --rows; is "$rc $(jq -c '.tables[].by' <<<"$out")" '0 "rows"' "row by row when told to"
sql main d -c "update m set at = at + interval '1 s' where id = 7"
m; is "$rc $found" '4 [0,1,0,true,"digests"]' "what has changed since is found with it"
sql main d -c "update m set at = at - interval '1 s' where id = 7" -c "alter table m alter at type timestamp"
m; is "$rc $found" '4 [0,2000,0,false,"digests"]' "another type: the texts may be the same, but what is kept is another's"
sql main d -c "alter table m alter at type timestamptz using at at time zone 'UTC'" -c "alter table m alter w type text"
sql main d -c "update m set w = lower(w) where id = 3"
m; is "$rc $found" '4 [0,1,0,false,"digests"]' "citext that has become text"
m; is "$rc $found" '4 [0,1,0,true,"digests"]' "and as text again"
sql main d -c "update m set w = upper(w)" -c "alter table m alter w type citext"
m; is "$rc $found" '0 [0,0,0,true,"digests"]' "of the first types it is as it was"
sql main d -c "alter type mood rename value 'bad' to 'sad'"
m; is "$rc $found" '0 [0,0,0,false,"digests"]' "another label of an enumeration"
sql main d -c "alter type mood rename value 'good' to 'well'"
m; is "$rc" 1 "a fixture whose label is gone is refused"; like "$out$err" 'seeds/m.csv:2' "at its place"
sql main d -c "alter type mood rename value 'well' to 'good'" -c "create domain whole as numeric(9,0)" -c "alter table m alter price type whole"
m; is "$rc $found" '0 [0,0,0,false,"digests"]' "another domain, which rounds the fixture as it rounded the rows"
sql main d -c "alter table m alter price type cents" -c "update m set price = id / 4.0"
m; is "$rc $found" '0 [0,0,0,true,"digests"]' "and back"
sed -i '5s/,good,/,sad,/' seeds/m.csv
m; is "$rc $found" '4 [0,1,0,false,"digests"]' "another byte in the fixture is another fixture"
sed -i '5s/,sad,/,bad,/' seeds/m.csv
m; is "$rc" 1 "a wrong one is refused"; like "$out$err" 'seeds/m.csv:5' "at its place, as ever"
sed -i '5s/,bad,/,good,/' seeds/m.csv
m; is "$rc $found" '0 [0,0,0,true,"digests"]' "what was kept of the right one is still there"
for f in "$kept"/*; do printf 'x' | dd of="$f" bs=1 seek=100 conv=notrunc status=none; done
m; is "$rc $found" '0 [0,0,0,false,"digests"]' "a spoilt entry is as if there were none"
m; is "$rc $found" '0 [0,0,0,true,"digests"]' "and is written anew"
chmod 644 "$kept"/*; m; is "$rc $found" '0 [0,0,0,false,"digests"]' "one that others may read is not ours"
chmod 600 "$kept"/*
for f in "$kept"/*; do mv "$f" "$T/away"; ln -sf "$T/away" "$f"; done; links=$(find "$kept" -type l | wc -l)
m; is "$rc $found" '0 [0,0,0,false,"digests"]' "nor is a link"
like "$((links - $(find "$kept" -type l | wc -l))) $(stat -c %a "$T/away")" '^[12] 600$' "which is replaced, and what it led to left alone"
chmod 755 "$kept"; m; is "$rc $found" '0 [0,0,0,false,"digests"]' "a directory that others may enter is not used"
is "$(stat -c %a "$kept")" 755 "and left as it is"
rm -rf "$kept"; ln -s "$T" "$kept"; before=$(ls "$T"); m; is "$rc $found" '0 [0,0,0,false,"digests"]' "nor one behind a link"
is "$(ls "$T")" "$before" "where nothing is written"
rm "$kept"; XDG_CACHE_HOME=/proc m; is "$rc" 0 "where nothing can be kept the work is done without"
SEEDOPS_CACHE=off m; is "$rc $([ -e "$kept" ] && echo there)" "0 " "SEEDOPS_CACHE=off keeps nothing"
printf 'version: 1\nseeds: seeds\ncache: off\nenvironments:\n  local: {url: "%s"}\n' "$(url main d)" >off.yaml
so diff local --config off.yaml m --digest; is "$rc $([ -e "$kept" ] && echo there)" "0 " "nor does cache: off"
m; echo "1,good,1.00,2020-01-01 00:00:00+00,w,{}" >>seeds/m.csv
m; is "$rc" 1 "a key that is there twice"; like "$out$err" 'two rows have the key' "is still found"
sed -i '$d' seeds/m.csv

# ---- "today" and the names of zones mean another value another day: the server is asked each time
sql main d -c "create table day (id int primary key, d date, at timestamptz)" -c "insert into day values (1, current_date, '2020-01-01 00:00Z')"
printf 'table: day\nkey: [id]\nrows:\n  - {id: 1, d: today, at: 2020-01-01 01:00 Europe/Zurich}\n' >seeds/day.yaml
so diff --url "$(url main d)" --seeds seeds day --json --digest; is "$rc" 0 "a date that is written as today"
sql main d -c "update day set d = d - 1"
so diff --url "$(url main d)" --seeds seeds day --json --digest; is "$rc $(jq -c '.tables[] | [.changed, .cached]' <<<"$out")" '4 [1,true]' "is not kept as the day it was"
sql main d -c "update day set d = d + 1"; seen=$(wc -l <"$T/main/server.log")
so diff --url "$(url main d)" --seeds seeds day --json --digest; is "$rc" 0 "and is found equal"
like "$(tail -n "+$seen" "$T/main/server.log")" 'FULL JOIN' "by asking"

# ---- the choice
sql main d -c "create table big (id int primary key, v text)" -c "insert into big select g, 'value ' || g from generate_series(1, 30000) g" -c "analyze big" \
    -c "\copy (select * from big order by id) to 'seeds/big.csv' (format csv, header)"
printf 'table: big\nrows: !csv big.csv\n' >seeds/big.yaml
big() { so diff --url "$(url main d)" --seeds seeds big "$@"; }
big; is "$rc" 0 "a larger table, near"; like "$out" "30000 rows, identical; row by row: the fixture's digests are not known yet \(the" "is read the first time"
big; like "$out" '30000 rows, identical; by digests \(the fixture.s from the cache, the' "and added up the next"
sql main d -c "update big set v = v || '!' where id in (100, 20000)" -c "delete from big where id = 300" -c "insert into big values (-1, 'new')"
big; is "$rc" 4 "three rows differ"; like "$out" '1 missing, 2 changed, 1 extra \(1 allowed\); by digests' "and are found by digests"
sql main d -c "update big set v = v || '!' where id % 20 = 0"
big --json; is "$(jq -c '.tables[] | [.missing, .changed, .extra, .by, .why_rows, .reaction_ms >= 0]' <<<"$out")" \
    '[1,1499,1,"rows","a sample of its rows differs",true]' "a twentieth differs: row by row"
big --digest; like "$out" '1499 changed, 1 extra \(1 allowed\); by digests' "unless told otherwise"
sql main d -c "insert into big select g, 'more' from generate_series(40001, 42000) g"
wait_for 10 sql main d -c "select 1 / (n_tup_ins >= 32000)::int from pg_stat_user_tables where relname = 'big'"
big --json; is "$(jq -c '.tables[] | [.extra, .by, .why_rows]' <<<"$out")" '[2001,"rows","the table has many more rows than the fixture"]' \
    "nor where rows came since the last analyze"
# ---- over a link: sums first, and where many buckets differ, more of them, before rows are all sent
sql main d -c "create table far (id int primary key, v text)" -c "insert into far select g, 'a value of some length ' || g from generate_series(1, 300000) g" \
    -c "analyze far" -c "\copy (select * from far) to 'seeds/far.csv' (format csv, header)"
printf 'table: far\nkey: [id]\nprune: true\nrows: !csv far.csv\n' >seeds/far.yaml
port=$((20000 + RANDOM % 10000)); : >counts
background python3 "$here/../../bench/link.py" "$T/main/.s.PGSQL.5432" $port "$T/counts" 50 0
check "a relay listens" wait_for 10 bash -c ": </dev/tcp/127.0.0.1/$port"
far() { : >"$T/counts"; so diff --url "postgresql://postgres@127.0.0.1:$port/d" --seeds seeds far --json "$@"; wait_for 10 test -s "$T/counts"
    found=$(jq -c '.tables[] | [.missing, .changed, .extra, .cached, .by, .reaction_ms >= 100]' <<<"$out"); bytes=$(tail -n 1 "$T/counts" | tr ' ' +); }
far; is "$rc $found" '0 [0,0,0,false,"digests",true]' "for the first time, far away"
far; is "$rc $found" '0 [0,0,0,true,"digests",true]' "and again"
check "in few bytes" [ $((bytes)) -lt 60000 ]
sql main d -c "update far set v = 'x' where id % 150 = 7" -c "delete from far where id % 300 = 8" -c "insert into far select -g, 'y' from generate_series(1, 500) g"
far; is "$rc $found" '4 [1000,2000,500,true,"digests",true]' "three thousand rows are not as they were"
check "which takes a part of what all rows take" [ $((bytes)) -lt $(($(stat -c %s seeds/far.csv) / 2)) ]
rows=$(jq -cS '.tables[].rows' <<<"$out")
so diff --url "$(url main d)" --seeds seeds far --json --rows; is "$(jq -cS '.tables[].rows' <<<"$out")" "$rows" "and they are those that all rows tell"
sql main d -c "update far set v = 'z' where id % 3 = 0"
far; is "$rc $(jq -c '.tables[] | [.changed, .by, .why_rows]' <<<"$out")" '4 [102000,"rows","too many rows differ"]' "a third differs: all are sent"

# ---- few declared rows among very many others: those of either side count
mkdir most; sql main d -c "create table most (id int primary key, v text)" -c "insert into most select g, 'v' from generate_series(1, 110000) g" -c "analyze most"
{ echo id,v; for g in $(seq 1000); do echo "$g,v"; done; } >most/most.csv; printf 'table: most\nkey: [id]\nrows: !csv most.csv\n' >most/most.yaml
so diff --url "$(url main d)" --seeds most --json --digest
is "$rc $(jq -c '.tables[] | [.extra, .by, .why_rows]' <<<"$out")" '0 [109000,"rows","too many rows differ"]' "a table that holds many more rows is not fetched at once"

# ---- a seed goes the same way: nothing to do is found by sums, and what it writes it finds by them
mkdir only; cp seeds/big.* only/; sql main d -c "drop table big" -c "create table big (id int primary key, v text)" -c "\copy big from 'only/big.csv' (format csv, header)" -c "analyze big"
seen=$(($(wc -l <"$T/main/server.log") + 1)); so seed --url "$(url main d)" --seeds only
is "$rc" 0 "a seed with nothing to do"; like "$out" 'nothing to write' "says so"
unlike "$(tail -n "+$seen" "$T/main/server.log")" 'COPY|txid_current' "reads no rows and begins no writing"
sql main d -c "update big set v = 'old' where id = 77" -c "delete from big where id = 29000"
seen=$(($(wc -l <"$T/main/server.log") + 1)); so seed --url "$(url main d)" --seeds only --json
is "$rc $(jq -c '[.applied, .before.big, .after.big]' <<<"$out")" '0 [true,29999,30000]' "one row is written anew, one put back"
unlike "$(tail -n "+$seen" "$T/main/server.log")" 'COPY \(SELECT' "without any others being read"
is "$(sql main d -c "select count(*), md5(string_agg(t::text, ',' order by id)) from big t")" \
    "$(sql main d -c "create temp table f (like big)" -c "\copy f from 'only/big.csv' (format csv, header)" -c "select count(*), md5(string_agg(t::text, ',' order by id)) from f t" | tail -n 1)" "and the table is as declared"
so diff --url "$(url main d)" --seeds seeds word --json; is "$(jq -c '.tables[] | [.by, .why_rows, .reaction_ms]' <<<"$out")" '["rows",null,null]' "of a small table nothing is asked"
sql main d -c "begin" -c "lock table word in access exclusive mode" -c "select pg_sleep(60)" >/dev/null 2>&1 & locker=$!
wait_for 10 sql main d -c "select 1/count(*) from pg_locks where relation = 'word'::regclass and mode = 'AccessExclusiveLock' and granted"
so diff --url "$(url main d)" --seeds seeds word --digest
is "$rc" 1 "a locked table fails"; like "$out$err" 'holds it exclusively' "and says who holds it"
kill $locker; wait $locker 2>/dev/null
finish
