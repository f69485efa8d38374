#!/usr/bin/env bash
# seed: writes what differs and nothing else, follows references in any order, and knows what became of a COMMIT.
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$T" || exit
cluster_start main 'autovacuum=off' || exit 1
helpers=()
tidy() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null; cleanup; }
trap tidy EXIT
database() { createdb_in main "$1"; database=$1; }
q() { sql main "$database" -c "$1"; }
seed() { so seed --url "$(url main "$database")" --seeds "$1" "${@:2}"; }
diff_of() { so diff --url "$(url main "$database")" --seeds "$1" "${@:2}"; }
fixture() { mkdir -p "$(dirname "$1")"; cat >"$1"; }

# ---- a second seed writes nothing (SAFETY 5) ----
database twice
q 'create table t (id serial primary key, code text not null unique, n numeric(8,2), at timestamptz, j jsonb, made timestamptz not null)'
fixture twice/t.yaml <<'END'
table: t
key: [code]
defaults: {made: !sql now()}
rows:
  - {code: a, n: 9.990, at: 2019-04-01T00:00:00Z, j: {b: 1, a: [1, 2]}}
  - {code: b, n: "1", at: null}
END
seed twice
is "$rc" 0 "the first seed writes"
is "$(q 'select count(*) from t')" 2 "both rows"
like "$out" 'seeded: 2 rows written' "and says how many"
counters() { q "select pg_stat_clear_snapshot()" >/dev/null; q "select n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables where relname = 't'"; }
check "the counters arrive" wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d twice -c \"select n_tup_ins from pg_stat_user_tables where relname = 't'\")\" = 2 ]"
q 'vacuum freeze t' ; q 'checkpoint'
before=$(counters) xid=$(q 'select pg_snapshot_xmax(pg_current_snapshot())') lsn=$(q 'select pg_current_wal_insert_lsn()')
seed twice
is "$rc" 0 "the second seed has nothing to do"
like "$out" 'nothing to write' "and says so"
is "$(q 'select pg_snapshot_xmax(pg_current_snapshot())')" "$xid" "no transaction id was assigned"
is "$(counters)" "$before" "no tuple was written"
wal=$(as_server "$PGBIN/pg_waldump" -p "$T/main/data/pg_wal" -s "$lsn" 2>/dev/null | grep -vE 'RUNNING_XACTS|CHECKPOINT|FPI_FOR_HINT' || :)
is "$wal" "" "no WAL record but the server's own"

# ---- what is written, and what is not ----
database modes
q "create table flag (name text primary key, on_ boolean, note text, seen timestamptz default 'epoch')"
fixture modes/flag.yaml <<'END'
table: flag
mode: insert
rows:
  - {name: dark, on_: false}
  - {name: beta, on_: false}
END
q "create table tag (slug text primary key, label text, note text, seen timestamptz default 'epoch', weight int default 7)"
fixture modes/tag.yaml <<'END'
table: tag
ignore: [seen]
keep: [note]
rows:
  - {slug: a, label: A, note: first, seen: 2020-01-01}
  - {slug: b, label: B, weight: 1}
END
q "insert into flag values ('dark', true); insert into tag (slug, label, note) values ('a', 'old', 'an operator wrote this')"
seed modes
is "$rc" 0 "seed with insert mode, keep and ignore"
is "$(q 'select name, on_ from flag order by 1')" $'beta|f\ndark|t' "insert mode adds what is absent and leaves what is there"
is "$(q "select slug, label, note, weight, seen = 'epoch' from tag order by 1")" $'a|A|an operator wrote this|7|t\nb|B||1|t' \
    "keep columns are left alone, ignored ones never written, absent ones get the default"

# ---- references in any order ----
database refs
q 'create table a (id int generated always as identity primary key, name text not null unique, best int references b_later)' 2>/dev/null
q 'create table node (id serial primary key, name text not null unique, up int references node, root int references node)
   ; create table x (id serial primary key, name text not null unique, y int)
   ; create table y (id serial primary key, name text not null unique, x int not null references x deferrable)
   ; alter table x add foreign key (y) references y'
fixture refs/node.yaml <<'END'
table: node
key: [name]
rows:
  - {name: leaf, up: !ref {table: node, name: mid}, root: !ref {table: node, name: top}}
  - {name: mid, up: !ref {table: node, name: top}, root: null}
  - {name: top}
