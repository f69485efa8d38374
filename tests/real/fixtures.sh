# Fixtures against a live schema: every value is looked at before anything is written, each mistake has its
# place, and nothing is changed by looking.
. "$(dirname "$0")/../lib.sh"
DRIVER=${DRIVER:-${BUILD:-.}/tests/real/fixture_driver}
cluster_start f || exit 1
createdb_in f app
sql f app <<'SQL'
CREATE TYPE "Tier" AS ENUM ('FREE', 'PLUS', 'PREMIUM');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN code AS varchar(5) NOT NULL;
CREATE TABLE "Catchment" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text NOT NULL UNIQUE, note text);
CREATE TABLE "Station" (id serial PRIMARY KEY, "ofevCode" varchar(8) NOT NULL UNIQUE,
    "catchmentId" int REFERENCES "Catchment", "installedAt" timestamptz);
CREATE TABLE kinds (id text PRIMARY KEY, tier "Tier", small smallint, whole int, big bigint, price numeric(6,2),
    yes boolean, uid uuid, day date, at timestamptz, doc jsonb, old json, tags text[], numbers int[], mail email,
    code code DEFAULT 'x', span int4range, addr inet, raw bytea, ratio float8, fixed char(3), short varchar(5),
    bits bit(3), shorts varchar(5)[],
    up text GENERATED ALWAYS AS (upper(id)) STORED, must text NOT NULL DEFAULT 'd');
CREATE TABLE hard (id int PRIMARY KEY, must text NOT NULL);
CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);
ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b;
CREATE TABLE c (id int PRIMARY KEY, d int REFERENCES c);
CREATE TABLE nokey (x text);
INSERT INTO "Catchment" (slug) VALUES ('live');
CREATE ROLE reader LOGIN;
GRANT SELECT ON hard TO reader;
SQL
dump() { "$PGBIN/pg_dump" -h "$T/f" -U postgres app | grep -vE '^\\(un)?restrict' | sha256sum; }
before=$(dump)

seeds() { rm -rf "$T/seeds"; mkdir "$T/seeds"; }
fixture() { cat >"$T/seeds/$1"; }
look() { run "$DRIVER" "$T/f" postgres app "$T/seeds"; }
# finds NAME REGEX: the fixtures as they are have this problem, and exit 1
finds() { look; is "$rc" 1 "$1: exit 1"; like "$out" "$2" "$1: place and reason"; [ -z "$err" ] || note "$err"; }

# --- all is well: every type, every tag
seeds
fixture catchment.yaml <<'Y'
table: Catchment
key: [slug]
rows: [{slug: rhone}]
Y
fixture station.yaml <<'Y'
table: Station
key: [ofevCode]
rows:
  - {ofevCode: "2009", catchmentId: !ref {table: Catchment, slug: rhone}, installedAt: 2019-04-01T00:00:00Z}
  - {ofevCode: "2010", catchmentId: !ref {table: Catchment, slug: live}, installedAt: !sql now() - interval '1 day'}
Y
fixture kinds.yaml <<'Y'
table: kinds
rows:
  - {id: a, tier: FREE, small: -32768, whole: " 7 ", big: 9223372036854775807, price: 9999.99, yes: on,
     uid: 123e4567-e89b-12d3-a456-426614174000, day: 2024-02-29, at: "2019-04-01 00:00+02", doc: {a: [1, ~]},
     old: yes, tags: [x, "y,z", ~], numbers: [1, 2], mail: a@b, code: abcde, span: "[1,5)", addr: 10.0.0.0/8,
     bits: "101", shorts: [a, ~, "sixes"], raw: "\\x00ff", ratio: 1e300, fixed: abc, short: "été  "}
  - {id: b, yes: "TRUE", price: -0.005, doc: 3, tags: "{p,q}", short: !sql "'x'", mail: !env LOGNAME_AT}
  - {id: c, must: e, price: 9999.994, doc: "quoted", raw: abc}
Y
LOGNAME_AT=me@here look
is "$rc" 0 'everything fits'
is "$out" 'order: Catchment kinds Station' 'nothing to say, parents first'

