#!/usr/bin/env bash
# watch through our own SSH tunnel, under a fault script: the session cut, the SSH server stopped and started, silent, with another
# host key meanwhile, and the database behind it restarted. Every event is told once and none is missed, it comes back by itself
# and asks nobody; neither connections nor descriptors nor memory grow. FULL=1: again and again for
# ten minutes, memory sampled throughout.
. "$(dirname "$0")/../lib.sh"
port=$(free_port)
cluster_start c "listen_addresses='127.0.0.1'" "port=$port" || exit 1
sshd_start vps || exit 1
ssh_key "$T/other"
ssh_config <<END
$(ssh_alias vps vps)
END
far() { "$PSQL" -XAtq -v ON_ERROR_STOP=1 -h "$T/c" -p "$port" -U postgres -d "${2:-app}" -c "$1"; }
far 'create database app' postgres
far "create table plan (id int primary key, name text not null); insert into plan values (1, 'free'), (2, 'plus')"
mkdir -p "$T/project/seeds"; cd "$T/project" || exit 1
printf 'table: plan\nrows:\n  - {id: 1, name: free}\n  - {id: 2, name: plus}\n' >seeds/plan.yaml
cat >seedops.yaml <<END
version: 1
seeds: seeds
tables: {plan: {class: context, min_rows: 2}}
environments:
  far: {url: "postgresql://postgres@127.0.0.1:$port/app", role: staging, tunnel: {ssh: vps}}
END
log=$T/log events=$T/events; : >"$log"; : >"$events"
bin=$SEEDOPS; [ -n "${FULL:-}" ] && [ -x "${SEEDOPS_PLAIN:-}" ] && bin=$SEEDOPS_PLAIN
watch_start() { "$bin" watch far --interval 0.2 --exec "cat >>'$events'" "$@" >>"$log" 2>"$T/watch.err" </dev/null & watch=$!; backgrounds+=("$watch"); }
looking() { wait_for 60 grep -q '"watching far' "$log"; }
told() { grep '"event":' "$log" | grep '"eventId"' | jq -r .event; }
test_told() { [ "$(told | wc -l)" -ge ${#want[@]} ]; }
newest() { tail -n 1 "$events" | jq -r "$1"; }
want=()
# after STEP EVENT...: the events that follow, all of them, in this order
after() {
    local step=$1 got; shift; want+=("$@")
    wait_for 120 test_told || :
    got=$(told | tail -n +$((${#want[@]} - $# + 1)) | tr '\n' ' ')
    is "$got" "$(printf '%s ' "$@")" "$step: $*"
    [ "$got" = "$(printf '%s ' "$@")" ] || mapfile -t want < <(told)
}
sessions() { sshd_sessions vps | wc -l; }
cut_off() { sshd_sessions vps | xargs -r kill -9; }
ours() { pgrep -P "$1" | while read -r p; do echo "$p"; ours "$p"; done; }
all_of_it() { local pid; pid=$(cat "$T/vps/pid"); held="$pid $(ours "$pid" | tr '\n' ' ')"; }
fds() { find "/proc/$watch/fd" -mindepth 1 | wc -l; }
threads() { find "/proc/$watch/task" -mindepth 1 -maxdepth 1 | wc -l; }
anon() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
looks() { far "select coalesce(sum(xact_commit), 0) from pg_stat_database where datname = 'app'"; }
many_looks() { local from; from=$(looks); wait_for 60 more_than "$from" 10; }
more_than() { local n; n=$(looks); [ "${n:-0}" -ge $((${1:-0} + $2)) ]; }
watch_start; looking
is "$(told | wc -l)" 0 "all is well: nothing to tell"
many_looks
descriptors=$(fds) tasks=$(threads)
is "$(sessions)" 1 "one SSH session"
faults() {
    local pid
    cut_off; after "its session cut" reconnected
    is "$(sessions)" 1 "a new session, and one"
    all_of_it; sshd_stop vps
    # shellcheck disable=SC2086
    kill -9 $held 2>/dev/null; after "the SSH server stopped" unreachable
    like "$(newest .message)" 'refused|127.0.0.1' "which says what does not answer"
    sshd_start vps || exit 1; after "and started" reachable
    cluster_stop c; after "the database behind it stopped" unreachable
    cluster_start c; after "and started" reachable
    all_of_it
    # shellcheck disable=SC2086
    kill -STOP $held; after "the SSH server silent" unreachable
    # shellcheck disable=SC2086
    kill -CONT $held; after "and going on" reachable
    # another machine answers under its name
    all_of_it; sshd_stop vps
    cp "$T/vps/host" "$T/vps/host.kept"; cp "$T/other" "$T/vps/host"
    sshd_start vps || exit 1
    cp "$T/vps/known.kept" "$T/vps/known_hosts"      # sshd_start wrote the new key
    # shellcheck disable=SC2086
    kill -9 $held 2>/dev/null; after "its host key changed" unreachable
    like "$(newest .message)" 'key of the SSH server .* has changed' "which is said"
    wait_for 60 visited $(($(visits) + 3)); is "$(told | wc -l)" ${#want[@]} "once, however often it is tried again"
    sshd_stop vps; cp "$T/vps/host.kept" "$T/vps/host"; sshd_start vps || exit 1
    cp "$T/vps/known.kept" "$T/vps/known_hosts"
    after "the right one again" reachable
    far 'delete from plan where id = 2'; after "rows are missing" below-floor
    cut_off; after "cut off with that told" reconnected
    far "insert into plan values (2, 'plus')"; after "rows are back" floor-restored
    many_looks
}
visits() { grep -c 'Connection from' "$T/vps/log"; }
visited() { [ "$(visits)" -ge "$1" ]; }
cp "$T/vps/known_hosts" "$T/vps/known.kept"
faults
if [ -n "${FULL:-}" ]; then
    first=$(anon "$watch") most=0
    until [ "$SECONDS" -ge 600 ]; do
        faults
        now=$(anon "$watch"); [ "$now" -gt $most ] && most=$now
    done
    note "RssAnon $first kB after the first round, at most $most kB later"
    [ "$bin" != "${SEEDOPS_PLAIN:-}" ] || check "memory is flat" [ "$most" -le $((first + 512)) ]
fi
is "$(fds)" "$descriptors" "as many descriptors as before"
is "$(threads)" "$tasks" "and threads"
kill -TERM "$watch"; wait "$watch"; is "$?" 0 "SIGTERM ends it cleanly"
is "$(cat "$T/watch.err")" "" "nothing went to stderr"
is "$(told | tr '\n' ' ')" "$(printf '%s ' "${want[@]}")" "every event was told once, in order (${#want[@]})"
is "$(jq -r .event "$events" | tr '\n' ' ')" "$(printf '%s ' "${want[@]}")" "and reached the command"
finish
