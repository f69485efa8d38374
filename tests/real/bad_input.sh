# Bad input: one clear message with its place, a non-zero exit, and nothing changed. Each case is a copy of the
# sample project with one thing wrong, run against a migrated and half-seeded database whose dump must stay the same.
. "$(dirname "$0")/../lib.sh"
cluster_start c || exit 1
createdb_in c good
export LOCAL_DATABASE_URL
LOCAL_DATABASE_URL=$(url c good)
cd "$TOP" && "$SEEDOPS" migrate local >/dev/null 2>&1
sql c good -c "CREATE TABLE plain (a int, b text)" -c "CREATE TABLE ring_a (id int PRIMARY KEY, b int NOT NULL)" \
    -c "CREATE TABLE ring_b (id int PRIMARY KEY, a int NOT NULL REFERENCES ring_a)" \
    -c "ALTER TABLE ring_a ADD CONSTRAINT ring_a_b_fkey FOREIGN KEY (b) REFERENCES ring_b"
dump() { "$PGBIN/pg_dump" -h "$T/c" -U postgres good | grep -vE '^\\(un)?restrict' | sha256sum; }
clean=$(dump)

project() { rm -rf "$T/p"; mkdir "$T/p"; cp -r "$TOP/migrations" "$TOP/seeds" "$TOP/seedops.yaml" "$T/p"; cd "$T/p" || exit 1; }
# bad NAME EXIT PLACE-REGEX WORDS-REGEX COMMAND...: run in the mutated project
bad() {
    local name=$1 code=$2 place=$3 words=$4; shift 4
    so "$@"
    is "$rc" "$code" "$name: exit $code"
    like "$err" "$place" "$name: the place is named"
    like "$err" "$words" "$name: what is wrong is said"
    is "$(dump)" "$clean" "$name: nothing was changed"
    unlike "$err$out" $'\033' "$name: no escape reaches the terminal"
    so "$@" --json
    if jq -e '.error.class' <<<"$out" >/dev/null 2>&1; then ok "$name: --json has the error"; else not_ok "$name: --json has the error"; note "$out"; fi
}
fixture() { cat >"$T/p/seeds/$1.yaml"; }

# ---- configuration
project; sed -i 's/^project:/projekt:/' seedops.yaml
bad 'unknown key' 1 'seedops\.yaml:3:1' 'project' status local
project; sed -i 's/min_rows: 7}/min_rows: many}/' seedops.yaml
bad 'wrong type' 1 'seedops\.yaml:[0-9]+:[0-9]+' 'min_rows' status local
project; sed -i 's/^version: 1/version: 1\nversion: 1/' seedops.yaml
bad 'duplicate key in the configuration' 1 'seedops\.yaml:3' 'version' status local
project; LOCAL_DATABASE_URL='' bad 'empty variable' 1 'seedops\.yaml:[0-9]+' 'LOCAL_DATABASE_URL.*empty|empty.*LOCAL_DATABASE_URL' status local
project; bad 'URL with a bad port' 1 'url|URL' '65536|port' status --url 'postgresql://u@127.0.0.1:99999/x'
project; bad 'an unknown environment' 64 'prodction' 'local' status prodction

# ---- fixtures
project; fixture glacier <<<$'table: Glacier\nkey: [sgiCode]\nrows:\n  - {sgiCode: A, name: x}\n  - {sgiCode: A, name: y}'
bad 'duplicate key in a fixture' 1 'seeds/glacier\.yaml:5' 'sgiCode|twice|again|duplicate' seed local
project; sed -i 's/slug: rhone}/slug: aare}/' seeds/station.yaml
bad 'a reference to nobody' 1 'seeds/station\.yaml:[0-9]+:[0-9]+' 'aare' seed local
project; fixture a <<<$'table: ring_a\nrows:\n  - {id: 1, b: 1}'; fixture b <<<$'table: ring_b\nrows:\n  - {id: 1, a: 1}'
bad 'a cycle' 1 'ring_a' 'ring_b' seed local
project; sed -i "s/name: \"Rhône, Sion\"/name: \"$(printf 'x%.0s' {1..121})\"/" seeds/station.yaml
bad 'value too long' 1 'seeds/station\.yaml:[0-9]+:[0-9]+' '120' seed local
project; sed -i '0,/kind: LIVE/s//kind: LIFE/' seeds/station.yaml
bad 'bad enum label' 1 'seeds/station\.yaml:[0-9]+:[0-9]+' 'LIVE' seed local
project; sed -i '0,/kind: LIVE/s//kind: null/' seeds/station.yaml
bad 'NULL in NOT NULL' 1 'seeds/station\.yaml:[0-9]+:[0-9]+' '(null|NULL)' seed local
project; sed -i 's/  operator: /  operater: /; s/operator: Forces/operater: Forces/' seeds/withdrawal.yaml
bad 'a missing column' 1 'seeds/withdrawal\.yaml:[0-9]+:[0-9]+' 'operater' seed local
project; printf 'table: Glacier\nkey: [sgiCode]\nrows:\n  - {sgiCode: A, name: "x\xff"}\n' >seeds/glacier.yaml
bad 'broken UTF-8' 1 'seeds/glacier\.yaml:4' 'UTF-8' seed local
project; fixture glacier <<<$'table: Glasier\nrows: []'
bad 'a fixture for an unknown table' 1 'seeds/glacier\.yaml:1' 'Glacier' seed local
project; fixture plain <<<$'table: plain\nkey: [a]\nrows:\n  - {a: 1}'
bad 'a key without a unique index' 1 'seeds/plain\.yaml:2' 'unique' seed local
project; fixture glacier <<<$'table: Glacier\nkey: [sgiCode]\nmodus: upsert\nrows: []'
bad 'unknown key in a fixture' 1 'seeds/glacier\.yaml:3:1' 'mode' seed local
project; printf 'table: Glacier\nkey: [sgiCode]\nrows:\n  - {sgiCode: "a\\e]0;pwned\\a", name: x, areaKm2: "1\\e[31m"}\n' >seeds/glacier.yaml
bad 'hostile bytes in a value' 1 'seeds/glacier\.yaml:4' 'areaKm2' seed local
project; sed -i 's/^  - /  -\t/' seeds/glacier.yaml; printf 'table: Glacier\n\trows: []\n' >seeds/glacier.yaml
bad 'broken YAML' 1 'seeds/glacier\.yaml:2' '.' seed local

