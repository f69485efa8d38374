#!/usr/bin/env bash
# One watch of many: 60 databases of one server, a lone one, and some that are not there. Every event carries its environment,
# reaches the command and is told once; what one of them does keeps no other from being watched; databases that come later
# join; SIGTERM ends all at once; with fewer connections than databases they take turns.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
cluster() { cluster_start c max_connections=200; }
cluster || exit 1
mkdir -p seeds
cat >seeds/plan.yaml <<'END'
table: plan
rows:
  - {id: 1, name: free}
  - {id: 2, name: plus}
END
createdb_in c tpl
sql c tpl -c "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus')"
for i in $(seq -w 1 60); do echo "create database tenant_$i template tpl;"; done | sql c postgres
cluster_start d || exit 1
sql d postgres -c 'create database lone'
cat >seedops.yaml <<END
version: 1
seeds: seeds
tables: {plan: {class: context, min_rows: 2}}
environments:
  lone: {url: "$(url d lone)"}
  tenants: {url: "$(url c postgres)", databases: tenant_%}
  listed: {url: "$(url c postgres)", databases: [tenant_01, tenant_02, gone]}
  unset: {url: "\${NOT_SET_URL}"}
  away: {url: "postgresql://postgres:s3cr3t-canary@127.0.0.1:1/x"}
groups:
  all: [tenants, lone]
