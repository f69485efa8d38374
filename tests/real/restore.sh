#!/usr/bin/env bash
# Restore: what a safepoint holds comes back byte for byte, into tables of every kind, in any state they are in now.
. "$(dirname "$0")/../lib.sh"
BUILD=${BUILD:-$(dirname "$(command -v "$SEEDOPS")")}
cluster_start main || exit 1
SAFE=$T/safe
db() { sql main "$D" "$@"; }
# What there is, in pg_dump's words; sequences apart, because numbers that were drawn stay drawn.
dump() { "$PGBIN/pg_dump" -h "$T/main" -U postgres --data-only --inserts --column-inserts "$1" 2>/dev/null | grep -vE '^(--|SET |SELECT pg_catalog\.set|\\(un)?restrict|$)' | sort; }
rows_of_types() { sql main "$1" -c "select t from \"Odd Schema\".\"Sta\"\"tion %s\" t where id <> 2 and id < 101 order by id"; }
# save SQL SECTION...: rows into a safepoint, then the SQL, committed together; its path in $S
save() { S=$("$BUILD/tests/real/safepoint_driver" "$T/main" "$D" "$SAFE" "$@"); }
restore() { so restore --url "$(url main "$D")" "$@"; }
confirmed() { restore --confirm "$D@$T/main" "$@"; }
base() { D=$1; createdb_in main "$D"; }
cd "$T" || exit

# ---- types ----
base types
db <<'SQL'
create extension citext;
create schema "Odd Schema";
create type mood as enum ('sad', 'ok', 'happy');
create type pair as (a int, b text);
create domain positive as int check (value > 0);
create table "Odd Schema"."Sta""tion %s"  (
  id int generated always as identity primary key, "na me" text, m mood, ms mood[], j jsonb, js json, b bytea,
  r int4range, rs tstzrange, n numeric, f float8, f4 real, ts timestamptz, d date, iv interval, c citext unique, p pair,
  dom positive, u uuid, ch char(5), vc varchar(7), bits bit varying, ip inet, x xml, arr int[][], txt text,
  twice int generated always as (length("na me") * 2) stored, bo bool, mo money, pt point, t2 text collate "C");
insert into "Odd Schema"."Sta""tion %s" ("na me", m, ms, j, js, b, r, rs, n, f, f4, ts, d, iv, c, p, dom, u, ch, vc, bits, ip, x, arr, txt, bo, mo, pt, t2)
select 'Rhône' || E'\t\\N\n' || i, 'happy', '{sad,NULL,ok}', '{"a": [1, 2.50, "x\u00e9"]}', '{"b" : 1,  "b": 2}', '\x00ff5c6e',
  '[1,5)', '[2026-01-01 00:00+02,infinity)', 1.500 / i, 1e-300 * i, 0.1, '2026-03-29 02:30:00.123456+01', '0044-03-15 BC', '1 mon -3 days 04:05:06.7',
  'CiText' || i, format('(%s,"a,""b")', i)::pair, i, md5(i::text)::uuid, 'ab', 'abc', B'10110', '10.0.0.1/8', '<a>&amp;</a>', '{{1,2},{3,4}}',
  case when i = 2 then null when i = 3 then '\.' else '' end, i % 2 = 0, 12.34, '(1,2)', 'Z' from generate_series(1, 5) i;
insert into "Odd Schema"."Sta""tion %s" (id, c) overriding system value values (100, 'nulls');
SQL
before=$(dump types)
save 'delete from "Odd Schema"."Sta""tion %s" where id <> 2' 'deleted:Odd Schema.Sta"tion %s:FROM "Odd Schema"."Sta""tion %s" t WHERE id <> 2'
is "$(db -c 'select count(*) from "Odd Schema"."Sta""tion %s"')" 1 "the rows are gone"
restore "$S"
is "$rc" 5 "without the name typed, nothing"
restore "$S" --dry-run
is "$rc" 0 "a dry run needs no name"
like "$out" 'insert +5 +Sta"tion %s' "and says what would come back"
is "$(db -c 'select count(*) from "Odd Schema"."Sta""tion %s"')" 1 "and writes nothing"
confirmed "$S"
is "$rc" 0 "restored"
is "$(dump types)" "$before" "every type comes back byte for byte, generated columns and identity as well"
is "$(db -c 'select twice from "Odd Schema"."Sta""tion %s" where id = 1')" 20 "what is generated is generated again"
confirmed "$S" --json
is "$rc $(jq -c '[.applied, .plan.steps[1].action]' <<<"$out")" '0 [false,"leave"]' "a second restore changes nothing"
is "$(db -c "insert into \"Odd Schema\".\"Sta\"\"tion %s\" (c) values ('next') returning id")" 101 "the identity goes on behind the highest"

