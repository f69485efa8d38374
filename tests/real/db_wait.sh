# Readiness (D1, D2, E1): not yet is tried again and each try is seen; never will be ends at once.
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1
fake() { mkdir -p "$T/f$1"; background python3 "$TOP/tests/fake_server.py" "$T/f$1" "$@"; wait_for 10 test -S "$T/f$1/.s.PGSQL.5432"; }
waits() { so wait --url "postgresql://x@/x?host=$1" "${@:2}"; }
attempts() { jq -rs '[.[] | select(.message | startswith("attempt"))] | length' <<<"$out"; }

fake starting 2
waits "$T/fstarting"
is "$rc" 2 "starting up for two seconds, then no such database: exit 2"
like "$out" 'attempt 1: .*starting up.*next try in 1\.[0-3] s' "the first try says why, and when the next is"
like "$out" 'attempt 2: .*starting up' "so does the second"
like "$out" 'attempt 3: .*does not exist' "the third finds what will never be ready"
is "$(attempts)" 3 "and is the last"
fake paused
waits "$T/fpaused"
is "$rc $(attempts)" "2 1" "a paused project ends the wait at once"
like "$out$err" 'paused' "with the word"
fake hang
waits "$T/fhang" --timeout 1500
is "$rc" 2 "a server that accepts and hangs: exit 2"
like "$out$err" 'said nothing' "with a clear word, at the deadline"

# a real server that comes while we wait
cluster_start c || exit 1
cluster_stop c
"$SEEDOPS" wait --url "$(url c postgres)" >"$T/log" 2>&1 &
waiting=$!
wait_for 10 grep -q 'attempt 1' "$T/log"
like "$(cat "$T/log")" 'no such socket' "before: the socket is not there"
cluster_start c
wait "$waiting"
is "$?" 0 "then it is ready"
like "$(cat "$T/log")" 'is ready after [23] attempts' "after another try or two"

# a pooler lets in while its server is away: not ready
pgbouncer_start p c transaction server_connect_timeout=1 query_wait_timeout=2 server_login_retry=1 || exit 1
cluster_stop c
so wait --url "$(url p postgres)" --timeout 3500
is "$rc" 2 "a pooler without its server is not ready"
like "$out" 'attempt 1: ' "(it was tried)"
finish