# --- one mistake each
seeds
bad() { printf 'table: kinds\nrows:\n  - {id: x}\n  - {id: y, %s}\n' "$2" >"$T/seeds/k.yaml"; finds "$1" "^k\.yaml:4:[0-9]+: .*$3"; }
bad 'enum label' 'tier: PLUSS' 'tier.*"PLUSS".*did you mean "PLUS"\?'
bad 'enum label far off' 'tier: gold' 'its labels: FREE, PLUS, PREMIUM'
bad 'smallint' 'small: 40000' '"40000" does not fit smallint'
bad 'bigint' 'big: 9223372036854775808' 'does not fit bigint'
bad 'no number' 'whole: seven' '"seven" is no value of type integer.*invalid input syntax'
bad 'numeric overflow' 'price: 9999.995' 'numeric\(6,2\).*overflow'
bad 'boolean' 'yes: maybe' '"maybe" is no value of type boolean'
bad 'uuid' 'uid: 123e4567' 'uuid'
bad 'date' 'day: 2023-02-29' '2023-02-29.*date'
bad 'array' 'numbers: [1, x]' 'integer\[\]'
bad 'mapping for an array' 'tags: {a: b}' 'a mapping for an array column'
bad 'list for a text' 'short: [a]' 'a list or mapping in column "short"'
bad 'json in CSV form is not guessed' 'doc: !file bad.json' '(No such file|cannot open)'
bad 'domain' 'mail: nobody' 'email.*violates check constraint'
bad 'domain over varchar' 'code: abcdef' 'code.*too long'
bad 'range' 'span: "[5,1)"' 'int4range'
bad 'network' 'addr: 10.0.0.300' 'inet'
bad 'varchar' 'short: sixsix' '"sixsix" is too long for character varying\(5\).*6 characters'
bad 'char' 'fixed: four' 'too long for character\(3\)'
bad 'NULL in NOT NULL' 'must: null' 'must.*NOT NULL.*null'
bad 'password in a number' 'whole: !argon2id long-enough' '!argon2id gives a text'
bad 'password too long for its column' 'short: !argon2id long-enough' '97 characters is too long'
bad 'bit string' 'bits: "1011"' 'bits.*"1011"'
bad 'varchar in an array' 'shorts: [short, too-long]' 'shorts.*too long'
bad 'expression' 'day: !sql nwo()' 'nwo\(\).*does not exist'
bad 'an expression that is none' 'day: !sql default' 'DEFAULT is not allowed'
bad 'expression of another type' 'day: !sql 5' 'cannot cast'
bad 'expression that is two statements' 'day: "x", at: !sql "now()); DROP TABLE hard; SELECT (now()"' 'DROP TABLE'
bad 'expression that would write' 'whole: !sql "(WITH d AS (DELETE FROM hard RETURNING 1) SELECT 1)"' '!sql'

# --- all of them at once, and a wrong default once
fixture k.yaml <<'Y'
table: kinds
defaults: {tier: PLSU}
rows:
  - {id: a, small: 99999}
  - {id: b, day: never}
  - {id: c, whole: x1, day: 2020-01-01}
Y
look
is "$(grep -c . <<<"$(grep '^k.yaml' <<<"$out")")" 4 'four mistakes, four messages'
like "$out" '^k.yaml:2:18: .*PLSU' 'the default is named where it stands'

# --- many bad values among many good ones, each found
seeds
printf 'table: kinds\nrows: !csv k.csv\n' | fixture k.yaml
awk 'BEGIN { print "id,day"; for (i = 1; i <= 2500; i++) print i ",20" (i == 7 || i == 1500 || i == 2500 ? "bad" : "24-01-01") }' | fixture k.csv
look
is "$(grep -oE '^k.csv:[0-9]+:[0-9]+' <<<"$out" | tr '\n' ' ')" 'k.csv:8:3 k.csv:1501:6 k.csv:2501:6 ' 'three bad dates among 2500, with line and column'
awk 'BEGIN { print "id,day"; for (i = 1; i <= 2500; i++) print i ",never" }' | fixture k.csv
look
is "$(grep -c '^k.csv' <<<"$out")" 100 'no more than a hundred are listed'
like "$out" 'checking stopped after 100 problems' 'and it says that it stopped'
printf 'id,doc\r\n1,"{""a"": 1}"\r\n2,{bad\r\n' | fixture k.csv
finds 'json in CSV' '^k.csv:3:3: .*jsonb'
printf 'id,must\n1,\n' | fixture k.csv
finds 'an unquoted empty value' '^k.csv:2:3: .*NOT NULL.*write "" for the empty text'

# --- keys, columns, tables
seeds; fixture t.yaml <<<$'table: Staton\nrows: []'
finds 'unknown table' '^t.yaml:1:8: .*"Staton".*did you mean "Station"'
fixture t.yaml <<<$'table: station\nkey: [ofevCode]\nrows: []'
finds 'capitals count' 'did you mean "Station"'
fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows: [{ofevCode: x, installedat: 2020-01-01}]'
finds 'unknown column' '^t.yaml:3:22: .*"installedat".*did you mean "installedAt"'
fixture t.yaml <<<$'table: nokey\nkey: [x]\nrows: [{x: 1}]'
finds 'no unique index' '^t.yaml:2:6: the key \(x\) has no unique index'
fixture t.yaml <<<$'table: kinds\nrows: [{id: x, up: X}]'
finds 'generated column' '^t.yaml:2:16: .*generated'
fixture t.yaml <<<$'table: hard\nrows: [{id: 1}]'
finds 'a column that INSERT needs' '^t.yaml:1:8: .*"must".*NOT NULL without a default'
fixture t.yaml <<<$'table: hard\nrows:\n  - {id: 1, must: x}\n  - {id: 2}'
finds 'a row without it' '^t.yaml:4:5: .*no "must"'
fixture t.yaml <<<$'table: Station\nrows:\n  - {id: 1, ofevCode: a}\n  - {id: 1, ofevCode: b}'
finds 'primary key twice' '^t.yaml:4:5: two rows have the key id = 1'

