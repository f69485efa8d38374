#!/usr/bin/env bash
# Two seeds and a writer on the same keys, 1 000 times (ROUNDS): success or a named conflict, nothing else. And one
# interleaving by hand: what the writer changed between a seed's reading and its writing is not overwritten unread.
. "$(dirname "$0")/../lib.sh"
BUILD=${BUILD:-$(dirname "$(command -v "$SEEDOPS")")}
cluster_start main || exit 1
createdb_in main race
sql main race <<'SQL'
create table race (k text primary key, v text, n int not null default 0);
create table expected (k text primary key, v text);
insert into expected select 'k' || to_char(i, 'FM00'), 'declared ' || i from generate_series(0, 11) i;
SQL
mkdir "$T/seeds"
{ printf 'table: race\nrows:\n'; for i in $(seq 0 11); do printf '  - {k: k%02d, v: declared %d}\n' "$i" "$i"; done; } >"$T/seeds/race.yaml"
cd "$T" || exit
run "$BUILD/tests/real/seed_race" "$(url main race)" "$T/seeds" "${ROUNDS:-1000}"
note "$(grep '^#' <<<"$out" | tail -n 20)" "$err"
while read -r verdict _ _ name; do [ "$verdict" = ok ] && ok "$name" || not_ok "$name"; done < <(grep -E '^(not )?ok ' <<<"$out" | sed 's/^not ok/not_ok/')
is "$rc" 0 "the race is run to its end"

# A writer holds the row: the seed reads the old value, waits for the lock, and then finds another value there.
sql main race -c "truncate race; insert into race select k, v from expected; update race set v = 'stale' where k = 'k03'"
mkfifo "$T/hold"
"$PGBIN/psql" -XAtq -h "$T/main" -U postgres -d race <"$T/hold" >/dev/null 2>&1 & holder=$!
exec 9>"$T/hold"
echo "begin; update race set v = 'fresh' where k = 'k03';" >&9
check "the writer holds the row" wait_for 10 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d race -c \"select 1 from pg_stat_activity where state = 'idle in transaction' and query like '%fresh%'\" | grep -q 1"
("$SEEDOPS" seed --url "$(url main race)" --seeds seeds --scan >"$T/seed.out" 2>"$T/seed.err"; echo $? >"$T/seed.rc") & seeder=$!
check "the seed waits for it" wait_for 20 bash -c "'$PGBIN/psql' -XAtq -h '$T/main' -U postgres -d race -c \"select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'seedops'\" | grep -q 1"
echo "commit;" >&9
wait "$seeder"
exec 9>&-
wait "$holder"
is "$(cat "$T/seed.rc")" 0 "the seed succeeds in the end"
like "$(cat "$T/seed.err")" 'race \(k=k03\) was not as planned; planning again' "but not on what it had read: it planned again, naming the row"
is "$(sql main race -c "select v from race where k = 'k03'")" 'declared 3' "and wrote on what it then read"
finish
