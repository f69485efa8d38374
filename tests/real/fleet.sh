#!/usr/bin/env bash
# Several environments at once: 200 databases of one cluster, patterns, groups, lists; what is worst stands first, one that
# cannot be asked spoils no other, and the exit code is the worst one's.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
cluster_start c max_connections=40 || exit 1
mkdir -p seeds
cat >seeds/plan.yaml <<'END'
table: plan
environments: [tenants, listed, asked, one, bars-a, bars-b]
rows:
  - {id: 1, name: free}
  - {id: 2, name: plus}
END
createdb_in c tpl
sql c tpl -c "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus')"
for i in $(seq -w 1 200); do echo "create database tenant_$i template tpl;"; done | sql c postgres
config() { cat >seedops.yaml <<END
version: 1
seeds: seeds
tables: {plan: {class: context, min_rows: 2}}
environments:
  one: {url: "$(url c tpl)"}
  tenants: {url: "$(url c postgres)", databases: tenant_%}
  listed: {url: "$(url c postgres)", databases: [tenant_001, tenant_002, gone]}
  asked: {url: "$(url c postgres)", databases: {query: "select name from public.customers order by name"}}
  bars-a: {url: "$(url c tenant_001)"}
  bars-b: {url: "$(url c tenant_002)"}
groups:
  few: [one, bars-*]
  some: [tenants/tenant_01?, one]
${1:-}
END
}
config
sql c postgres -c "create table customers (name text); insert into customers values ('tenant_007'), ('tenant_008'), (null), ('tenant_007')"

# ---- all of them, with a server that has room for forty ----
so status tenants
is "$rc" 0 "200 databases that are all well"
is "$(grep -c '^✓ tenants/tenant_' <<<"$out")" 200 "each has its line"
is "$(tail -n 1 <<<"$out")" "200 environments: 200 healthy" "and all are counted"
is "$(grep -c '^[0-9]*/200 ✓' <<<"$err")" 200 "each was told as it came"
is "$(grep -c '"database":"tenant_' "$XDG_STATE_HOME/seedops/known_databases")" 200 "each is known from now on"
is "$(wc -l <"$XDG_STATE_HOME/seedops/known_databases")" 201 "once"
journal=$(ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | head -n 1)
is "$(jq -r '.in // {} | select(.kind == "status" and .number == 1) | .environment' "$journal" | sort -u | wc -l)" 200 "one journal has them all, each line with its environment"
is "$(jq -s '[.[] | .in // {} | select(.kind == "identity" or .kind == "status" or .kind == "connection") | has("environment")] | [length > 800, all]' -c "$journal")" '[true,true]' "and none without"
check "its lines fit the schema" python3 "$TOP/tests/schema.py" "$TOP/doc/journal.schema.json" "$journal"
is "$("$SEEDOPS" sessions --verify last | grep -c whole)" 1 "its chain is whole"

# Nobody knows how many connections there are for a list of names: more than the server has are asked again.
crowd=$(for i in $(seq -w 1 200); do printf 'tenant_%s, ' "$i"; done)
printf 'version: 1\nenvironments:\n  crowd: {url: "%s", databases: [%s]}\n' "$(url c postgres)" "${crowd%, }" >crowd.yaml
so count crowd --config crowd.yaml --seeds seeds --jobs 200
is "$rc $(tail -n 1 <<<"$out")" "0 200 environments: 200 counted" "a server without a free connection is asked again"
check "it was full" grep -q 'too many clients' "$T/c/server.log"

so replay "$(basename "$journal" .jsonl)" --dump 100x30 --at end
is "$rc $(grep -c 'tenants/tenant_0.*✓ yes' <<<"$out")" "0 $(grep -c 'tenants/tenant_0' <<<"$out")" "a replay shows the list as it was"
like "$out" '200 environments, nothing to mend' "with its sentence"