# ---- the same into another database, by SQL as well ----
"$PGBIN/pg_dump" -h "$T/main" -U postgres --schema-only types >"$T/schema.sql"
base copy
db -f "$T/schema.sql" >/dev/null
confirmed "$S"
is "$rc" 0 "it works on another database of the same schema"
like "$out" 'of another database' "and says so"
is "$(rows_of_types copy | grep -c CiText)" 4 "its rows are there"
is "$(rows_of_types copy)" "$(rows_of_types types)" "byte for byte"
base plain
db -f "$T/schema.sql" >/dev/null
so restore --to-sql "$S"
is "$rc" 0 "to-sql needs no database"
printf '%s\n' "$out" >"$T/rows.sql"
check "psql reads what to-sql writes" "$PSQL" -Xq -h "$T/main" -U postgres -d plain -f "$T/rows.sql"
is "$(dump plain)" "$(dump copy)" "and the rows are the same"
check "twice does no harm" "$PSQL" -Xq -h "$T/main" -U postgres -d plain -f "$T/rows.sql"
is "$(dump plain)" "$(dump copy)" "nothing is doubled"
is "$(db -c "insert into \"Odd Schema\".\"Sta\"\"tion %s\" (c) values ('next') returning id")" 101 "its sequences go on, too"
so restore --to-sql "$S" --output "$T/rows.sql"
is "$rc" 1 "an existing file is not overwritten"
so restore --to-sql "$S" --output "$T/rows2.sql"
is "$rc $(stat -c %a "$T/rows2.sql") $(cmp "$T/rows.sql" "$T/rows2.sql" && echo same)" "0 600 same" "a new one is, for our eyes only"

# ---- graphs: cascade, cycle, self reference, partitions, composite keys, no key at all ----
base graph
db <<'SQL'
create table country (code text primary key, capital int not null);
create table city (id int primary key, country text not null references country, parent int references city);
alter table country add foreign key (capital) references city;   -- not deferrable, not nullable: a circle
create table a (id serial primary key, b int); create table b (id int primary key, a int references a deferrable);
alter table a add foreign key (b) references b deferrable;
create table m (station text, at date, v int, primary key (station, at)) partition by range (at);
create table m1 partition of m for values from ('2026-01-01') to ('2026-02-01');
create table m2 partition of m for values from ('2026-02-01') to ('2026-03-01');
create table child (id int primary key, station text, at date, note text, foreign key (station, at) references m);
create table heap (x text, y json);
create table opt (id int primary key, city int references city on delete set null, v int default 7, w int);
with c as (insert into country values ('ch', 1), ('fr', 2)) insert into city values (1, 'ch', null), (2, 'fr', null), (3, 'ch', 1), (4, 'ch', 3);
insert into b values (1, null); insert into a values (1, 1), (2, 1); update b set a = 2;
insert into m select 's' || i, '2026-01-30'::date + i, i from generate_series(0, 9) i;
insert into child select i, 's' || i, '2026-01-30'::date + i, 'n' from generate_series(0, 9) i;
insert into heap values ('a', '{"x": 1}'), ('a', '{"x": 1}'), ('a', '{"x": 1}'), ('b', null), (null, null);
insert into opt values (1, 1, 7, 1), (2, 2, 8, 2), (3, 3, 9, 3);
SQL
before=$(dump graph)
save "alter table country disable trigger all; alter table city disable trigger all; delete from country; delete from city; update opt set city = null;
      alter table country enable trigger all; alter table city enable trigger all;
      set constraints all deferred; delete from a; delete from b; delete from child; delete from m; delete from heap where ctid in (select ctid from heap limit 3)" \
     "deleted:country:" "deleted:city:" "changed:opt:city=\\N:FROM public.opt t WHERE city is not null" "deleted:a:" "deleted:b:" \
     "deleted:child:" "deleted:m:" "deleted:heap:FROM public.heap t"
is "$(db -c 'select count(*) from city')" 0 "circles are emptied"
confirmed "$S"
is "$rc" 0 "circles, partitions, self references and tables without keys are restored"
is "$(dump graph)" "$before" "as they were"
like "$out" 'set back +3 +opt' "SET NULL is set back without a question"
like "$out" 'insert +3 +heap' "of equal rows without a key as many as are missing"
confirmed "$S"
is "$rc $(grep -c 'nothing to write' <<<"$out")" "0 1" "and a second time nothing"
is "$(db -c "insert into a (b) values (null) returning id")" 3 "a serial goes on behind the highest"