END
fixture refs/x.yaml <<'END'
table: x
key: [name]
rows:
  - {name: x1, y: !ref {table: y, name: y1}}
  - {name: x2}
END
fixture refs/y.yaml <<'END'
table: y
key: [name]
rows:
  - {name: y1, x: !ref {table: x, name: x2}}
END
seed refs
is "$rc" 0 "a tree and a cycle through a nullable column are seeded"; [ "$rc" = 0 ] || note "$out" "$err"
is "$(q 'select n.name, u.name, r.name from node n left join node u on u.id = n.up left join node r on r.id = n.root order by 1')" \
    $'leaf|mid|top\nmid|top|\ntop||' "each row finds its parent"
is "$(q 'select x.name, y.name from x left join y on y.id = x.y order by 1')" $'x1|y1\nx2|' "on both sides of the cycle"
q "update node set up = null where name = 'leaf'; update x set y = null; delete from y"
seed refs
is "$rc" 0 "and mended"; diff_of refs; is "$rc" 0 "to identical"

# ---- identity and sequences ----
database sequences
q 'create table s (id serial primary key, name text); create table i (id int generated always as identity primary key, name text)'
printf 'table: s\nrows:\n  - {id: 3, name: c}\n  - {id: 41, name: d}\n' | fixture sequences/s.yaml
printf 'table: i\nrows:\n  - {id: 7, name: c}\n' | fixture sequences/i.yaml
seed sequences
is "$rc" 0 "declared serial and identity values are written"; [ "$rc" = 0 ] || note "$err"
is "$(q "insert into s (name) values ('next') returning id")" 42 "the serial goes on past the highest"
is "$(q "insert into i (name) values ('next') returning id")" 8 "and so does the identity"
# the application draws numbers between our look at the sequence and our move: they must not come a second time
printf 'table: s\nrows:\n  - {id: 3, name: c}\n  - {id: 41, name: d}\n  - {id: 50, name: e}\n' | fixture sequences/s.yaml
mkfifo "$T/app"
"$PGBIN/psql" -XAtq -h "$T/main" -U postgres -d sequences <"$T/app" >"$T/app.out" 2>&1 & app=$!
exec 9>"$T/app"
echo "begin; alter sequence s_id_seq owned by s.id; select 'held';" >&9
check "the application holds the sequence" wait_for 10 grep -q held "$T/app.out"
seed sequences >/dev/null 2>&1 & seeder=$!
check "the seed waits for it" wait_for 20 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d sequences -c \"select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'seedops'\" | grep -q 1"
echo "select max(nextval('s_id_seq')) from generate_series(1, 20); commit;" >&9
exec 9>&-
wait "$app" "$seeder"
is "$(tail -n 1 "$T/app.out")" 62 "it drew numbers up to 62"
check "and the next one is a new one" [ "$(q "select nextval('s_id_seq')")" -gt 62 ]
q "select setval('s_id_seq', 1000)" >/dev/null; q 'delete from s where id = 3'
seed sequences --scan
is "$(q "select last_value from s_id_seq")" 1000 "a sequence that is ahead stays there"

# ---- many rows: COPY, into an empty table and into one that is not ----
database many
q 'create table m (code text primary key, v text, n int default 5)'
mkdir many; printf 'table: m\nrows: !csv m.csv\n' >many/m.yaml
{ echo code,v; for i in $(seq 2500); do printf 'k%05d,"v\t%d ""q"" \\N"\n' "$i" "$i"; done; printf 'last,\n'; } >many/m.csv
seed many
is "$rc" 0 "2501 rows into an empty table"; [ "$rc" = 0 ] || note "$err"
is "$(q "select count(*), count(v), sum(n) from m")" '2501|2500|12505' "all of them, empty is NULL, defaults apply"
diff_of many; is "$rc" 0 "and nothing differs"
q "delete from m where code > 'k00003' and code < 'k02000'; update m set v = 'x' where code > 'k02400'"
seed many
is "$rc" 0 "2096 rows put right"; diff_of many; is "$rc" 0 "and nothing differs again"

