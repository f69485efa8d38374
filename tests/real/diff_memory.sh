#!/usr/bin/env bash
# A large table is compared in little memory, whatever its size and in whichever form its rows come: RssAnon sampled over
# the whole run, of a plain build under a limit of its address space. A million rows, ten million with FULL.
. "$(dirname "$0")/../lib.sh"
plain=${SEEDOPS_PLAIN:-$SEEDOPS}
rows=${ROWS:-${FULL:+10000000}}; rows=${rows:-1000000}
if grep -qa __asan_init "$plain"; then not_ok "there is a plain build (SEEDOPS_PLAIN)"; finish; fi
cd "$T" || exit
cluster_start main "shared_buffers=256MB" "max_wal_size=4GB" "work_mem=64MB"
createdb_in main d
sql main d -c "create table t (id int primary key, code text not null, v numeric(12,3), note text)" \
    -c "insert into t select g, 'code ' || g, g / 8.0, case when g % 3 = 0 then null else 'note ' || g % 1000 end from generate_series(1, $rows) g" \
    -c "create table p (like t including all)" -c "insert into p select id, code, case when id % 100 = 7 then v + 1 else v end, note from t where id % 100 <> 8" \
    -c "insert into p select id + $rows, code, v, note from t where id % 100 = 9"
sql main d -c "vacuum (analyze, freeze)"
project() { mkdir -p "$1"; printf 'table: %s\nkey: [id]\nrows: !csv rows.csv\n' "$2" >"$1/a.yaml"; }
project same t; project part p; project mixed p; project yaml p
sql main d -c "\copy (select * from t order by id) to 'same/rows.csv' (format csv, header)"
sql main d -c "\copy (select * from t order by md5(id::text)) to 'mixed/rows.csv' (format csv, header)"
ln same/rows.csv part/rows.csv
{ printf 'table: p\nkey: [id]\nrows:\n'
  sql main d -c "select format(E'- id: %s\n  code: %s\n  v: %s\n  note: %s', id, code, v, coalesce(note, 'null')) from t order by id"; } >yaml/a.yaml

# highest PID: its highest RssAnon in kB
highest() {
    local top=0 kb
    while kb=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$kb" ]; do
        [ "$kb" -le "$top" ] || top=$kb
        read -rt 0.01 <> <(:) || :
    done
    echo "$top"
}
# bounded NAME KB EXIT WORDS DIR [OPTION...]
bounded() {
    local name=$1 most=$2 want=$3 words=$4 dir=$5 top pid; shift 5
    (ulimit -v 400000; MALLOC_ARENA_MAX=2 exec "$plain" diff --url "$(url main d)" --seeds "$dir" "$@" >"$T/out" 2>"$T/err") & pid=$!
    top=$(highest $pid); wait $pid; rc=$?
    is "$rc" "$want" "$name: exit $want"; like "$(tail -n 2 "$T/out"; cat "$T/err")" "$words" "$name: all of it was compared"
    if [ "$top" -gt 500 ] && [ "$top" -le "$most" ]; then ok "$name: in $most kB"; note "highest RssAnon: $top kB"; else not_ok "$name: in $most kB"; note "highest RssAnon: $top kB"; fi
}
hundredth=$((rows / 100))
bounded "identical, for the first time" 8192 0 "$rows rows, identical; row by row: the fixture's digests are not known yet" same
bounded "identical, by digests that were kept" 8192 0 "$rows rows, identical; by digests \(the fixture's from the cache" same
bounded "identical, row by row" 8192 0 "$rows rows, identical$" same --rows
rm -rf "$XDG_CACHE_HOME"
bounded "identical, by digests" 8192 0 "$rows rows, identical; by digests" same --digest
sql main d -c "update t set v = v + 1 where id in (5, 500, $((rows - 5)))"
bounded "three rows differ, by digests" 8192 4 "0 missing, 3 changed, 0 extra; by digests \(the fixture's from the cache" same
bounded "three in a hundred differ" 8192 4 "$hundredth missing, $hundredth changed, $hundredth extra" part
bounded "digests where too much differs" 8192 4 "$hundredth missing, $hundredth changed, $hundredth extra" part --digest
bounded "unsorted" $((8192 + rows * 64 / 1024)) 4 "$hundredth missing, $hundredth changed, $hundredth extra" mixed
bounded "YAML" 8192 4 "$hundredth missing, $hundredth changed, $hundredth extra" yaml
finish