# ---- changed since ----
db -c "update opt set city = 3 where id = 1; update opt set city = null where id = 2; update m set v = 99 where station = 's1'; delete from opt where id = 3; delete from child where id = 5"
restore "$S" --dry-run
like "$out" 'changed +1 +m +changed since: s1' "what was changed since is named"
like "$out" 'changed +1 +opt +changed since: 1' "also among rows that the action had changed"
like "$out" 'leave +1 +opt +deleted since: 3' "a row that was only changed by the action and deleted later is not ours to bring back"
confirmed "$S"
is "$rc" 5 "without an answer nothing is overwritten"
like "$err" '\-\-changed leave or --changed overwrite' "the options are named"
confirmed "$S" --changed sometimes
is "$rc" 64 "another word is no answer"
confirmed "$S" --changed leave
is "$rc $(db -c "select city from opt where id = 1") $(db -c "select city from opt where id = 2") $(db -c "select v from m where station = 's1'") $(db -c 'select count(*) from child')" "0 3 2 99 10" "leave leaves, and the rest comes back"
confirmed "$S" --changed overwrite --json --safepoint-dir "$T/kept"
is "$rc $(db -c "select city from opt where id = 1") $(db -c "select v from m where station = 's1'")" "0 1 1" "overwrite overwrites"
K=$(jq -r .kept <<<"$out")
check "what it overwrote is in a safepoint of its own" test -f "$K"
confirmed "$K"
is "$rc $(db -c "select city from opt where id = 1") $(db -c "select v from m where station = 's1'")" "0 3 99" "which brings the newer values back, without a question"
confirmed "$S" --changed overwrite --safepoint-dir "$T/kept"
like "$out" "the newer values are kept in $T/kept/" "the path is said"
confirmed "$S" --json
is "$rc $(jq -c .kept <<<"$out")" "0 null" "nothing overwritten, nothing kept"
confirmed "$K" --changed overwrite --safepoint-dir /proc/nowhere
is "$rc $(db -c "select v from m where station = 's1'")" "0 99" "values that the action gave are set back without a safepoint"
db -c "update m set v = 100 where station = 's1'"
confirmed "$S" --changed overwrite --safepoint-dir /proc/nowhere
is "$((rc > 0)) $(db -c "select v from m where station = 's1'")" "1 100" "without a place to save them nothing is overwritten"
confirmed "$S" --changed overwrite --safepoint-dir "$T/kept"
is "$rc $(db -c "select v from m where station = 's1'")" "0 1" "with one it is"

# ---- conflicts ----
base conflict
db <<'SQL'
create table p (id int primary key, code text unique);
create table c (id int primary key, p int references p);
create table g (id int primary key, c int references c);
insert into p values (1, 'one'), (2, 'two'), (3, 'three'); insert into c values (1, 1), (2, 2); insert into g values (1, 1), (2, 2);
SQL
save "delete from g; delete from c; delete from p where id < 3" "deleted:p:FROM public.p t WHERE id < 3" "deleted:c:" "deleted:g:"
db -c "insert into p values (9, 'one')"
restore "$S" --dry-run --json
is "$(jq -c '[.plan.steps[1:][] | [.action, .object, .rows]]' <<<"$out")" '[["insert","p",1],["conflict","p",1],["insert","c",1],["conflict","c",1],["insert","g",1],["conflict","g",1]]' "a taken value, and all that hangs on the row, to any depth"
confirmed "$S"
is "$rc $(db -c 'select count(*) from c')" "1 0" "nothing comes back by half unasked"
like "$err" '\-\-partial puts back the rest' "how to is said"
confirmed "$S" --partial
is "$rc $(db -c "select string_agg(id::text, ',' order by id) from p") $(db -c 'select id from c') $(db -c 'select id from g')" "0 2,3,9 2 2" "--partial puts back the rest"
save "delete from g; delete from c" "deleted:c:" "deleted:g:"
db -c "delete from p where id = 2"
restore "$S" --dry-run
like "$out" 'conflict +1 +c +the row it refers to is gone: 2' "a parent that is gone is found before"

