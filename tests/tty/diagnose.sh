#!/usr/bin/env bash
# Case C as an engineer meets it at night, on a real terminal of 80 columns: what happened stands there without a key, the
# evidence is one key away, what is left is preserved and given back; and nothing of it costs a deleted row.
. "$(dirname "$0")/../lib-tty.sh"
cluster_start main 'autovacuum=off' 'max_slot_wal_keep_size=1GB' || exit 1
createdb_in main alpi
cd "$TOP" || exit 1
export LOCAL_DATABASE_URL; LOCAL_DATABASE_URL=$(url main alpi)
"$SEEDOPS" migrate local >/dev/null 2>&1; "$SEEDOPS" seed local >/dev/null 2>&1
sql main alpi -c 'CREATE EXTENSION pageinspect' -c 'DELETE FROM "Station"' -c 'DELETE FROM "Withdrawal"' -c 'DELETE FROM "Glacier"' -c 'DELETE FROM "Catchment"'
readable() { sql main alpi -c "SELECT count(*) FROM heap_page_items(get_raw_page('\"Sensor\"', 0)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }
options() { sql main alpi -c "SELECT count(*) FROM pg_class WHERE 'autovacuum_enabled=false' = ANY (reloptions)" -c 'SELECT count(*) FROM pg_replication_slots' | tr '\n' ' '; }
check "the cause, the evidence, a deeper look, preserve and its undo" term "$SEEDOPS" local <<'END'
size 80 24
wait certain: 5 shows the evidence
wait First W for write mode, then x p preserves
type 5
wait The rows of all 7 context tables were deleted by SQL.
wait x p Save what is still readable
type d
wait looked deeper
wait transaction
type W
wait WRITE
type x
wait Actions
type p
wait heap pages
wait keeps WAL until undone, at most 1GB
key enter
wait Preserved what is left
type 1
wait Preserved until x u: autovacuum off on 7 tables
type x
wait Actions
type u
wait restore
key tab enter
wait Preserve was taken back
key ctrl-c
key ctrl-c
exit 0
END
is "$(readable)" 14 "every deleted row is readable after all that"
is "$(options)" "0 0 " "and nothing of the preserve is left behind"
check "its pages are" test -s "$(echo "$T"/state/seedops/preserve/local-*/Sensor.*.heap)"
like "$(cat "$T"/state/seedops/sessions/*.jsonl)" '"kind":"diagnosis"' "the journal has the verdict"
finish
