# SAFETY 5 "Preserve": what deleted rows can be read back from is kept, nothing of it is destroyed on the way, what a
# role may not do is said as commands, and --undo takes everything back, also after a kill between the steps.
. "$(dirname "$0")/../lib.sh"
cluster_start c 'autovacuum=off' 'autovacuum_naptime=1s' 'autovacuum_vacuum_cost_delay=0' 'max_replication_slots=2' || exit 1
mkdir -p "$T/p/seeds"; cd "$T/p" || exit 1
{ echo 'version: 1'; echo 'seeds: seeds'; echo 'tables:'
  for t in t1 t2 t3; do echo "  $t: {class: context, min_rows: 7}"; done
  printf 'environments:\n  test: {url: "${DB_URL}", role: local}\n  far: {url: "${DB_URL}", role: production}\n'; } >seedops.yaml
for t in t1 t2 t3; do printf 'table: %s\nrows:\n  - {id: 1, v: a}\n' $t >seeds/$t.yaml; done
export DB_URL
# emptied DB: three tables of a database of their own, every row deleted: t2 had autovacuum set by its owner
emptied() {
    db=$1; createdb_in c "$db"; DB_URL=$(url c "$db")
    for t in t1 t2 t3 control; do
        sql c "$db" -c "CREATE TABLE $t (id int PRIMARY KEY, v text NOT NULL)" \
            -c "INSERT INTO $t SELECT g, repeat('x', 100) FROM generate_series(1, 700) g"
    done
    sql c "$db" -c "ALTER TABLE t2 SET (autovacuum_enabled = true, autovacuum_vacuum_threshold = 11)" \
        -c "ALTER TABLE t3 SET (autovacuum_enabled = false)" -c ANALYZE
    for t in t1 t2 t3 control; do sql c "$db" -c "DELETE FROM $t"; done
}
options() { sql c "$db" -c "SELECT relname || coalesce((SELECT array_agg(o ORDER BY o) FROM unnest(reloptions) o)::text, '-') FROM pg_class WHERE relname ~ '^(t[123]|control)$' OR reloptions::text ~ 'vacuum' ORDER BY relname COLLATE \"C\"" -c "SELECT slot_name FROM pg_replication_slots ORDER BY 1"; }
readable() { sql c tools -c "SELECT 1" >/dev/null; for t in t1 t2 t3; do sql c "$db" -c "SELECT count(*) FROM generate_series(0, pg_relation_size('$t') / 8192 - 1) g, tools.heap_page_items(tools.get_raw_page('$t', g::int)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; done | tr '\n' ' '; }
createdb_in c tools; sql c tools -c 'CREATE EXTENSION pageinspect'
counters_came() { [ "$(sql c "$db" -c "SELECT count(*) FROM pg_stat_user_tables WHERE n_tup_del = 700")" = 4 ]; }
saved_rows() { # of the newest archive, by its files' own pages
    local file=$1; chmod -R a+rX "$T/state"; cp "$file" "$T/page.heap"; chmod 644 "$T/page.heap"
    sql c tools -c "SELECT count(*) FROM generate_series(0, $(($(stat -c %s "$file") / 8192 - 1))) g, heap_page_items(pg_read_binary_file('$T/page.heap', g * 8192, 8192)) WHERE lp_flags = 1 AND t_data IS NOT NULL"; }

# ---- two at once ----
emptied twice; before=$(options); wait_for 10 counters_came
so preserve test --dry-run                       # the directory is there
record=$T/state/seedops/preserve; mkdir -p "$record"
oid=$(sql c twice -c "SELECT oid FROM pg_database WHERE datname = 'twice'")
system=$(sql c twice -c 'SELECT system_identifier FROM pg_control_system()')
exec 8>"$record/$system-$oid.json.lock"; flock 8
"$SEEDOPS" preserve test --json >"$T/one" 2>&1 & one=$!
"$SEEDOPS" preserve test --json >"$T/two" 2>&1 & two=$!
locking() { [ "$(ls -l /proc/$one/fd /proc/$two/fd 2>/dev/null | grep -c "json.lock")" = 2 ]; }
wait_for 8 locking
is "$(options)" "$before" "before the lock is ours nothing is changed"
exec 8>&-
wait $one; wait $two
so preserve test --undo
is "$rc $(options)" "0 $before" "two preserves at once: --undo knows how it was before both" || note "$(cat "$T/one" "$T/two")" "$err"
exec 8>"$record/$system-$oid.json.lock"; flock 8
so preserve test
is "$rc" 1 "one that waits in vain gives up"; like "$err" 'another preserve is at work' "and says why"
exec 8>&-

# ---- with and without pageinspect: the same pages, and no row is lost on the way
for way in pages files; do
    emptied $way; sql c $way -c 'CREATE SCHEMA tools; CREATE EXTENSION pageinspect SCHEMA tools'
    before=$(options); wait_for 10 counters_came
    is "$(readable)" "700 700 700 " "$way: every deleted row is readable to begin with"
    so preserve test --dry-run
    is "$rc $(options)" "0 $before" "$way: a dry run changes nothing"
    like "$out" 'keeps WAL and fills the disk until undone' "$way: it warns of what a slot does"
    # without the extension's functions in reach, files are read; heap_page_items still is how the test looks
    [ $way = pages ] || sql c $way -c "ALTER EXTENSION pageinspect DROP FUNCTION tools.get_raw_page(text, bigint)" \
        -c "UPDATE pg_extension SET extname = 'hidden' WHERE extname = 'pageinspect'"
    so preserve test --json
    is "$rc $(jq '[.applied, .plan.steps[].action] | join(" ")' -r <<<"$out")" "0 true record slot list hold save" "$way: preserve"
    archive=$(jq -r .archive <<<"$out")
    is "$(stat -c %a "$archive" "$archive"/* | sort -u | tr '\n' ' ')" "600 700 " "$way: nobody else may read the archive"
    is "$(jq -r .read_by "$archive/manifest.json")" "$([ $way = pages ] && echo get_raw_page || echo 'pg_read_binary_file after CHECKPOINT')" "$way: as the manifest says"
    is "$(readable)" "700 700 700 " "$way: every row is readable after it"
    for f in "$archive"/*.heap; do is "$(saved_rows "$f")" 700 "$way: and in $(basename "$f" | cut -d. -f1)'s file"; done
    is "$(cd "$archive" && jq -r '.files[] | .sha256 + "  " + .file' manifest.json | sha256sum -c --quiet 2>&1)" "" "$way: the manifest's digests are the files'"
    like "$(cat "$T"/state/seedops/sessions/*.jsonl)" '"name":"evidence"' "$way: the evidence is in the journal"
    so status test --json
    like "$(jq -r .preserved <<<"$out")" 'autovacuum off on 3 tables, seedops_keep_[0-9]+ keeps WAL' "$way: status names it"
    after=$(options)
    so preserve test --json
    is "$rc $(options)" "0 $after" "$way: a second one changes nothing more"
    cluster_stop c; cluster_start c 2>/dev/null
    so preserve test --undo
    is "$rc $(options)" "0 $before" "$way: --undo takes it back after a restart, what was set before included"
    so status test --json
    is "$(jq -r .preserved <<<"$out")" null "$way: and status does not name it any more"
    so preserve test --undo
    is "$rc $out" "0 nothing of a preserve is in force here" "$way: once more there is nothing to take back"
done

# ---- autovacuum leaves alone what is preserved, and takes what is not
emptied held; sql c held -c 'CREATE SCHEMA tools; CREATE EXTENSION pageinspect SCHEMA tools'; wait_for 10 counters_came
so preserve test
sql c postgres -c 'ALTER SYSTEM SET autovacuum = on' -c 'SELECT pg_reload_conf()' >/dev/null
vacuumed() { [ "$(sql c held -c "SELECT autovacuum_count > 0 FROM pg_stat_user_tables WHERE relname = 'control'")" = t ]; }
check "autovacuum takes a table that is not preserved" wait_for 60 vacuumed
is "$(readable)" "700 700 700 " "and leaves the others"
sql c postgres -c 'ALTER SYSTEM SET autovacuum = off' -c 'SELECT pg_reload_conf()' >/dev/null

# ---- no record here, as on another machine
(export XDG_STATE_HOME=$T/elsewhere; mkdir -p "$T/elsewhere"
 so preserve test --undo; echo "$rc" >"$T/elsewhere.rc"; echo "$out$err" >"$T/elsewhere.out"
 options >"$T/elsewhere.options"
 so preserve test --undo t1; echo "$rc" >>"$T/elsewhere.rc"; options >>"$T/elsewhere.options")
is "$(tr '\n' ' ' <"$T/elsewhere.rc")" "1 0 " "without the record not all can be taken back, until a table is named"
like "$(cat "$T/elsewhere.out")" 'ALTER TABLE "public"."t1" RESET .*if a preserve set it' "what is left is said as a command"
unlike "$(cat "$T/elsewhere.options")" seedops_keep "the slot is known by its name"
like "$(cat "$T/elsewhere.options")" '^t1-$' "a named table is put back"
so preserve test --undo
is "$rc" 0 "with the record the rest is"

# ---- killed between the steps: at a lock, then at moments of every kind
emptied killed; before=$(options); wait_for 10 counters_came
sql c killed -c 'BEGIN; LOCK TABLE t2 IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep(300)' >/dev/null 2>&1 & locker=$!
waits() { [ "$(sql c killed -c "SELECT count(*) FROM pg_locks WHERE relation = 't2'::regclass AND $1")" = 1 ]; }
wait_for 10 waits granted
background "$SEEDOPS" preserve test
check "it waits for a lock, the slot being made" wait_for 20 waits 'NOT granted'
kill -9 "$bg"; wait "$bg" 2>/dev/null
sql c killed -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()" >/dev/null; wait $locker 2>/dev/null
like "$(options)" seedops_keep "killed there, the slot stays"
so preserve test --undo
is "$rc $(options)" "0 $before" "--undo takes it back"
for ms in 40 60 80 100 120 140 170 200 260; do
    timeout -s KILL 0.$(printf %03d $ms) "$SEEDOPS" preserve test >/dev/null 2>&1
    timeout -s KILL 0.$(printf %03d $((300 - ms))) "$SEEDOPS" preserve test --undo >/dev/null 2>&1
    so preserve test --undo
    [ "$rc $(options)" = "0 $before" ] || { note "after $ms ms: $out$err"; break; }
done
is "$rc $(options)" "0 $before" "killed at any moment, and its --undo too: --undo takes it back"

# ---- what a role may not do
emptied roles; wait_for 10 counters_came; before=$(options)
sql c roles -c 'CREATE ROLE nobody_much LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE owner LOGIN' \
    -c 'ALTER TABLE t1 OWNER TO owner' -c 'ALTER TABLE t2 OWNER TO owner' -c 'ALTER TABLE t3 OWNER TO owner'
as() { DB_URL="postgresql://$1@/roles?host=$T/c"; }
as nobody_much; so preserve test
is "$rc $(options)" "0 $before" "a role without rights changes nothing"
like "$out" 'ALTER TABLE "public"."t1" SET \(autovacuum_enabled = .false., toast' "it gets the owner's lines"
like "$out" "pg_create_physical_replication_slot\('seedops_keep_" "and the slot's"
like "$out" 'cp -p .*/base/[0-9]+/[0-9]+\* .*# t1' "and the files to copy"
like "$out" 'someone who can' "and is told that it can do nothing more"
as watcher; so preserve test --dry-run
like "$out" 'list +WAL +[0-9]+ segments?' "pg_monitor may list the WAL"
as owner; so preserve test
is "$rc" 0 "the owner may hold"
like "$(options)" 't1\{autovacuum_enabled=false\}' "its tables"
unlike "$(options)" seedops_keep "but makes no slot"
so preserve test --undo
is "$rc $(options)" "0 $before" "and takes back what it did"
# the lines are right: a superuser who pastes them has done what we would have
as nobody_much; so preserve test --dry-run --json
jq -r '.plan.by_hand[] | select(.command | test("^(ALTER|SELECT pg_create)")) | .command' <<<"$out" >"$T/lines"
is "$(wc -l <"$T/lines")" 4 "the lines to paste"
sql c roles -f "$T/lines" >/dev/null
like "$(options)" seedops_keep "do it"
DB_URL=$(url c roles); so preserve test --undo t1 t2 t3
is "$rc" 0 "and are taken back by name"
unlike "$(options)" 'autovacuum_enabled=false|seedops_keep' "all of it"

# ---- the guard, and slips
DB_URL=$(url c roles)
so preserve far
is "$rc" 5 "elsewhere than here the name must be typed"
like "$err" 'seedops preserve far --confirm far' "as the line says"
so preserve far --confirm far
is "$rc" 0 "typed, it is done"
so preserve far --undo
is "$rc" 5 "for --undo too"
so preserve far --undo --confirm far
is "$rc" 0 "which it is then"
so preserve test --plan-digest 0000
is "$rc" 1 "another plan than the one named is not carried out"
so preserve test t9
is "$rc" 64 "a table that is not there"
sql c roles -c "SELECT pg_create_physical_replication_slot('a'), pg_create_physical_replication_slot('b')" >/dev/null
so preserve test --dry-run
like "$out" 'all 2 replication slots are taken' "no slot is left"
sql c roles -c "SELECT pg_drop_replication_slot('a'), pg_drop_replication_slot('b')" >/dev/null
printf 'not json' >"$(echo "$T"/state/seedops/preserve/)$(so status test --json; jq -r .server.system_identifier <<<"$out")-$(sql c roles -c "SELECT oid FROM pg_database WHERE datname = 'roles'").json"
so preserve test
is "$rc" 1 "a record that cannot be read stops it"
like "$err" 'cannot read .*json' "and is named"

# ---- a server that does not tell which it is: its oids are any server's, so each environment has a record of its own
sql c roles -c 'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC'
before=$(options); as owner; records() { find "$T/state/seedops/preserve" -name 'unknown-*.json' | wc -l; }
so preserve test --confirm test
is "$rc $(records)" "0 1" "preserved without an identity" || note "$err"
held=$(options)
so preserve far --undo --confirm far
is "$(options) $(records)" "$held 1" "another environment's --undo takes nothing of it back" || note "$out$err"
so preserve test --undo --confirm test
is "$rc $(options) $(records)" "0 $before 0" "its own does" || note "$err"
finish