db -c "create table x (id int primary key, a int, during int4range, exclude using gist (during with &&)); create unique index on x ((abs(a)))"
db -c "insert into x values (1, 1, '[1,5)'), (2, 2, '[5,9)')"
save "delete from x" "deleted:x:"
db -c "insert into x values (7, -1, '[20,21)')"
confirmed "$S"
is "$rc $(db -c 'select count(*) from x')" "1 1" "what only an index over an expression forbids is the server's word"
like "$err" 'x_abs_idx|abs\(a\)' "which names it"

# ---- the same rows under other numbers, as after a reset ----
base again
db <<'SQL'
create table station (id serial primary key, code text unique not null, up int references station);
create table sensor (id serial primary key, station int not null references station, kind text not null, unique (station, kind));
create table link (a int references station, b int references station, primary key (a, b));
create table measured (id bigserial primary key, sensor int not null references sensor on delete cascade, station int references station, v int, unique (sensor, v));
insert into station (code) values ('x'), ('y'), ('z'); update station set up = 1 where id > 1;
insert into sensor (station, kind) select s.id, k from station s, unnest('{level,flow}'::text[]) k;
insert into link values (1, 2), (2, 3); insert into measured (sensor, station, v) select s.id, s.station, g from sensor s, generate_series(1, 50) g;
SQL
named="select st.code, se.kind, m.id, m.v, (select code from station where id = m.station) from measured m join sensor se on se.id = m.sensor join station st on st.id = se.station order by m.id"
links="select x.code, y.code from link join station x on x.id = a join station y on y.id = b order by 1"
before=$(db -c "$named"; db -c "$links")
save "delete from measured; delete from link; delete from sensor; delete from station" "deleted:station:" "deleted:sensor:" "deleted:link:" "deleted:measured:"
db -c "insert into station (code) values ('z'), ('y'), ('x'); update station set up = 6 where id < 6; insert into sensor (station, kind) select s.id, k from station s, unnest('{flow,level}'::text[]) k"
confirmed "$S"
is "$rc $(db -c 'select count(*) from measured')" "1 0" "the same rows under other numbers are a conflict"
like "$err" '\-\-renumber takes them for that' "with the way out of it"
confirmed "$S" --renumber
is "$rc" 0 "--renumber takes them for the same"; [ "$rc" = 0 ] || note "$err" "$out"
is "$(db -c "$named"; db -c "$links")" "$before" "and what refers to them follows"
is "$(db -c 'select count(*) from station; select count(*) from sensor')" "3
6" "they themselves are not doubled"
confirmed "$S" --renumber
is "$rc $(grep -c 'nothing to write' <<<"$out")" "0 1" "a second time there is nothing to do"

# ---- the schema moved on ----
base moved
db <<'SQL'
create table t (id int primary key, a text, b text, n text, gone text); create table dropped (id int primary key);
insert into t select i, 'a' || i, 'b', i::text, 'g' from generate_series(1, 3) i; insert into dropped values (1);
SQL
save "delete from t; delete from dropped" "deleted:t:" "deleted:dropped:"
db -c "drop table dropped; alter table t drop column gone, add column fresh int default 5, alter n type int using n::int, alter a type int using null, alter b type varchar(20)"
restore "$S" --dry-run
like "$out" 'lost .*dropped +the table is gone' "a table that is gone is named"
like "$out" 'lost .*column "gone" was dropped since' "so is a dropped column"
like "$out" 'note .*column "fresh" was added since: rows get its default' "an added one"
like "$out" 'note .*column "n" was text and is integer now' "one of another type"
like "$out" 'lost .*the values of column "a" do not fit integer' "and one whose values no longer fit"
confirmed "$S"
is "$rc" 1 "it is not done by half unasked"
confirmed "$S" --partial
is "$rc $(db -c "select string_agg(t::text, ' ' order by id) from t")" "0 (1,,b,1,5) (2,,b,2,5) (3,,b,3,5)" "what fits comes back when asked to"

db -c "create table kept (id int primary key); create table strict (id int primary key); create table below (id int primary key, s int references strict); insert into kept values (1); insert into strict values (1); insert into below values (1, 1), (2, null)"
save "delete from kept; delete from below; delete from strict" "deleted:kept:" "deleted:strict:" "deleted:below:"
db -c "alter table strict add column must int not null"
confirmed "$S"
is "$rc" 1 "rows that lack a value that is wanted now cannot be put back"
confirmed "$S" --partial
is "$rc $(db -c "select (select count(*) from kept), (select count(*) from strict), (select string_agg(id::text, ',') from below)")" "0 1|0|2" "the rest comes back when asked to, without what hangs on them"
unlike "$out" 'leave +1 +strict' "nobody claims that it is there"
like "$out" 'lost .*strict +column "must" was added since, takes no NULL' "and it is said why"