# ---- not all are well ----
sql c tenant_003 -c 'delete from plan where id = 2' -c 'vacuum plan'
sql c tenant_005 -c 'drop table plan'
sql c postgres -c 'drop database tenant_009' -c 'create role nobody login'
so status tenants
is "$rc" 4 "what differs is exit 4"
like "$(sed -n 2,3p <<<"$out" | cut -d' ' -f2 | sort | tr '\n' ' ')" '^tenants/tenant_003 tenants/tenant_005 $' "and stands first"
like "$(tail -n 1 <<<"$out")" '^199 environments: 197 healthy, 2 different$' "the dropped one is gone from them"
so status 'tenants/tenant_00?' --json
is "$rc $(jq -c '[.exit_code, (.environments | length), [.environments[:2][].environment] == ["tenants/tenant_003","tenants/tenant_005"] or .environments[0].exit_code == 4]' <<<"$out")" '4 [4,8,true]' "a pattern of databases, as one document"
jq -c . <<<"$out" >"$T/doc.json"
check "it fits the schema" python3 "$TOP/tests/schema.py" "$TOP/schemas/many.schema.json" "$T/doc.json"
is "$(jq -c '[.environments[].result.healthy] | group_by(.) | map(length)' <<<"$out")" '[2,6]' "each with what status says of one"
so status listed --json
is "$rc $(jq -c '[.environments[] | [.environment, .exit_code, .error.sqlstate, .result != null]]' <<<"$out")" \
    '2 [["listed/gone",2,"3D000",false],["listed/tenant_001",0,null,true],["listed/tenant_002",0,null,true]]' "a list with one that is not there: 2 is worse than 0"
jq -c . <<<"$out" >"$T/doc.json"
check "it fits the schema, too" python3 "$TOP/tests/schema.py" "$TOP/schemas/many.schema.json" "$T/doc.json"
so count asked
is "$rc $(grep -c '^✓ asked/tenant_00[78]' <<<"$out")" "0 2" "a list from a query: each name once, none that is null"
so status few
is "$rc $(awk 'NR > 1 && $2 {print $2}' <<<"$out" | head -n 3 | sort | tr '\n' ' ')" "0 bars-a bars-b one " "a group, with a pattern in it"
so count some
is "$(tail -n 1 <<<"$out")" "11 environments: 11 counted" "a group with databases of many"
so count one one bars-a one
is "$(tail -n 1 <<<"$out")" "2 environments: 2 counted" "what is named twice is looked at once"
so verify 'bars-*' tenants/tenant_003 --junit junit.xml --prometheus prom
is "$rc" 4 "verify of several"
like "$out" '^tenants/tenant_003: plan has 1 row, its floor is 2$' "a line a finding, with its environment"
is "$(grep -c '<testsuite ' junit.xml) $(grep -c '^# TYPE seedops_verify_up' prom) $(grep -c '^seedops_verify_up{' prom)" "3 1 3" "one JUnit file and one textfile of all"
check "the JUnit file is XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse("junit.xml")'
so diagnose tenants/tenant_003 tenants/tenant_004
is "$rc" 0 "diagnose of several"
like "$(sed -n 2p <<<"$out")" '^! tenants/tenant_003 +deleted' "the loss first"

# ---- without rights ----
sql c tenant_002 -c 'analyze plan'
sed -i "s#postgres@/tenant_002#nobody@/tenant_002#" seedops.yaml
so count one bars-b
is "$rc" 1 "a table that may not be read is no success"
like "$(sed -n 2p <<<"$out")" '^✗ bars-b .*plan: not permitted' "and says so"
config

# ---- names are foreign text, and no part of a statement ----
evil=$'tenant_\e[31m"; drop database tenant_010; --'
sql c postgres -c "create database \"${evil//\"/\"\"}\" template tpl"
so status 'tenants/tenant_[!0-9]*'
is "$rc $(printf '%s%s' "$out" "$err" | LC_ALL=C grep -c $'\e')" "0 0" "a hostile name reaches no terminal"
like "$out" 'tenants/tenant_.+31m' "but is shown"
so status 'tenants/tenant_[!0-9]*' --json
is "$(jq -r '.environments[0].database' <<<"$out")" "$evil" "and is whole in JSON"
is "$(sql c postgres -c "select count(*) from pg_database where datname = 'tenant_010'")" 1 "nothing was dropped"
sql c postgres -c "drop database \"${evil//\"/\"\"}\""

# ---- one of many ----
so status tenants/tenant_004
is "$rc $(head -n 1 <<<"$out" | cut -d' ' -f1)" "0 tenants/tenant_004" "one database of many is an environment"
so seed tenants/tenant_003 --json
is "$rc $(jq .applied <<<"$out") $(sql c tenant_003 -c 'select count(*) from plan')" "0 true 2" "also to be written to"
so seed tenants
is "$rc" 64 "many at once are not written to"
like "$err" 'stands for many databases' "and it says why"
so seed few; is "$rc" 64 "nor is a group"
so status listed/tenant_004; is "$rc" 64 "one that a list lacks is refused"
so status tenants/postgres; is "$rc" 64 "so is one that the pattern does not fit"
so status tenants/zz; like "$err" 'has no database "zz"' "by name"

