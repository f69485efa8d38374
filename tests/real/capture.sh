#!/usr/bin/env bash
# capture: live rows become a fixture that finds nothing to say about them, whatever they hold.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit
cluster_start main
createdb_in main db
sql main db <<'SQL'
create type "Mood" as enum ('fine', 'so so');
create domain price as numeric(8,2);
create table "Parent" (id serial primary key, slug text not null unique, name text);
create table child (id int generated always as identity primary key, code varchar(40) not null, lang text not null,
    parent_id int references "Parent", n numeric(10,2), at timestamptz, d date, ok boolean, j json, b jsonb, tags text[],
    mood "Mood", raw bytea, p price, f float8, i interval, u uuid, password text,
    twice int generated always as (length(code) * 2) stored, unique (code, lang));
create table pair (a int references "Parent", b int references child, share numeric, primary key (a, b));
create table odd ("select" text primary key, "No" text, "x y" int);
create table nothing (id int primary key);
create table keyless (a int);
insert into "Parent" (slug, name) values ('rhone', 'Rhône'), ('it''s "so"', E'two\nlines'), ('no', null);
insert into child (code, lang, parent_id, n, at, d, ok, j, b, tags, mood, raw, p, f, i, u, password) values
    ('null', 'de', 1, 9.90, '2019-04-01T00:00:00.5Z', '2020-02-29', true, '{"a" : 1}', '{"k": "v: #x", "n": [1, 2.50]}',
     '{a,"b c",NULL,"NULL",""}', 'so so', '\x00ff10', 5, 1e100, '1 day 02:00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'hush'),
    ('0x1F', 'fr', 2, null, null, null, false, '"text"', '"a \"quoted\" one"', '{}', null, '', 0.1, 'NaN', '-1 mon', null, null),
    (E' lead \\ "q" \t tab ', 'it', 3, 0, '1999-12-31 23:59:59+05:30', null, null, '5', 'true', null, 'fine', null, null, -0.5, null, null, ''),
    ('~', 'e2', null, -1, null, null, null, '[]', '12.50', '{{1,2},{3,4}}', null, null, null, null, null, null, null);
insert into pair select p.id, c.id, 0.5 from "Parent" p, child c where c.code = 'null';
insert into odd values ('yes', '=', 1), ('é', E'\u202e', null), (E'\u00a0', E'\x7f', 2);
SQL
mkdir seeds
printf 'version: 1\nseeds: seeds\ntables:\n  child: {secret: [password]}\nenvironments:\n  test: {url: "%s"}\n' "$(url main db)" >seedops.yaml
for table in Parent child pair odd nothing; do
    so capture test "$table"
    is "$rc" 0 "capture $table"
    printf '%s\n' "$out" >"seeds/$table.yaml"
done
so diff test
is "$rc" 0 "what was captured is identical with what is there"
[ "$rc" = 0 ] || note "$out" "$err"
child=$(cat seeds/child.yaml)
like "$child" '^key: \[code, lang\]$' "the natural key is taken, not the identity"
like "$child" 'parent_id: !ref \{table: Parent, slug: "rhone"\}' "a parent is named by its own key"
unlike "$child" 'hush|  id:|twice' "secret, generated and surrogate columns are left out"
like "$child" '^# password is secret' "and the secret one is named"
like "$(cat seeds/pair.yaml)" 'a: !ref \{table: Parent' "a key made of references is written as references"
# the fixtures make the rows anew in another database
createdb_in main copy
"$PGBIN/pg_dump" -h "$T/main" -U postgres -s db | sql main copy >/dev/null
so seed --url "$(url main copy)" --seeds seeds
is "$rc" 0 "what was captured can be seeded elsewhere"; [ "$rc" = 0 ] || note "$out" "$err"
is "$(sql main copy -c 'select count(*) from child')" 4 "all of it"
same="select code, lang, n, at, d, ok, j::text, b, tags, mood, raw, p, f, i, u, twice from child order by code collate \"C\""
is "$(sql main copy -c "$same")" "$(sql main db -c "$same")" "and holds the same"
so capture test Chidl
is "$rc" 64 "a table that is not there is a usage error"
so capture test keyless
is "$rc" 1 "a table without a key cannot be captured"
like "$err" 'no primary key' "and it says why"
so capture test odd --output odd.yaml
is "$rc $(cmp odd.yaml seeds/odd.yaml && echo same)" "0 same" "--output writes the same into a file"
sql main db -c "insert into child (code, lang, b) values ('jn', 'de', 'null')"
so capture test child
is "$rc" 1 "a JSON null cannot be said in a fixture"
like "$err" 'JSON null' "and that is said"
finish