# ---- refused, wrong, or in the way: nothing changes ----
database wrong
q "create table w (id int primary key, v varchar(3) not null, ok boolean); insert into w values (1, 'a', true)"
printf 'table: w\nrows:\n  - {id: 1, v: b}\n  - {id: 2, v: long}\n  - {id: x, v: c}\n  - {id: 4}\n  - {id: 5, v: c, ok: maybe}\n' | fixture wrong/w.yaml
seed wrong
is "$rc" 1 "bad values are refused"
is "$(grep -cE 'problem: .*w.yaml:[3-7]:[0-9]+' <<<"$err")" 4 "all of them together, each with its place"
is "$(q 'select * from w')" '1|a|t' "and nothing was written"
diff_of wrong
is "$rc" 1 "diff names them too"
like "$err" 'w.yaml:[4-7]:' "with a place"
q 'create table parent (id int primary key); create table kid (id int primary key, p int not null references parent)'
printf 'table: kid\nrows:\n  - {id: 1, p: 99}\n' | fixture orphan/kid.yaml
seed orphan
is "$rc" 1 "a foreign key that holds no longer fails the seed"
is "$(q 'select count(*) from kid')" 0 "whole"
printf 'table: w\nrows:\n  - {id: 1, v: b}\n' | fixture ok/w.yaml
seed ok --dry-run
is "$rc $(q 'select v from w')" "0 a" "a dry run changes nothing"
like "$out" 'update +1 +w' "and shows what it would"
q "create function guard() returns trigger language plpgsql as \$\$ begin return null; end \$\$;
   create trigger t before insert or update on w for each row execute function guard()"
seed ok
is "$rc" 1 "rows that a trigger keeps out are no success"
like "$err" 'w \(id=1\)' "and the row is named"

# ---- through a forwarder: refused without ALLOW_PROD_SEED; and what became of a lost COMMIT ----
lost() { # before|after
    port=$(free_port)
    python3 "$here/drop_at_commit.py" "$port" "$T/main/.s.PGSQL.5432" "$1" & helpers+=($!)
    wait_for 10 "$PGBIN/pg_isready" -h 127.0.0.1 -p "$port"
    remote="postgresql://postgres@127.0.0.1:$port/$database"
}
database outcome
q 'create table o (id int primary key, v text)'
printf 'table: o\nrows:\n  - {id: 1, v: one}\n' | fixture outcome/o.yaml
lost after
so seed --url "$remote" --seeds outcome
is "$rc" 5 "through a forwarder a seed is refused"
like "$err" 'ALLOW_PROD_SEED' "with the line that would allow it"
is "$(q 'select count(*) from o')" 0 "and nothing was written"
ALLOW_PROD_SEED=1 so seed --url "$remote" --seeds outcome
is "$rc $(q 'select v from o')" "0 one" "a COMMIT whose answer was lost is found to have been committed"
like "$err" 'finding out' "after saying what happened"
q 'delete from o'; q 'vacuum o'
lost before
ALLOW_PROD_SEED=1 so seed --url "$remote" --seeds outcome --json
is "$rc" 1 "one that never arrived is a failure"
is "$(jq -r .error.class <<<"$out")" lost "of class lost"
like "$(jq -r .error.message <<<"$out")" 'rolled back' "it says that it was rolled back"
is "$(q 'select count(*) from o')" 0 "which is so"

