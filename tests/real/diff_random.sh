#!/usr/bin/env bash
# Comparison against the server's own: random tables over many types, fixtures that write the same values in other
# words, and what a FULL JOIN with IS DISTINCT FROM says of them. diff (COPY and merge, by digests, and by digests that an
# earlier run kept) and status (one pipeline) must all agree with it: 500 of them, 10 000 with FULL. So must diff where what is
# kept was spoilt, and where rows, fixtures or the columns' types have changed since. RUNS and SEED can be given; a failure names
# the seed.
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-${FULL:+500}} seed=${SEED:-1} digests=0 kept=0; runs=${runs:-25}

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
# compared DIR DIFF-OPTION... : into DIR/diff.json
compared() {
    local dir=$1; shift
    so diff --url "$(url main "$db")" --seeds "$dir/seeds" --json --scan "$@"
    printf '%s' "$out" >"$dir/diff.json"
    [ "$rc" = 0 ] || [ "$rc" = 4 ] || note "diff: exit $rc" "$out"
}
agrees() { check "$2" python3 "$here/diff_random.py" compare "$1" diff.json; }    # DIR NAME
times() { grep -o "$1" <<<"$out" | wc -l; }
expect() { sql main "$db" -f "$dir/$1" >"$dir/expected"; }    # SCRIPT
for run in $(seq "$seed" $((seed + runs - 1))); do
    dir=$T/run$run db=r$run; export XDG_CACHE_HOME=$dir/cache
    mkdir -p "$dir"
    prepare "$db"
    python3 "$here/diff_random.py" make "$run" 20 "$dir"
    sql main "$db" -f "$dir/setup.sql" 2>&1 | head -5
    expect expect.sql
    so status --url "$(url main "$db")" --seeds "$dir/seeds" --json
    printf '%s' "$out" >"$dir/status.json"
    compared "$dir"
    check "20 random tables agree with the server, seed $run" python3 "$here/diff_random.py" compare "$dir"
    compared "$dir" --digest; agrees "$dir" "by digests too, seed $run"; digests=$((digests + $(times '"by":"digests"')))
    compared "$dir" --digest; agrees "$dir" "and by those that were kept, seed $run"; kept=$((kept + $(times '"cached":true')))
    python3 "$here/diff_random.py" garble "$dir/cache/seedops" "$run"
    compared "$dir" --digest; agrees "$dir" "spoilt ones do no harm, seed $run"
    like "$(times '"cached":true')" '^0$' "and are not read"
    sql main "$db" -f "$dir/again/shadow.sql"; expect expect.sql; mv "$dir/expected" "$dir/again/"; sql main "$db" -f "$dir/shadow.sql"
    compared "$dir/again" --digest; agrees "$dir/again" "fixtures that say the same in other words, seed $run"
    sql main "$db" -f "$dir/change.sql" >/dev/null; expect expect.sql
    compared "$dir" --digest; agrees "$dir" "rows that have changed since, seed $run"; kept=$((kept + $(times '"cached":true')))
    sql main "$db" -f "$dir/retype.sql" >/dev/null 2>&1; expect expect-retyped.sql
    compared "$dir" --digest; agrees "$dir" "columns of another type since, seed $run"
    compared "$dir" --digest; agrees "$dir" "and once more, seed $run"
    rm -rf "$dir/cache"
done
like "$((digests > runs))" 1 "and digests were what most of them went by"
like "$((kept > 2 * runs))" 1 "half of them kept from an earlier run"
finish