# --- one key, written differently
sql f app -c 'CREATE TABLE instants (at timestamptz PRIMARY KEY)' -c 'CREATE TABLE amounts (n numeric, day date, PRIMARY KEY (n, day))'
before=$(dump)
seeds; fixture t.yaml <<<$'table: hard\nrows:\n  - {id: 1, must: x}\n  - {id: 2, must: x}\n  - {id: 01, must: x}'
finds 'an integer with a zero before it' '^t.yaml:5:1: two rows have the same key id = 1 .*line 3'
fixture t.yaml <<<$'table: instants\nrows:\n  - {at: 2020-01-01 00:00:00Z}\n  - {at: 2020-01-01 01:00:00+01}\n  - {at: 2020-01-01 02:00:00+01}'
finds 'an instant in two zones' '^t.yaml:4:1: two rows have the same key at = .*line 3'
is "$(grep -c 'two rows' <<<"$out")" 1 'and only that one'
fixture t.yaml <<<$'table: amounts\nrows:\n  - {n: 9.5, day: 2020-01-01}\n  - {n: 100, day: 2020-01-01}\n  - {n: 9.50, day: "20200101"}\n  - {n: 1e2, day: 2020-01-02}'
finds 'a compound key' '^t.yaml:5:1: two rows have the same key n = 9.5, day = 2020-01-01 .*line 3'
is "$(grep -c 'two rows' <<<"$out")" 1 'and only that one'
fixture t.yaml <<<$'table: amounts\nrows:\n  - {n: 100.0, day: 2020-01-01}\n  - {n: 10, day: 2020-01-01}\n  - {n: 1, day: 2020-01-01}\n  - {n: 0.0, day: 2020-01-01}'
look; is "$rc" 0 'zeros before the point count'

# --- references
seeds; fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: x, catchmentId: !ref {table: Catchment, slug: nowhere}}'
finds 'to nobody' '^t.yaml:4:32: !ref to nobody: no row of "Catchment" has slug = "nowhere"'
fixture u.yaml <<<$'table: Catchment\nkey: [slug]\nrows: [{slug: rhone}]'
finds 'to nobody, with a fixture of the target' 'neither its fixture nor the database'
fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: x, catchmentId: !ref {table: Catchment, note: x}}'
finds 'by a column that is not unique' '^t.yaml:4:32: .*does not identify a row of "Catchment"'
fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: x, catchmentId: !ref {table: Catchment, id: seven}}'
finds 'by a value of another type' '^t.yaml:4:32: !ref to nobody.*invalid input syntax'
fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\ndefaults: {catchmentId: !ref {table: Catchment, slug: nowhere}}\nrows: [{ofevCode: a}, {ofevCode: b}]'
look
is "$(grep -c 'nobody' <<<"$out")" 1 'a default to nobody is said once'
rm "$T/seeds/u.yaml"
fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: x, catchmentId: !ref {table: Catchment, slug: live}}\n  - {ofevCode: y, catchmentId: !ref {table: Catchment, slug: "dead"}}'
look
is "$(grep -c 'nobody' <<<"$out")" 1 'to a table without a fixture: live rows count'
like "$out" '^t.yaml:5:32' 'and the one that is not there is named'

sql f app -c 'CREATE EXTENSION citext' -c 'CREATE TABLE word (w citext PRIMARY KEY)' -c 'CREATE TABLE says (id int PRIMARY KEY, w citext REFERENCES word)' -c 'CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self)'
seeds; fixture word.yaml <<<$'table: word\nrows: [{w: Alpha}, {w: beta}]'
fixture says.yaml <<<$'table: says\nrows:\n  - {id: 1, w: !ref {table: word, w: ALPHA}}\n  - {id: 2, w: !ref {table: word, w: gamma}}\n  - {id: 3, w: !ref {table: word, w: Beta}}'
look
is "$(grep -oE '^says.yaml:[0-9]+' <<<"$out" | tr '\n' ' ')" 'says.yaml:4 ' 'a declared row is found by its type, whatever its capitals'
seeds; fixture self.yaml <<<$'table: self\nrows:\n  - {id: 1}\n  - {id: 2, up: !ref {table: self, id: 01}}'
look; is "$rc" 0 'and a number whatever its zeros'
sql f app -c 'DROP TABLE says, word, self' -c 'DROP EXTENSION citext'

