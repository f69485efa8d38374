# COPY both ways: rows as they are, early ends, failures, cancel.
. "$(dirname "$0")/../lib.sh"
DB=${BUILD:-$PWD}/tests/real/db_test
cluster_start c || exit 1
createdb_in c app
sql c app -c "CREATE TABLE t (i int, x text)"
db() { run "$DB" host="$T/c" dbname=app user=postgres "$@"; }

db -- copyin "COPY t FROM STDIN" 100000
is "$out" "copied=100000" "a hundred thousand rows go in"
is "$(sql c app -c "SELECT count(*), count(x), count(*) FILTER (WHERE x = E'a\tb\\\\c\nd') FROM t")" "100000|50000|50000" "as they were sent"
db -- copyout "COPY (SELECT * FROM t WHERE i < 2 ORDER BY i) TO STDOUT"
is "$out" $'0|(null)\n1|a\tb\\c\nd\nrows=2' "and come out so"
db -- copyout "COPY t TO STDOUT"
like "$out" '^rows=100000$' "all of them"
db -- copyin "COPY t FROM STDIN" 10 "changed our mind"
like "$out" '^message=COPY from stdin failed: changed our mind$' "a COPY of ours can be made to fail"
db -- copyin "COPY t (i) FROM STDIN" 100000
like "$out" '^class=query sqlstate=22P04$' "the server's refusal comes back"
is "$(sql c app -c "SELECT count(*) FROM t")" 100000 "and nothing was written by either"
db -- copyout "COPY t TO STDOUT" 5
is "$(tail -2 <<<"$out")" $'abandoned=1 alive=1\nstill works' "a COPY can be left early"
db cancel_after=100 -- copyout "COPY (SELECT i FROM generate_series(1, 300000000) i) TO STDOUT"
like "$out" '^class=cancelled' "COPY out is cancelled"
like "$out" '^cancel_ms=[0-9]{1,3} alive=1$' "at once, and the connection lives on"
db -- copyout "COPY (SELECT i FROM generate_series(1, 700) i) TO STDOUT" 0 10
like "$out" '^class=cancelled' "so it is where the server had sent all of it: rows were dropped"
unlike "$out" '^rows=' "which nobody takes for all of them"
db cancel_after=100 -- copyin "COPY t FROM STDIN" 100000000
like "$out" '^class=cancelled' "COPY in is cancelled"
like "$out" '^cancel_ms=[0-9]{1,3} alive=1$' "at once, and the connection lives on"
is "$(sql c app -c "SELECT count(*) FROM t")" 100000 "with nothing written"
db -- run "COPY t FROM STDIN"
like "$out" '^message=COPY from or to the client cannot be used here$' "COPY where nobody serves it"
db -- run "COPY t TO STDOUT"
like "$out" 'alive=1' "leaves the connection whole"
db -- copyin "SELECT 1" 1
like "$out" '^message=not a COPY' "what is no COPY is refused"
db -- copyin "COPY t TO STDOUT" 1
like "$out" '^message=not a COPY' "and the other direction"

# ---- what is sent ahead: found under way by the same text, ended by another
rows="BEGIN READ ONLY; COPY (SELECT * FROM t ORDER BY i) TO STDOUT"
db -- ahead "$rows" copyout "$rows"
is "$(tail -2 <<<"$out")" $'rows=100000\nsent=1 round_trips=1' "a COPY that was sent ahead is asked for once"
long="BEGIN READ ONLY; COPY (SELECT i FROM generate_series(1, 300000000) i) TO STDOUT"
db -- ahead "$long" run "CREATE TABLE after AS SELECT 1 AS one" "SELECT count(*) FROM after"
like "$out" '^1$' "anything else ends it, and is in no transaction of its" || note "$out"
like "$out" 'sent=1 round_trips=4' "at the price of a ROLLBACK"
db -- ahead "BEGIN READ ONLY; SELECT 1/0" run "SELECT 'still works'"
like "$out" 'still works' "one that failed is in nobody's way"
db -- ahead "BEGIN READ ONLY; SELECT 1/0" run "BEGIN READ ONLY; SELECT 1/0"
like "$out" '^class=query sqlstate=22012$' "unless it is wanted: its failure is told then"
: >"$T/c/server.log"
db -- ahead "$long"
is "$rc" 0 "closing ends it, too"
wait_for 10 bash -c "[ \"\$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d app -c \"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%300000000%' AND pid <> pg_backend_pid()\")\" = 0 ]"
unlike "$(cat "$T/c/server.log")" 'could not send|Broken pipe|unexpected EOF' "without a broken connection"
finish