# A CSV line of 4 GB, through a pipe: refused at the documented limit, in bounded memory.
project; printf 'table: Glacier\nkey: [sgiCode]\nrows: !csv glacier.csv\n' >seeds/glacier.yaml; mkfifo seeds/glacier.csv
(printf 'sgiCode,name\nA,"'; head -c 4G /dev/zero | tr '\0' x) >seeds/glacier.csv 2>/dev/null &
writer=$!
so_limited() { (ulimit -v "${LIMIT:-1500000}"; exec "${SEEDOPS_PLAIN:-$SEEDOPS}" "$@"); }
if [ -n "${SEEDOPS_PLAIN:-}" ]; then run so_limited seed local; else so seed local; fi
kill $writer 2>/dev/null; wait $writer 2>/dev/null
is "$rc" 1 'a 4 GB CSV line: exit 1'
like "$err" 'glacier\.(csv|yaml)' 'a 4 GB CSV line: the place is named'
is "$(dump)" "$clean" 'a 4 GB CSV line: nothing was changed'

# ---- migrations
project; echo '-- edited' >>migrations/20251020081502_init/migration.sql
bad 'a modified migration' 3 '20251020081502_init' 'modified|changed|checksum' migrate local
project; mkdir migrations/20270101000000_bad; printf 'CREATE TABLE made_first (i int);\nALTER TABLE "Nowhere" ADD x int;\n' >migrations/20270101000000_bad/migration.sql
bad 'a failing migration' 3 'migration\.sql:2' 'Nowhere' migrate local
so migrate status local --json
is "$(jq -r '.migrations[] | select(.name | endswith("_bad")) | .state' <<<"$out")" pending 'a failing migration: it is pending, and left nothing behind'
so migrate status local
like "$err" 'next: .*seedops migrate local' 'advice names the environment where there are several'
createdb_in c flyway
sql c flyway -c 'CREATE TABLE flyway_schema_history (installed_rank int, version text, description text, type text, script text, checksum int, installed_by text, installed_on timestamp, execution_time int, success boolean)'
project; LOCAL_DATABASE_URL=$(url c flyway) so migrate local
is "$rc" 3 'a ledger of another tool: exit 3'
like "$err" 'Flyway' 'a ledger of another tool: it is named'
is "$(sql c flyway -c "SELECT count(*) FROM pg_class WHERE relname = '_prisma_migrations'")" 0 'a ledger of another tool: nothing was made'

# ---- servers that are no help
fake() { python3 "$TOP/tests/fake_server.py" "$T/fake.sock.d" "$@" & fakes+=($!); wait_for 5 test -S "$T/fake.sock.d/.s.PGSQL.5432"; }
fakes=()
mkdir -p "$T/fake.sock.d"
fake_url="postgresql://u@/x?host=$T/fake.sock.d"
project; fake paused; so status --url "$fake_url"
is "$rc" 2 'a paused project: exit 2'; like "$err" 'paused' 'a paused project: said as such'
kill "${fakes[@]}"; wait "${fakes[@]}" 2>/dev/null; fakes=()
fake starting 4; so wait --url "$fake_url" --timeout 20000 --log-format text
is "$rc" 2 'a server that is starting up, then closes for good: exit 2'
like "$out" 'starting up' 'a server that is starting up: each attempt says so'
kill "${fakes[@]}"; wait "${fakes[@]}" 2>/dev/null; fakes=()
fake hang; start=$SECONDS; so status --url "$fake_url"
is "$rc" 2 'a server that accepts and hangs: exit 2'
[ $((SECONDS - start)) -lt 25 ] && ok 'a server that accepts and hangs: within its deadline' || not_ok 'a server that accepts and hangs: within its deadline'
kill "${fakes[@]}"; wait "${fakes[@]}" 2>/dev/null
sql c good -c "CREATE ROLE \"with\" LOGIN PASSWORD 'p@ss:w/rd'"
for words in replay report sessions 'sessions --verify' 'restore local' 'restore --to-sql' 'restore --list' 'sessions --merge a'; do
    so $words 'postgresql://with:hunter2@/good'
    is "$rc" 64 "$words URL: exit 64"
    unlike "$out$err" 'hunter2' "$words URL: its password is not said"
    like "$out$err" 'looks like a URL' "$words URL: what is wrong is"
done
so status --url "postgresql://with:p%40ss%3Aw%2Frd@/good?host=$T/c" --json
like "$rc" '^[0345]$' 'a password with @, encoded: the URL is understood'
unlike "$out$err" 'p@ss' 'a password with @: it is nowhere to be seen'
finish
