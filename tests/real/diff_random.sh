#!/usr/bin/env bash
# Comparison against the server's own: random tables over many types, fixtures that write the same values in other
# words, and what a FULL JOIN with IS DISTINCT FROM says of them. diff (COPY and merge, and by digests) and status (one
# pipeline) must all agree with it: 500 of them, 10 000 with FULL. RUNS and SEED can be given; a failure names the seed.
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-${FULL:+500}} seed=${SEED:-1} digests=0; runs=${runs:-25}

cd "$T" || exit   # no seedops.yaml of a project around us
cluster_start main
prepare() {
    createdb_in main "$1"
    sql main "$1" <<'SQL'
create extension citext;
create type "Tier" as enum ('FREE', 'PLUS', 'PREMIUM');
create type "Pair" as (n int, w text);
create domain price as numeric(8,2) check (value >= 0);
create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create schema shadow;
SQL
}
for run in $(seq "$seed" $((seed + runs - 1))); do
    dir=$T/run$run db=r$run
    mkdir -p "$dir"
    prepare "$db"
    python3 "$here/diff_random.py" make "$run" 20 "$dir"
    sql main "$db" -f "$dir/setup.sql" 2>&1 | head -5
    sql main "$db" -f "$dir/expect.sql" >"$dir/expected"
    so diff --url "$(url main "$db")" --seeds "$dir/seeds" --json
    printf '%s' "$out" >"$dir/diff.json"
    [ "$rc" = 0 ] || [ "$rc" = 4 ] || note "diff: exit $rc" "$out"
    so status --url "$(url main "$db")" --seeds "$dir/seeds" --json
    printf '%s' "$out" >"$dir/status.json"
    check "20 random tables agree with the server, seed $run" python3 "$here/diff_random.py" compare "$dir"
    so diff --url "$(url main "$db")" --seeds "$dir/seeds" --json --digest
    printf '%s' "$out" >"$dir/diff.json"
    check "by digests too" python3 "$here/diff_random.py" compare "$dir"
    digests=$((digests + $(grep -o '"by":"digests"' <<<"$out" | wc -l)))
done
like "$((digests > runs))" 1 "and digests were what most of them went by"
finish