# a standby that is behind, and read from, knows nothing of a transaction on its primary
mkdir -p "$T/behind"; [ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$T/behind"
as_server "$PGBIN/pg_basebackup" -h "$T/main" -U postgres -D "$T/behind/data" -R -X stream -c fast
echo "unix_socket_directories='$T/behind'" | as_server tee -a "$T/behind/data/postgresql.conf" >/dev/null
cluster_start behind || exit 1
sql behind postgres -c 'select pg_wal_replay_pause()'
wait_for 10 test "$(sql behind postgres -c 'select pg_get_wal_replay_pause_state()')" = paused
lost after
ALLOW_PROD_SEED=1 so seed --url "$(url behind "$database")" --direct-url "$remote" --seeds outcome
is "$rc $(q 'select v from o')" "0 one" "the outcome is asked where it was written, not where it is read"
cluster_stop behind
cluster_start other || exit 1
sql other postgres -c "create database \"$database\""
sql other "$database" -c 'create table o (id int primary key, v text)'
ALLOW_PROD_SEED=1 so seed --url "$(url other "$database")" --direct-url "$remote" --seeds outcome
is "$rc" 5 "a URL and a direct URL that lead to two databases are refused"
like "$err" 'lead to two different databases' "in so many words"
cluster_stop other
q 'delete from o'; q 'vacuum o'

# ---- what the server says of a refused row may hold a secret ----
database secret
q 'create table u (k text primary key, pw text check (length(pw) < 3)); create table p (id int primary key); create table c (id int primary key, p int references p)'
printf 'table: u\nrows:\n  - {k: a, pw: !env TOPSECRET}\n' | fixture secret/u.yaml
TOPSECRET=hunter2222 seed secret
is "$rc" 1 "a row that breaks a constraint fails the seed"
is "$(grep -rl hunter2222 "$XDG_STATE_HOME" "$T/err" "$T/out" || :)" "" "and its secret is in no message and no journal"
printf 'table: c\nrows:\n  - {id: 1, p: 7}\n' | fixture nobody/c.yaml
q 'create function nothing() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t before insert on c for each row execute function nothing()'
seed nobody
is "$rc $(grep -c 'planning again' <<<"$err")" "1 1" "a broken constraint is not tried again with the same plan"
like "$err" 'at: nobody/c.yaml:3:16' "and the value is named"

database=outcome

# ---- keys that are numbers are in their own order ----
database numbers
q 'create table i (id int primary key, v text); create table n (a numeric(6,2), b bigint, v text, primary key (a, b))'
q "insert into i values (2, 'x'), (10, 'x'), (-3, 'x'), (100, 'extra'), (99, 'extra'); insert into n values (9.50, 2, 'x'), (10, 10, 'x'), (10, 9, 'x'), (-1.5, 1, 'x')"
printf 'table: i\nrows:\n  - {id: 100000, v: y}\n  - {id: -3, v: y}\n  - {id: 2, v: y}\n  - {id: 010, v: y}\n  - {id: 11, v: y}\n  - {id: 1, v: y}\n' | fixture numbers/i.yaml
printf 'table: n\nrows:\n  - {a: 10, b: 9, v: y}\n  - {a: 10, b: 10, v: y}\n  - {a: 9.5, b: 2, v: y}\n  - {a: -1.50, b: 1, v: y}\n' | fixture numbers/n.yaml
diff_of numbers --json
is "$(jq -c '[.tables[] | select(.table == "i") | .rows[] | .key | if type == "object" then .id else . end]' <<<"$out")" '["-3","1","2","10","11","100000","99","100"]' "integers"
is "$(jq -c '[.tables[] | select(.table == "n") | .rows[] | .key | if type == "object" then [.a, .b] else . end]' <<<"$out")" '[["-1.50","1"],["9.50","2"],["10.00","9"],["10.00","10"]]' "and decimals beside integers"
seed numbers
is "$rc" 0 "they are seeded"
printf 'table: i\nrows:\n' | fixture numbers/i.yaml; for i in $(seq 1 1200); do echo "  - {id: $i, v: z}"; done >>numbers/i.yaml
seed numbers; is "$rc $(q "select count(*) from i where v = 'z'")" "0 1200" "rows that ascend as numbers"
seed numbers; like "$out" 'nothing to write' "find all of their partners"
database=outcome

# ---- someone holds the table: named, and not waited for without end ----
mkfifo "$T/hold"
"$PGBIN/psql" -XAtq -h "$T/main" -U postgres -d outcome <"$T/hold" >/dev/null 2>&1 & holder=$!
exec 9>"$T/hold"
echo "set application_name = 'holder'; begin; lock table o in access exclusive mode;" >&9
check "the table is locked" wait_for 10 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d outcome -c \"select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = 'o'::regclass and granted\" | grep -q 1"
diff_of outcome --scan
is "$rc" 1 "diff gives up on a locked table"
like "$err" 'pid [0-9]+ "holder", idle in transaction for [0-9:]+, holds it' "and names who holds it"
so count --url "$(url main outcome)" --seeds outcome --scan
is "$rc" 1 "a count that could not be made is no success"
like "$out" 'o  locked' "its line says why"
exec 9>&-
wait "$holder"

# ---- JSON ----
seed outcome --json
is "$rc" 0 "seed --json"
is "$(jq -c '[.applied, .before.o, .after.o, (.plan.digest | length), .plan.steps[0].action, .safepoint]' <<<"$out")" \
    '[true,0,1,64,"insert",null]' "as FORMATS has it"
finish
