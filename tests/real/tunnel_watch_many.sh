#!/usr/bin/env bash
# Forty databases behind one SSH session, watched by one process: the session is one, each database has a connection through it,
# and when it is cut all of them come back by one other session, each told once.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
port=$(free_port)
cluster_start c max_connections=120 "listen_addresses='127.0.0.1'" "port=$port" || exit 1
export PGPORT=$port
sshd_start vps || exit 1
ssh_config <<END
$(ssh_alias vps vps)
END
mkdir seeds
printf 'table: plan\nrows:\n  - {id: 1, name: free}\n  - {id: 2, name: plus}\n' >seeds/plan.yaml
sql c postgres -c 'create database tpl'
sql c tpl -c "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus')"
for i in $(seq -w 1 40); do echo "create database tenant_$i template tpl;"; done | sql c postgres
cat >seedops.yaml <<END
version: 1
seeds: seeds
tables: {plan: {class: context, min_rows: 2}}
environments:
  far: {url: "postgresql://postgres@127.0.0.1:$port/postgres", databases: tenant_%, role: staging, tunnel: {ssh: vps}}
END
log=$T/log events=$T/events; : >"$log"; : >"$events"
"$SEEDOPS" watch far --interval 0.5 --exec "cat >>'$events'" >"$log" 2>"$T/watch.err" </dev/null & watch=$!; backgrounds+=("$watch")
lines() { [ "$(grep -c "$1" "$log")" -ge "$2" ]; }
has_heard() { [ "$(jq -r 'select(.event == "'"$1"'") | .environment' "$events" 2>/dev/null | wc -l)" -ge "$2" ]; }
check "forty databases are watched" wait_for 90 lines '"message":"watching ' 40
is "$(sshd_sessions vps | wc -l)" 1 "through one SSH session"
is "$(grep -c '"event":' "$log")" 0 "and all is well"
# shellcheck disable=SC2046
kill -9 $(sshd_sessions vps)
back() { jq -r 'select(.event == "reconnected" or .event == "reachable") | .environment' "$events" 2>/dev/null | sort -u | wc -l; }
all_back() { [ "$(back)" -ge 40 ]; }
wait_for 90 all_back; is "$(back)" 40 "the session is cut: each is there again, and told"
is "$(sshd_sessions vps | wc -l)" 1 "through one session again"
is "$(jq -r '.environment + " " + .event' "$events" | sort | uniq -d)" "" "nothing was told twice"
sql c tenant_07 -c 'delete from plan where id = 2'
check "what is lost behind it is seen" wait_for 60 has_heard below-floor 1
is "$(jq -r 'select(.event == "below-floor") | .environment' "$events")" far/tenant_07 "by its name"
kill -TERM "$watch"; wait "$watch"; is "$?" 0 "SIGTERM ends all of them"
no_sessions() { [ -z "$(sshd_sessions vps)" ]; }
check "and the session" wait_for 30 no_sessions
is "$(cat "$T/watch.err")" "" "nothing went to stderr"
finish