# --- circles
seeds; fixture a.yaml <<<$'table: a\nrows: [{id: 1, b: 1}]'; fixture b.yaml <<<$'table: b\nrows: [{id: 1, a: 1}]'
finds 'a circle' '^a.yaml:1:8: .*circle.*a → b by "a_b_fkey" → a by "b_a_fkey"'
sql f app -c 'ALTER TABLE a ALTER CONSTRAINT a_b_fkey DEFERRABLE'
look; is "$rc $out" $'0 order: a b\ndeferred' 'a deferrable circle can be written'
sql f app -c 'ALTER TABLE a ALTER CONSTRAINT a_b_fkey NOT DEFERRABLE'

# --- secrets: never in a message
seeds
TOKEN=s3cret-t0ken; export TOKEN
fixture k.yaml <<<$'table: kinds\nrows:\n  - {id: a, whole: !env TOKEN, tier: !env TOKEN, short: !env TOKEN, mail: !env TOKEN}'
look
is "$(grep -c '^k.yaml:3' <<<"$out")" 4 'four secrets do not fit'
unlike "$out$err" 's3cret' 'and none is shown'
fixture k.yaml <<<$'table: kinds\nrows:\n  - {id: !env TOKEN}\n  - {id: s3cret-t0ken}'
look; unlike "$(sed 's/s3cret-t0ken | the first/&/' <<<"$out" | grep '^k.yaml:3')" 's3cret' 'not as a key either'
unset TOKEN

# --- a database that does not know every character
sql f postgres -c "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
sql f latin -c 'CREATE TABLE hard (id int PRIMARY KEY, must text NOT NULL)'
seeds; fixture h.yaml <<<$'table: hard\nrows:\n  - {id: 1, must: Rhône}\n  - {id: 2, must: 流量}'
run "$DRIVER" "$T/f" postgres latin "$T/seeds"
is "$rc $(grep -c . <<<"$out")" '1 2' 'LATIN1: one value does not fit'
like "$out" '^h.yaml:4:19: .*LATIN1' 'and it is the one'

# --- rights
seeds; fixture h.yaml <<<$'table: hard\nrows: [{id: 1, must: x}]'
run "$DRIVER" "$T/f" reader app "$T/seeds"
like "$out" '^h.yaml:1:8: no right to INSERT into "public"."hard".*GRANT .* TO reader' 'missing rights are named with their GRANT'
unlike "$out" 'SELECT from' 'and rights that are there are not'

# --- order of messages
seeds; fixture k.yaml <<<$'table: kinds\nrows:\n  - {id: a, day: x}\n  - {id: b, small: 99999}\n  - {id: c, day: y}\n  - {id: d, tier: z, up: w}'
look; like "$out" 'generated' 'a table whose columns are wrong has its rows checked later'
sed -i 's/, up: w//' "$T/seeds/k.yaml"; look
is "$(grep -oE '^k.yaml:[0-9]+' <<<"$out" | tr '\n' ' ')" 'k.yaml:3 k.yaml:4 k.yaml:5 k.yaml:6 ' 'in the order of the file, whoever found them'

# --- a CSV line of 4 GiB through a pipe: refused at 16 MiB, in little memory (test_csv counts what is read)
seeds
printf 'table: kinds\nrows: !csv k.csv\n' | fixture k.yaml
mkfifo "$T/seeds/k.csv"
(printf 'id,must\n1,'; head -c 4G /dev/zero | tr '\0' x) >"$T/seeds/k.csv" 2>/dev/null &
writer=$!
run "$DRIVER" "$T/f" postgres app "$T/seeds"
wait $writer 2>/dev/null
is "$rc" 1 'an endless line: exit 1'
like "$out" '^k.csv:2:1: a CSV row is longer than 16 MiB' 'an endless line: refused at the limit, with its place'

is "$(dump)" "$before" 'looking changed nothing'

# --- the whole way: a reference into a table that no fixture and no configuration names
seeds; fixture t.yaml <<<$'table: Station\nkey: [ofevCode]\nrows:\n  - {ofevCode: x, catchmentId: !ref {table: Catchment, slug: live}}'
so seed --url "$(url f app)" --seeds "$T/seeds"
is "$rc" 0 'a reference into a table without a fixture is written'
is "$(sql f app -c 'SELECT c.slug FROM "Station" s JOIN "Catchment" c ON c.id = s."catchmentId"')" live 'and finds its row'
so diff --url "$(url f app)" --seeds "$T/seeds"
is "$rc" 0 'then there is no difference'
finish