# ---- triggers ----
base triggers
db <<'SQL'
create table t (id int primary key, v text); create table log (n serial, id int); insert into t values (1, 'x'), (2, 'y');
create function up() returns trigger language plpgsql as $$ begin new.v := upper(new.v); return new; end $$;
create function note() returns trigger language plpgsql as $$ begin insert into public.log (id) values (new.id); return new; end $$;
SQL
save "delete from t" "deleted:t:"
db -c "create trigger note after insert on t for each row execute function note()"
confirmed "$S"
is "$rc $(db -c 'select count(*) from log')" "0 2" "triggers fire by default"
db -c "delete from t; create trigger up before insert on t for each row execute function up()"
confirmed "$S"
is "$rc $(db -c 'select count(*) from t')" "1 0" "one that changes rows takes everything back"
like "$err" 'would not be as they were saved' "and is the reason"
printf 'restore_triggers: disable\nenvironments:\n  here: {url: "%s"}\n' "$(url main triggers)" >seedops.yaml
db -c "alter table t enable always trigger note"
so restore here "$S" --confirm here
is "$rc $(db -c 'select string_agg(v, $$,$$ order by id) from t') $(db -c 'select count(*) from log')" "0 x,y 2" "restore_triggers: disable keeps them out"
is "$(db -c "select string_agg(tgname || tgenabled::text, ' ' order by tgname) from pg_trigger where not tgisinternal")" "noteA upO" "and leaves them as they were"
db -c "create table parted (id int primary key, v text) partition by range (id); create table low partition of parted for values from (0) to (10);
       create table high partition of parted for values from (10) to (20); insert into parted values (1, 'x'), (11, 'y');
       create trigger whole after insert on parted for each row execute function note(); create trigger own after insert on low for each row execute function note();
       create trigger sleeps after insert on high for each row execute function note(); alter table high disable trigger sleeps; alter table low enable always trigger own;
       alter table high disable trigger whole"
states() { db -c "select string_agg(tgrelid::regclass || '.' || tgname || tgenabled::text, ' ' order by tgrelid::regclass::text, tgname) from pg_trigger where not tgisinternal"; }
before=$(states); logged=$(db -c 'select count(*) from log')
kept=$S; save "delete from parted" "deleted:parted:"
so restore here "$S" --confirm here; rm "$S"; S=$kept
is "$rc $(db -c 'select count(*) from parted') $(db -c 'select count(*) from log')" "0 2 $logged" "a partition's triggers are kept out as well" || note "$err"
is "$(states)" "$before" "and each is left as it was, also one that was off"
sed -i 's/disable/perhaps/' seedops.yaml
so restore here "$S" --confirm here
is "$rc" 1 "another word is refused"
like "$err" "it takes fire or disable" "and the right ones are named"
rm seedops.yaml; SAVED=$S
db -c "delete from t; create function away() returns trigger language plpgsql as 'begin return null; end'; create trigger away before insert on t for each row when (new.id = 1) execute function away(); drop trigger up on t"
confirmed "$S"
is "$rc $(db -c 'select count(*) from t')" "1 0" "one that keeps a row out as well"