# ---- what means nothing ----
so status 'zz-*'; is "$rc" 64 "a pattern that fits nothing"
so status one zz; is "$rc" 64 "a name that is none"
so status tenants/zz*; is "$rc" 1 "databases of which there are none: to look at nothing is no success"
so status one bars-a --jobs 0; is "$rc" 64 "--jobs wants one at least"
so status one bars-a --jobs 201; is "$rc" 64 "and 200 at most"
so diff tenants; is "$rc" 64 "diff is of one database"
bad() { config "$1"; so status one; is "$rc" 1 "$2"; like "$err" "$3" "with its place"; like "$err" "$4" "and what to do"; }
bad '  typo: [bars-c]' "a member that is none" 'at: seedops.yaml:14:10' 'Did you mean "bars-a"'
bad '  one: [one]' "a group named as an environment is" 'seedops.yaml:14:3' 'another name'
bad '  p: ["zz*"]' "a pattern without members" 'seedops.yaml:14:7' 'tenant-\*'
config; sed -i 's/databases: tenant_%/databases: {querry: x}/' seedops.yaml
so status one; like "$err" 'Did you mean "query"' "a key of databases that is none"
config

# ---- the password is made once ----
sed -i "s#databases: tenant_%#databases: tenant_%, password_command: \"echo x >>$T/asked; echo secret\"#" seedops.yaml
mkdir -p "$HOME/.config/seedops"; cp seedops.yaml "$HOME/.config/seedops/"
so status 'tenants/tenant_02?' --config "$HOME/.config/seedops/seedops.yaml" --seeds seeds
is "$rc $(wc -l <"$T/asked") $(tail -n 1 <<<"$out")" "0 1 10 environments: 10 healthy" "password_command runs once for all"
unlike "$(cat "$XDG_STATE_HOME"/seedops/sessions/*.jsonl)" 'secret"' "the password is in no journal"
config

# ---- cancelled: all of them, soon ----
cluster_stop c
mkdir -p "$T/silent"
python3 - "$T/silent" "$T/accepted" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + "/.s.PGSQL.5432"); s.listen(500)
kept = []
while True:
    kept.append(s.accept()[0])
    with open(sys.argv[2], "a") as f: f.write("x\n")
PY
backgrounds+=($!)
wait_for 10 test -S "$T/silent/.s.PGSQL.5432"
names=$(for i in $(seq -w 1 50); do printf '%sq%s' "${sep:-}" "$i"; sep=', '; done)
printf 'version: 1\nenvironments:\n  quiet: {url: "postgresql://postgres@/x?host=%s", databases: [%s]}\n' "$T/silent" "$names" >quiet.yaml
"$SEEDOPS" status quiet --config quiet.yaml --jobs 20 >"$T/out" 2>"$T/err" & pid=$!
wait_for 60 sh -c "[ \$(wc -l <'$T/accepted') -ge 20 ]"
kill -INT "$pid"; wait "$pid"; rc=$?
is "$rc" 130 "SIGINT ends all of them"
is "$(awk '$2 ~ "^quiet/q"' "$T/out" | wc -l)" 50 "and each still has its line, those that were not begun too"
is "$(wc -l <"$T/accepted")" 20 "--jobs 20 was no more than twenty at once"

# ---- the server goes away in the middle ----
cluster_start c || exit 1
config
for i in $(seq -w 1 200); do [ "$i" = 009 ] || echo "tenant_$i"; done >expected
rm -f "$T/out" "$T/err"      # what the last command said is no sign of this one
"$SEEDOPS" verify tenants --jobs 4 >"$T/out" 2>"$T/err" & pid=$!
wait_for 60 sh -c "grep -q '^20/' '$T/err'"
cluster_stop c immediate
wait "$pid"; rc=$?
like "$rc" '^[12]$' "a server that goes away in the middle: what was lost on the way is worse than what was not ready"
is "$(awk '$2 ~ "^tenants/" && sub("tenants/", "", $2) {print $2}' "$T/out" | sort)" "$(cat expected)" "every database has one line"
[ "$(grep -c '^✓ tenants/' "$T/out")" -ge 18 ] && ok "those that were done by then are well" || not_ok "those that were done by then are well"
like "$(tail -n 1 "$T/out")" 'not ready' "the others were not ready"
so status tenants
is "$rc" 2 "nobody there to say which databases there are"
like "$(sed -n 2p <<<"$out")" '^✗ tenants .*which databases tenants stands for' "is a line, too"
finish
