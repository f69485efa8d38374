#!/usr/bin/env bash
# What every command does around its operation: foreign names are shown visibly, refusals are on record, times have a limit.
. "$(dirname "$0")/../lib.sh"
cluster_start main || exit 1
createdb_in main app
mkdir -p "$T/p/prisma/migrations/0_init" "$T/p/seeds"; cd "$T/p" || exit 1
echo 'select 1;' >prisma/migrations/0_init/migration.sql
printf 'environments:\n  local: {url: "%s"}\n  staging: {url: "%s"}\n' "$(url main app)" "$(url main app)" >seedops.yaml

# ---- names of the ledger and the catalogue ----
so migrate local
sql main app -c "update _prisma_migrations set migration_name = E'zzz\\x1b[31mred\\u009b'" -c "create table \"t$(printf '\033')[31m\" (i int)"
for command in status 'migrate status' count 'migrate --dry-run' 'status --json'; do
    # shellcheck disable=SC2086
    so $command local
    is "$(printf '%s%s' "$out" "$err" | LC_ALL=C grep -c -e $'\x1b' -e $'\xc2\x9b')" 0 "$command sends no foreign escape to the terminal"
done
like "$(so status local; echo "$out")" 'zzz.+31mred' "but shows that it is there"

# ---- refusals ----
sql main app -c 'create table s (id int primary key)'
printf 'table: s\nrows:\n  - {id: 1}\n' >seeds/s.yaml
so seed staging
is "$rc" 5 "a seed that is refused"
journal=$(ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | head -n 1)
like "$(cat "$journal")" 'ALLOW_PROD_SEED is not set' "is on record, with its reason"
like "$(grep "\"kind\":\"outcome\"" "$journal")" "refused" "as its outcome"

# ---- --json: one document on stdout, whatever happens ----
json() { so "$@" --json; is "$rc $(jq -c "$filter" <<<"$out" 2>&1)" "$want" "$*"; }
filter='[.error.class, .exit_code]' want='64 ["usage",64]'; json status --bogus; json status local two
filter='[.table, .output, (.fixture | startswith("table: s"))]' want='0 ["s",null,true]'; json capture local s
filter='[.table, .output, .fixture]' want='0 ["s","s.yaml",null]'; json capture local s --output s.yaml

# ---- times ----
for ms in 0 1000000001 9223372036854775807 99999999999999999999; do
    so wait local --timeout "$ms"
    is "$rc" 64 "--timeout $ms is no time to wait"
    DB_TIMEOUT=$ms so wait local
    is "$rc" 64 "nor is it as DB_TIMEOUT"
done
# ---- a command leaves no core file behind: what /proc has of it belongs to root, as that of no other process of its user
if [ "$(id -u)" = 0 ]; then
    as_server env HOME=/nonexistent DB_TIMEOUT=20000 "$SEEDOPS" wait --url "postgresql://x:s3cret@127.0.0.1:1/x" >"$T/wait.log" 2>&1 & waiting=$!
    wait_for 10 grep -q 'attempt 1' "$T/wait.log"
    pid=$(innermost "$waiting")
    is "$(stat -c %u "/proc/$pid/environ")" 0 "a command cannot be dumped"
    kill "$pid"; wait "$waiting"
fi
finish
