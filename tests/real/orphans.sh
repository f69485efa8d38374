#!/usr/bin/env bash
# A plain value in a foreign key's column that points at nobody is found before the first write, with its place and all
# of them together; what only the server can judge is left to it.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit
cluster_start main 'autovacuum=off' || exit 1
database() { createdb_in main "$1"; database=$1; }
q() { sql main "$database" -c "$1"; }
seed() { so seed --url "$(url main "$database")" --seeds "$database" "$@"; }
fixture() { mkdir -p "$(dirname "$1")"; cat >"$1"; }
xids() { q 'select pg_snapshot_xmax(pg_current_snapshot())'; }

# ---- named with its place, all together, before anything is written ----
database plain
q 'create table p (id int primary key)'
q 'create table other (k text primary key)'
q 'create table c (id int primary key, p int references p, other text references other on delete cascade, note text)'
q "insert into other values ('live')"
printf 'table: p\nrows:\n  - {id: 1}\n  - {id: 02}\n' | fixture plain/p.yaml
fixture plain/c.yaml <<'END'
table: c
defaults: {other: live}
rows:
  - {id: 1, p: 1}
  - {id: 2, p: 2}
  - {id: 3, p: 77}
  - {id: 4, p: null, other: "dead"}
  - {id: 5, p: 78, other: null}
END
before=$(xids)
seed
is "$rc" 1 "values that point at nobody fail the seed"
is "$(grep -c 'at nobody' <<<"$err")" 4 "each of the three is named, and the first again in the sum"
like "$err" 'plain/c\.yaml:6:[0-9]+: "p" points at nobody: no row of "p" has id = "77": neither its fixture nor the database' "by file, line and column"
like "$err" 'plain/c\.yaml:7:[0-9]+: "other" points at nobody: no row of "other" has k = "dead": the database has none, and no fixture' "one whose parent has no fixture"
like "$err" '3 problems in the fixtures' "and summed up"
is "$(xids)" "$before" "no transaction was begun for them"
seed --dry-run
is "$rc" 1 "a dry run finds them too"
like "$err" 'plain/c\.yaml:8:[0-9]+: "p" points at nobody' "with their places"
sed -i '/77\|dead\|78/d' plain/c.yaml
seed
is "$rc $(q 'select count(*) from c')" "0 2" "declared, live, differently written and NULL values pass"
printf '  - {id: 9, p: 41}\n' >>plain/c.yaml
seed
like "$err" '"p" points at nobody.*' "one alone is the error itself"
like "$err" 'next: declare that row.*foreign key "c_p_fkey" of "c"' "the constraint is named"
sed -i '$d' plain/c.yaml

# ---- a change is looked at, what is right already is not ----
q 'alter table c drop constraint c_p_fkey; update c set p = 55 where id = 2; alter table c add constraint c_p_fkey foreign key (p) references p not valid'
sed -i 's/id: 2, p: 2/id: 2, p: 55, note: x/' plain/c.yaml
seed
is "$rc $(q 'select p, note from c where id = 2')" "0 55|x" "a row that is there already is the server's business"
sed -i 's/p: 55/p: 56/' plain/c.yaml
seed
like "$err" '"p" points at nobody: no row of "p" has id = "56"' "a changed value is looked at"
like "$err" 'at: plain/c\.yaml:5:16' "and placed"

# ---- composite keys, self references, rows declared later, CSV ----
database shapes
q 'create table tenant (a int, b text, primary key (b, a)); create table node (id int primary key, up int references node);
   create table unit (id int primary key, a int, b text, foreign key (a, b) references tenant (a, b));'
printf 'table: tenant\nrows:\n  - {a: 1, b: x}\n  - {a: 2, b: y}\n' | fixture shapes/tenant.yaml
printf 'table: unit\nrows:\n  - {id: 1, a: 1, b: x}\n  - {id: 2, a: 9, b: null}\n  - {id: 3, a: 1, b: y}\n  - {id: 4, a: 2}\n' | fixture shapes/unit.yaml
printf 'id,up\n1,\n2,3\n3,1\n4,4\n5,6\n' | fixture shapes/node.csv
printf 'table: node\nrows: !csv node.csv\n' | fixture shapes/node.yaml
seed
is "$rc" 1 "composite keys and self references"
like "$err" 'shapes/unit\.yaml:5:[0-9]+: "a", "b" point at nobody: no row of "tenant" has a = "1", b = "y"' "a pair that is nobody's"
like "$err" 'shapes/node\.csv:6:3: "up" points at nobody: no row of "node" has id = "6"' "a CSV's line and column"
like "$err" '^seedops: 2 problems|2 problems in the fixtures' "NULL in a pair, a missing half, a row itself and rows that come later are fine"
sed -i '/id: 3/d' shapes/unit.yaml; sed -i '/^5/d' shapes/node.csv
seed
is "$rc" 0 "without them it seeds"