# ---- a seed that changes rows ----
base seeded
db <<'SQL'
create table parent (id int generated always as identity primary key, code text unique not null);
create table item (id serial primary key, code text unique not null, price numeric(10,2), tag char(5), parent int references parent, own text, at timestamptz default now());
SQL
mkdir seeds
printf 'table: parent\nkey: [code]\nrows:\n  - {code: a}\n  - {code: b}\n' >seeds/parent.yaml
{ printf 'table: item\nkey: [code]\nrows:\n'; for i in 1 2 3; do printf '  - {code: i%d, price: "1.5", tag: x, parent: !ref {table: parent, code: a}}\n' $i; done; } >seeds/item.yaml
so seed --url "$(url main seeded)" --seeds seeds --json
is "$rc $(jq -c .safepoint <<<"$out")" "0 null" "inserts need no safepoint"
before=$(dump seeded)
sed -i 's/price: "1.5", tag: x, parent: !ref {table: parent, code: a}/price: "2.5", tag: y, parent: !ref {table: parent, code: b}/' seeds/item.yaml
so seed --url "$(url main seeded)" --seeds seeds --dry-run --json
is "$(ls "$T/state/seedops/safepoints" 2>/dev/null | wc -l)" 0 "nor does a dry run"
so seed --url "$(url main seeded)" --seeds seeds --json
S=$(jq -r .safepoint <<<"$out")
is "$rc $(test -s "$S" && stat -c %a "$S")" "0 600" "a seed that changes rows saves their old values"
so seed --url "$(url main seeded)" --seeds seeds --json
is "$rc $(jq -c '[.safepoint, .applied]' <<<"$out") $(ls "$T/state/seedops/safepoints" | wc -l)" '0 [null,false] 1' "a second seed saves nothing"
db -c "update item set own = 'mine' where id = 1"
confirmed last
is "$rc" 0 "restored without a question: what the seed wrote is still there"
[ "$rc" = 0 ] || note "$err"
is "$(db -c "select string_agg(own, '') from item")" mine "other columns are left alone"
db -c "update item set own = null"
is "$(dump seeded)" "$before" "the old values are back"
so seed --url "$(url main seeded)" --seeds seeds --json
db -c "update item set price = 9 where id = 2"
restore "$(jq -r .safepoint <<<"$out")" --dry-run
like "$out" 'set back +2 +item' "what the seed wrote is told from"
like "$out" 'changed +1 +item +changed since: i2' "what someone wrote since"
sed -i 's/price: "2.5"/price: "3.5"/' seeds/item.yaml
so seed --url "$(url main seeded)" --seeds seeds --safepoint-dir /proc/nowhere
is "$rc $(db -c "select price from item where id = 1")" "1 2.50" "no room where it was asked for: nothing is written"
XDG_STATE_HOME=/proc/nowhere so seed --url "$(url main seeded)" --seeds seeds
is "$rc $(db -c "select price from item where id = 1")" "0 3.50" "without a writable disk a seed still runs"
like "$err" 'the old values of 3 rows are not saved' "and says what is not kept"
so seed --url "$(url main seeded)" --seeds seeds
before=$(ls "$T/state/seedops/safepoints" | wc -l)
db -c "update item set price = 1; create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'; create trigger no before update on item for each row execute function no()"
so seed --url "$(url main seeded)" --seeds seeds
is "$rc $(ls -A "$T/state/seedops/safepoints" | wc -l)" "1 $before" "a seed that fails leaves no safepoint"

# ---- plans, files, faults ----
D=triggers S=$SAVED
db -c "drop trigger away on t"
restore "$S" --dry-run --json; digest=$(jq -r .plan.digest <<<"$out")
db -c "insert into t values (2, 'y')"
confirmed "$S" --plan-digest "$digest"
is "$rc $(db -c 'select count(*) from t')" "5 1" "another plan than the reviewed one is not carried out"
db -c "delete from t"
confirmed "$S" --plan-digest "${digest:0:3}"
is "$rc" 64 "a digest too short to mean anything is a usage error"
confirmed "$S" --plan-digest "${digest:0:12}"
is "$rc $(db -c 'select count(*) from t')" "0 2" "the reviewed one is"
restore "$S" --confirm "$D@elsewhere"
is "$rc" 5 "a wrong name is refused"
so restore --list --safepoint-dir "$SAFE"
like "$out" 'ago, .*before prune of test' "the list shows age, size and why"
so restore --list --safepoint-dir "$SAFE" --json
is "$(jq -r '.safepoints[0].path' <<<"$out")" "$S" "newest first"
is "$(jq -c '.safepoints[0].tables' <<<"$out")" '[{"schema":"public","table":"t","kind":"deleted","rows":2}]' "and what it holds"
ID=$(basename "$S" .safepoint)
db -c "delete from t"
confirmed "$ID" --safepoint-dir "$SAFE"
is "$rc $(db -c 'select count(*) from t')" "0 2" "an ID does for a path"
confirmed last --safepoint-dir "$SAFE"
is "$rc" 64 "last looks for this environment's own"
cp "$S" "$T/broken.safepoint"; printf x | dd of="$T/broken.safepoint" bs=1 seek=$(($(stat -c %s "$S") - 400)) conv=notrunc status=none
db -c "delete from t"
confirmed "$T/broken.safepoint"
is "$rc $(db -c 'select count(*) from t')" "1 0" "a damaged file restores nothing"
like "$err" 'byte [0-9]+: ' "and says where"
cp "$T/broken.safepoint" "$SAFE/99991231T000000Z-broken.safepoint"
so restore --list --safepoint-dir "$SAFE"
is "$rc" 0 "a damaged file does not spoil the list"
so restore --to-sql 99991231 --safepoint-dir "$SAFE"
is "$rc" 1 "and is refused by name as well"
rm "$SAFE/99991231T000000Z-broken.safepoint"
mkdir "$T/many"; for i in $(seq 100 199); do cp "$S" "$T/many/20260101T000000.${i}Z-prune-test-$i.safepoint"; done
run bash -c 'ulimit -n 40; exec "$0" restore --list --safepoint-dir "$1" --json' "$SEEDOPS" "$T/many"
is "$rc $(jq '[.safepoints[] | select(.rows == 2)] | length' <<<"$out")" "0 100" "many safepoints are listed with few open files" || note "$out" "$err"
confirmed "$T/schema.sql"
is "$rc" 1 "something else is no safepoint"
so restore --to-sql "$T/broken.safepoint"
is "$rc/$out" "1/" "nor is half a script written"
logged=$(db -c "select count(*) from log")
{ STOP=1 "$BUILD/tests/real/safepoint_driver" "$T/main" "$D" "$T/killed" "delete from log" "deleted:log:"; } 2>/dev/null
is "$(ls "$T/killed") $(ls -A "$T/killed" | wc -l) $(db -c 'select count(*) from log')" " 1 $logged" "a killed writer leaves no safepoint and takes no row"
so restore --list --safepoint-dir "$T/killed"
like "$out" 'no safepoints in' "what it left is not listed"
if (ulimit -f 1; "$BUILD/tests/real/safepoint_driver" "$T/main" types "$T/full" "delete from pg_temp.x" "deleted:public.nothing:") 2>/dev/null; then not_ok "a missing table is an error"; else ok "a missing table is an error"; fi