END
sql d lone -c "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus')"
log=$T/log events=$T/events
watch_start() { : >"$log"; : >"$events"; "${bin:-$SEEDOPS}" watch "$@" --interval "${interval:-0.5}" --exec "cat >>'$events'" >"$log" 2>"$T/watch.err" & watch=$!; backgrounds+=("$watch"); }
looking() { wait_for 60 looks_at "$1"; }
looks_at() { [ "$(grep -c '"message":"watching ' "$log")" -ge "$1" ]; }
heard() { jq -r 'select(.event == "'"$1"'") | .environment' "$events" 2>/dev/null | sort; }
has_heard() { [ "$(heard "$1" | wc -l)" -ge "$2" ]; }
check_heard() { wait_for 90 has_heard "$1" "$2"; is "$(heard "$1" | wc -l)" "$2" "$3"; }
ends() { kill -TERM "$watch"; wait "$watch"; rc=$?; }
tenant() { printf 'tenants/tenant_%02d\n' "$@"; }

# ---- all of them, one of which is down and one is no environment at all
watch_start all away unset
looking 61
is "$(jq -r 'select(.message | startswith("watching")) | .environment' "$log" | sort -u | wc -l)" 61 "each is watched, and its line says which it is"
check "one process, one connection each" wait_for 30 sh -c "[ \"\$('$PSQL' -XAtq -h '$T/c' -U postgres -d postgres -c \"select count(*) || ' ' || count(distinct datname) from pg_stat_activity where application_name = 'seedops'\")\" = '60 60' ]"
check_heard unreachable 1 "what is down is told"
like "$(grep '"environment":"unset"' "$log")" 'NOT_SET_URL.*"environment":"unset"' "so is what can never be watched"
sql c tenant_07 -c 'delete from plan where id = 2'; sql c tenant_08 -c 'delete from plan where id = 2'
check_heard below-floor 2 "two of them lose rows"
is "$(heard below-floor | tr '\n' ' ')" "$(tenant 7 8 | tr '\n' ' ')" "which are named"
is "$(jq -r 'select(.event == "below-floor") | .environment + " " + .diagnosis.verdict + " " + .server.database' "$events" | sort | tr '\n' ';')" "tenants/tenant_07 deleted tenant_07;tenants/tenant_08 deleted tenant_08;" "each with a diagnosis of its own"
cluster_stop c
check_heard unreachable 61 "their server is gone: each is told"
sql d lone -c 'delete from plan where id = 2'
check_heard below-floor 3 "meanwhile another one is watched as before"
is "$(heard below-floor | head -n 1)" lone "by its name"
cluster; check_heard reachable 60 "the server is back: each is told"
sql c postgres -c 'create database tenant_61 template tpl'
ends
is "$rc" 1 "SIGTERM ends all of them; one was never watched, and that is the exit code"
like "$(tail -n 1 "$log" | jq -r .message)" '^watch of 63 environments ended: [0-9]+ looks, 124 events$' "the last line sums them up"
is "$(jq -r .id "$events" | sort | uniq -d)" "" "every event has an id of its own"
is "$(wc -l <"$events")" 124 "and was passed on once"
check "every event fits its schema" python3 "$TOP/tests/schema.py" "$TOP/schemas/watch-event.schema.json" "$events"
check "every line fits the schema" python3 "$TOP/tests/schema.py" "$TOP/schemas/log-line.schema.json" "$log"
unlike "$(cat "$log" "$events")" s3cr3t-canary "no password in either"
is "$(cat "$T/watch.err")" "" "nothing went to stderr"
check "its session is whole" "$SEEDOPS" sessions --verify
so replay last --dump 100x30 --at end; is "$rc" 0 "and can be replayed"

# ---- again: what was told is remembered, whoever told it
sql d lone -c "insert into plan values (2, 'plus')"
watch_start tenants lone
looking 62
check_heard floor-restored 1 "what happened meanwhile is told"
is "$(heard floor-restored) $(heard below-floor | wc -l)" "lone 0" "and nothing again; a new database has joined"
ends; is "$rc" 0 "all are well to be ended: exit 0"
run "$SEEDOPS" watch tenants/tenant_07 --interval 0.2 --timeout 1000 --json
is "$rc $(jq -r .events <<<"$out")" "0 0" "one of them alone knows what was told of it"

# ---- a list whose server does not answer yet
cluster_stop c
watch_start tenants lone
check "the lone one is watched" looking 1
check "that the others are not known is said" wait_for 30 grep -q 'tenants: its databases are not known' "$log"
cluster; check "and they are watched once it answers" looking 62
ends; is "$rc" 0 "which is no error"

# ---- a database that is dropped, a list with one that is not there
watch_start listed
looking 2
check_heard unreachable 1 "a database of a list that is not there"
is "$(heard unreachable)" listed/gone "is named"
ends

# ---- until something is bad
run "$SEEDOPS" watch lone 'tenants/tenant_0[1-6]' --until-bad --interval 0.2 --timeout 1500; is "$rc" 0 "--until-bad --timeout: all well, exit 0"
run "$SEEDOPS" watch lone tenants --until-bad --interval 0.2 --exec "cat >>'$T/last'"; is "$rc" 4 "one is not: exit 4"
like "$(jq -r .environment "$T/last")" '^tenants/tenant_0[78]$' "and it is told which"
run "$SEEDOPS" watch lone away --until-bad; is "$rc" 2 "one does not answer: exit 2"
run "$SEEDOPS" watch lone listed --interval 0.2 --timeout 1500 --json
is "$rc $(jq -r '[.well, (.environments | length), .exit_code]' -c <<<"$out")" '0 [true,4,0]' "--json: one document with all of them"
is "$(jq -r '.looks == ([.environments[].looks] | add)' <<<"$out")" true "whose numbers add up"
run "$SEEDOPS" watch lone 'nothing-*'; is "$rc" 64 "a pattern that fits nothing is a mistake"
run "$SEEDOPS" watch lone tenants --jobs 201; is "$rc" 64 "so is --jobs 201"

# ---- fewer connections than databases
sql c postgres -c 'alter system set max_connections = 30'; cluster_stop c; cluster
sql c tenant_07 -c "insert into plan values (2, 'plus')"; sql c tenant_08 -c "insert into plan values (2, 'plus')"
interval=0.2; watch_start tenants
looking 61
like "$(grep '"level":"warn"' "$log")" 'can spare [0-9]+ connections for 61 databases: they take turns' "too few connections are told"
sql c tenant_42 -c 'delete from plan where id = 1'
check_heard below-floor 1 "and all of them are watched"
is "$(heard below-floor) $(heard unreachable | wc -l)" "tenants/tenant_42 0" "none is told to be away"
ends; is "$rc" 0 "ended"

# ---- memory, of a binary without sanitizers: the same after restarts of the server
if [ -x "${SEEDOPS_PLAIN:-}" ]; then
    anon() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$watch/status"; }
    sql c postgres -c 'alter system set max_connections = 200'; cluster_stop c; cluster
    bin=$SEEDOPS_PLAIN; watch_start tenants
    looking 61
    for round in 1 2 3 4 5 6 7 8; do
        cluster_stop c; wait_for 60 has_heard unreachable $((61 * round)); cluster; wait_for 60 has_heard reachable $((61 * round))
        [ $round = 4 ] && first=$(anon)
    done
    is "$(heard unreachable | wc -l) $(heard reachable | wc -l)" "488 488" "eight restarts, each told once of each"
    check "memory is flat: $first kB, then $(anon) kB" [ "$(anon)" -le $((first + first / 4)) ]
    ends
else echo "# SKIP part: no binary without sanitizers (SEEDOPS_PLAIN)"; fi
finish