# ---- plain values whose rows come later in the same seed: in the table's own, and round a circle ----
database later
q 'create table node (id int primary key, up int references node, note text); insert into node values (5000, null);
   create table a (id int primary key, b int); create table b (id int primary key, a int not null references a); alter table a add foreign key (b) references b'
{ echo 'id,up'; echo '1,1500'; seq 2 1500 | sed 's/$/,/'; echo '5000,'; } | fixture later/node.csv
printf 'table: node\nrows: !csv node.csv\n' | fixture later/node.yaml
printf 'table: a\nrows:\n  - {id: 1, b: 1}\n  - {id: 2}\n' | fixture later/a.yaml
printf 'table: b\nrows:\n  - {id: 1, a: 1}\n' | fixture later/b.yaml
seed
is "$rc $(q 'select (select count(*) from node), (select up from node where id = 1), (select b from a where id = 1), (select a from b)')" "0 1501|1500|1|1" "they are filled in at the end"
seed
like "$out" 'nothing to write' "and then all is as declared"
q 'update node set up = null where id = 1; alter table b drop constraint b_a_fkey; delete from a; delete from b where id = 1; alter table b add foreign key (a) references a'
printf '  - {id: 3, b: 9}\n' >>later/a.yaml
seed
like "$err" 'later/a.yaml:5:[0-9]+' "one that is nobody's is still found"

# ---- the server's business: keys that it makes, triggers, tables that may not be read ----
database unsure
q 'create table p (id serial primary key, code text unique not null); create table c (id int primary key, p int references p)'
printf 'table: p\nkey: [code]\nrows:\n  - {code: a}\n' | fixture unsure/p.yaml
printf 'table: c\nrows:\n  - {id: 1, p: 1}\n' | fixture unsure/c.yaml
seed
is "$rc $(q 'select p from c')" "0 1" "a key that a sequence will give is no problem"
printf 'table: c\nrows:\n  - {id: 1, p: 1}\n  - {id: 2, p: 6}\n' | fixture unsure/c.yaml
seed
like "$err" 'at: unsure/c\.yaml:4:16' "once it has given it, one that is nobody's is found"
q "create function six() returns trigger language plpgsql as \$\$ begin insert into p values (6, 'six'); return new; end \$\$;
   create trigger six before insert on c for each row when (new.id = 2) execute function six()"
seed
is "$rc $(q 'select count(*) from p where id = 6')" "0 1" "a trigger may make the row that is missing"
printf 'table: c\nrows:\n  - {id: 1, p: 1}\n  - {id: 2, p: 6}\n  - {id: 3, p: 7}\n  - {id: 4, p: 8}\n' | fixture unsure/c.yaml
seed
is "$rc $(grep -c 'at nobody' <<<"$err")" "1 3" "where it does not, the places are looked up when the server has refused"
is "$(q 'select count(*) from c')" 2 "and nothing stays written"
q 'create role reader login; grant select, insert, update on c to reader; revoke all on p from public'
rm unsure/p.yaml; q 'drop trigger six on c'
so seed --url "postgresql://reader@/$database?host=$T/main" --seeds unsure
is "$rc" 1 "a parent that we may not read"
is "$(grep -c 'planning again' <<<"$err")" 1 "is judged by the server, and not tried again with the same plan"
like "$err" 'at: unsure/c.yaml' "the fixture is named"

# ---- SAFETY 4: a held parent is not read for it ----
database heldparent
q 'create extension pageinspect; create table p (id int primary key, v text); create table c (id int primary key, p int references p)'
q "insert into p select g, repeat('x', 1000) from generate_series(1, 14) g; insert into c values (1, 14)"
printf 'table: c\nrows:\n  - {id: 1, p: 14}\n  - {id: 2, p: 3}\n' | fixture heldparent/c.yaml
printf 'version: 1\nseeds: heldparent\ntables:\n  p: {class: context, min_rows: 14}\nenvironments:\n  test: {url: "%s"}\n' "$(url main heldparent)" >seedops.yaml
q 'analyze; delete from p where id < 14'
check "the counters arrive" wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d heldparent -c \"select n_tup_del from pg_stat_user_tables where relname = 'p'\")\" = 13 ]"
readable() { q "select count(*) from generate_series(0, pg_relation_size('p') / 8192 - 1) g, heap_page_items(get_raw_page('p', g::int)) where lp_flags = 1 and t_data is not null"; }
before=$(readable)
so seed test --dry-run
is "$rc" 0 "a dry run with a held parent that no fixture declares"
like "$err" 'p is held, so whether it has the rows that "c_p_fkey" needs is left to the server' "says that it did not look"
is "$(readable)" "$before" "and left every dead row readable"

# ---- secrets, and how often the server is asked ----
database many
q 'create table p (id int primary key); create table a (id int primary key, p int references p, token text); create table b (id int primary key, p int references p)
   ' ; q 'create table keys (k text primary key); create table d (id int primary key, k text references keys)'
q 'insert into p select g from generate_series(1, 3000) g'
printf 'table: d\nrows:\n  - {id: 1, k: !env SECRETKEY}\n' | fixture many/d.yaml
SECRETKEY=hunter2222 seed
is "$rc" 1 "a secret value that points at nobody"
like "$err" 'no row of "keys" has k = \[REDACTED\]' "is not shown"
is "$(grep -rl hunter2222 "$XDG_STATE_HOME" "$T/err" "$T/out" || :)" "" "nor kept"
rm many/d.yaml
for t in a b; do { echo 'id,p'; seq 1 2500 | sed 's/.*/&,&/'; } | fixture "many/$t.csv"; printf 'table: %s\nrows: !csv %s.csv\n' "$t" "$t" | fixture "many/$t.yaml"; done
echo '2501,3001' >>many/b.csv
q "alter system set log_statement = 'all'" ; q 'select pg_reload_conf()' >/dev/null
seed
like "$err" 'at: many/b\.csv:2502:6' "one line of five thousand"
asked=$(grep -c 'execute <unnamed>: SELECT i, n FROM' "$T/main/server.log")
check "the server is asked for a thousand at a time ($asked)" [ "$asked" -ge 5 ] && check "and no more" [ "$asked" -le 8 ]
finish