# ---- to-sql: rows that come back and values that are set back need each other; a row that two keys changed ----
base needs
db -c "create table c (code int primary key); create table a (id int primary key, code int unique references c on delete set null, other int, n int);
       create table b (id int primary key, code int references a (code) on delete cascade, c int references c on delete cascade);
       create table d (id int primary key); alter table a add foreign key (other) references d on delete set null;
       insert into c values (1), (2); insert into d values (7); insert into a values (1, 1, 7, 10), (2, 2, 7, 20), (3, null, 7, 30); insert into b values (5, 1, 1)"
before=$(dump needs)
save "delete from b; delete from c where code = 1; delete from d" "deleted:b:" "deleted:c:FROM public.c t WHERE code = 1" "deleted:d:" \
     "changed:a:code=\\N:FROM public.a t WHERE code = 1" "changed:a:other=\\N:FROM public.a t WHERE other = 7"
db -c "update a set n = 11 where id = 1"
so restore --to-sql "$S"; printf '%s\n' "$out" >"$T/needs.sql"
check "psql reads it: neither rows first nor values first would do" "$PSQL" -Xq -h "$T/main" -U postgres -d needs -f "$T/needs.sql"
is "$(dump needs)" "$(sed 's/(1, 1, 7, 10)/(1, 1, 7, 11)/' <<<"$before")" "every row and value is back, what was changed since stays"

# ---- a value that is to come back is another row's by now ----
base taken
db -c "create table p (id int primary key); create table o (id int primary key, p int unique references p on delete set null, w int, exclude (w with =));
       insert into p values (1), (2); insert into o values (1, 1, 5), (2, 2, 6)"
save "delete from p" "deleted:p:" "changed:o:p=\\N:FROM public.o t WHERE p IS NOT NULL"
db -c "insert into p values (2); insert into o values (9, 2, 7)"
confirmed "$S"
is "$rc $(db -c 'select string_agg(id::text || coalesce(p::text, chr(45)), chr(32) order by id) from o')" "1 1- 2- 92" "a unique value that somebody took since: nothing is written" || note "$out" "$err"
like "$out" 'conflict +1 +o +another row has its value of o_p_key: 2' "the plan names table, key and constraint"
confirmed "$S" --partial
is "$rc $(db -c 'select string_agg(id::text || coalesce(p::text, chr(45)), chr(32) order by id) from o')" "0 11 2- 92" "the rest comes back when asked to" || note "$err"
save "delete from o where id = 1" "deleted:o:FROM public.o t WHERE id = 1"
db -c "insert into o values (10, null, 5)"
confirmed "$S" --json
is "$rc $(jq -r .error.class <<<"$out")" "1 conflict" "what only the server can judge is a conflict, too" || note "$out"
like "$out" 'o_w_excl' "and it names the constraint"

# Whatever it dies of, and wherever: all rows or none, and another restore brings them.
base faults
db -c "create table p (id serial primary key, v text); create table c (id int primary key, p int references p); insert into p (v) select 'v' from generate_series(1, 500); insert into c select i, i from generate_series(1, 500) i; create table o (id int primary key, p int references p on delete set null); insert into o select i, i from generate_series(1, 9) i"
before=$(dump faults)
save "delete from c; delete from p" "deleted:p:" "deleted:c:" "changed:o:p=\\N:FROM public.o t WHERE p IS NOT NULL"
gone=$(dump faults)
for point in loaded planned begun writing written checked commit; do
    for way in kill error; do
        SEEDOPS_FAIL=restore-$point:$way confirmed "$S"
        if [ "$rc" = 0 ]; then not_ok "restore-$point:$way is reached"; else ok "restore-$point:$way is reached"; fi
        wait_for 10 sql main postgres -c "select 1/(count(*) = 0)::int from pg_stat_activity where datname = 'faults'"
        is "$(dump faults)" "$gone" "and nothing of it stays"
    done
done
SEEDOPS_FAIL=restore-done:kill confirmed "$S"
is "$(dump faults)" "$before" "after COMMIT all of it does"
db -c "update o set p = null; delete from c; delete from p"
lost() { # before|after
    port=$(free_port)
    background python3 "$TOP/tests/real/drop_at_commit.py" "$port" "$T/main/.s.PGSQL.5432" "$1"
    wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$port"
    ALLOW_PROD_SEED=1 so restore --url "postgresql://postgres@127.0.0.1:$port/faults" --confirm faults@127.0.0.1 "$S" --json
}
lost before
is "$rc $(jq -r .error.class <<<"$out")" "1 lost" "a COMMIT that never arrived is a failure of class lost"
is "$(dump faults | grep -c 'INTO public.c ')" 0 "and it is so"
lost after
is "$rc $(jq -r .applied <<<"$out")" "0 true" "one whose answer was lost is found to have been committed"
is "$(dump faults)" "$before" "and it is so"
so restore --url "postgresql://postgres@127.0.0.1:$port/faults" --confirm faults@127.0.0.1 "$S"
is "$rc" 0 "what changes nothing needs no leave"
db -c "update o set p = null; delete from c; delete from p"
so restore --url "postgresql://postgres@127.0.0.1:$port/faults" --confirm faults@127.0.0.1 "$S"
is "$rc" 5 "through a forwarder a restore is refused"
like "$err" 'ALLOW_PROD_SEED' "with what would allow it"
like "$(grep -h '"name":"evidence"' "$T"/state/seedops/sessions/*.jsonl)" 'relfilenode' "what the catalogue knew of the emptied tables is on record"
sql main postgres -c "alter database faults set search_path = evil, pg_catalog, public"
db -c "create schema evil; create function evil.never(tid, tid) returns bool language sql as 'select false'; create operator evil.= (leftarg = tid, rightarg = tid, function = evil.never); create function evil.no(\"char\", \"char\") returns bool language sql as 'select false'; create operator evil.= (leftarg = \"char\", rightarg = \"char\", function = evil.no)"
confirmed "$S"
sql main postgres -c "alter database faults reset search_path"
is "$rc $(dump faults)" "0 $before" "a hostile search_path changes nothing"
is "$(db -c "select count(*) from pg_class where relname like 'seedops%' and relpersistence <> 't'")" 0 "nothing of ours stays in the database"

# ---- a value that only an insert can set
createdb_in main numbered; mkdir -p "$T/numbered/seeds"; cd "$T/numbered" || exit 1
printf 'version: 1\nseeds: seeds\ntables: {t: {class: context}}\nenvironments:\n  local: {url: "%s"}\n' "$(url main numbered)" >seedops.yaml
printf 'table: t\nkey: [code]\nrows:\n  - {code: a, v: x}\n' >seeds/t.yaml
sql main numbered -c 'create table t (code text primary key, v text, n int generated always as identity)'
so seed local; so reset local --confirm local
so restore local last --confirm local --changed overwrite
is "$rc" 1 "an identity that is always generated cannot be set back"
like "$err" '"n" is GENERATED ALWAYS.*' "which is the reason given"; like "$err" 'nothing was written' "and nothing was"
sql main numbered -c 'alter table t alter column n set generated by default'
so restore local last --confirm local --changed overwrite
is "$rc $(sql main numbered -c 'select * from t')" "0 a|x|1" "as the hint says, it can then"
finish
