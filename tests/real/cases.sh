# The real cases, end to end on an empty database: migrate && seed && verify; then what was changed by hand is
# shown exactly, with the fixture's file and line. Cases A, B (Prisma projects), C (the sample), E (numbered).
. "$(dirname "$0")/../lib.sh"
cluster_start c || exit 1
export ADMIN_SEED_EMAIL=admin@example.org ADMIN_SEED_PASSWORD='correct horse 8' CASE_DATABASE_URL CASE_DIRECT_URL LOCAL_DATABASE_URL

# What a transaction that writes leaves behind: the next transaction id, and tuples written by our database.
written() { sql c "$1" -c "SELECT pg_stat_clear_snapshot()" >/dev/null; sql c "$1" -c "SELECT (pg_control_checkpoint()).next_xid" >/dev/null; sql c "$1" -c "SELECT txid_snapshot_xmax(txid_current_snapshot())"; }

# exercise NAME DIR ENV MIGRATIONS TABLES...: the whole path
exercise() {
    local name=$1 dir=$2 env=$3 count=$4 before after; shift 4
    cd "$dir" || return 1
    createdb_in c "$name"
    CASE_DATABASE_URL=$(url c "$name"); CASE_DIRECT_URL=$CASE_DATABASE_URL; LOCAL_DATABASE_URL=$CASE_DATABASE_URL
    so status "$env"; is "$rc" 4 "$name: an unmigrated database is exit 4"
    so migrate "$env" --dry-run; is "$rc" 0 "$name: a dry run of migrate"
    is "$(sql c "$name" -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")" 0 "$name: changes nothing"
    so migrate "$env"; is "$rc" 0 "$name: migrate"; [ "$rc" = 0 ] || note "$err"
    so migrate status "$env" --json; is "$rc" 0 "$name: migrate status"
    so status "$env" --json
    is "$(jq '[.migrations[] | select(.state == "applied")] | length' <<<"$out")" "$count" "$name: $count migrations are applied"
    so verify "$env"; is "$rc" 4 "$name: verify fails before the seed"
    so seed "$env" --dry-run; is "$rc" 0 "$name: a dry run of seed"; [ "$rc" = 0 ] || note "$err"
    so seed "$env" --json; is "$rc" 0 "$name: seed"; [ "$rc" = 0 ] || note "$err" "$out"
    is "$(jq .applied <<<"$out")" true "$name: the seed says it was applied"
    so verify "$env"; is "$rc" 0 "$name: verify"; [ "$rc" = 0 ] || note "$out$err"
    so status "$env" --json; is "$rc $(jq .healthy <<<"$out")" "0 true" "$name: status is healthy"; [ "$rc" = 0 ] || note "$out"
    so diff "$env" --json; is "$rc $(jq .identical <<<"$out")" "0 true" "$name: diff says identical"; [ "$rc" = 0 ] || note "$out"
    before=$(written "$name")
    so seed "$env" --json; is "$rc $(jq .applied <<<"$out")" "0 false" "$name: a second seed has nothing to do"
    after=$(written "$name")
    is "$after" "$before" "$name: and writes nothing (no transaction id was taken)"
    so migrate "$env"; is "$rc" 0 "$name: a second migrate has nothing to do"
    so count "$env" --json; is "$rc" 0 "$name: count"
    for expected in "$@"; do
        is "$(sql c "$name" -c "SELECT count(*) FROM \"${expected%=*}\"")" "${expected#*=}" "$name: ${expected%=*} has ${expected#*=} rows"
    done
}
# differs NAME ENV TABLE KIND KEY-JSON AT: one difference of the diff's JSON
differs() { is "$(jq -c "[.tables[] | select(.table == \"$3\") | .rows[] | select(.kind == \"$4\") | {key, at}]" <<<"$out")" "[{\"key\":$5,\"at\":$6}]" "$1: $3 $4 is shown, with its place"; }

# ---- case C
exercise c "$TOP" local 12 Catchment=1 Station=7 Sensor=14 Threshold=7 Glacier=2 StationGlacier=6 Withdrawal=2 Measurement=0
sql c c <<'SQL'
UPDATE "Station" SET name = 'Rhône, Sionn' WHERE "ofevCode" = '2011';
DELETE FROM "Withdrawal" WHERE code = 'VS-0203';
INSERT INTO "Station" ("ofevCode", name, "catchmentId", "updatedAt") SELECT '2299', 'Old gauge', id, now() FROM "Catchment";
SQL
so diff local --json
is "$rc $(jq .identical <<<"$out")" "4 false" "c: differences are exit 4"
differs c local Station changed '{"ofevCode":"2011"}' "\"seeds/station.yaml:$(grep -n '"2011"' "$TOP/seeds/station.yaml" | cut -d: -f1)\""
differs c local Withdrawal missing '{"code":"VS-0203"}' "\"seeds/withdrawal.yaml:$(grep -n VS-0203 "$TOP/seeds/withdrawal.yaml" | cut -d: -f1)\""
differs c local Station extra '{"ofevCode":"2299"}' null
is "$(jq -c '.tables[] | select(.table == "Station") | .rows[] | select(.kind == "changed") | .columns' <<<"$out")" \
    '[{"name":"name","fixture":"Rhône, Sion","live":"Rhône, Sionn"}]' "c: column by column"
so diff local Glacier; is "$rc" 0 "c: a table without differences is exit 0"
so verify local; is "$rc" 4 "c: verify fails"
so seed local; is "$rc" 0 "c: seed mends it"
so diff local --json
is "$(jq -c '[.tables[] | .missing + .changed + .extra] | add' <<<"$out")" 1 "c: but the extra row, which only prune may take"
so status local; is "$rc" 0 "c: and that is healthy"

# ---- emptied by SQL: held, and what mends it
sql c c -c 'DELETE FROM "Station"; DELETE FROM "Withdrawal"; DELETE FROM "Glacier"; DELETE FROM "Catchment"'
wait_for 10 bash -c "[ \$('$PGBIN/psql' -XAtq -h '$T/c' -U postgres -d c -c 'SELECT count(*) FROM pg_stat_user_tables WHERE n_tup_del > 0') -ge 7 ]"
so status local --json
is "$rc" 4 "c: an emptied database is exit 4"
is "$(jq '[.tables[] | select(.class == "context") | .held] | all' <<<"$out")" true "c: every emptied context table is held"
is "$(jq -c '[.tables[] | select(.held) | .rows] | unique' <<<"$out")" '[null]' "c: and its numbers are null"
so diff local; is "$rc" 4 "c: diff names the held ones and exits 4"
like "$out$err" 'held' "c: in words"
so seed local; is "$rc" 0 "c: seed fills it again"; [ "$rc" = 0 ] || note "$err"
so status local; is "$rc" 0 "c: healthy again"; [ "$rc" = 0 ] || note "$out"

# ---- case A
exercise a "$TOP/tests/projects/case-a" test 3 Plan=3 Tag=227 ServiceCreditCost=7 User=1
unlike "$(cat "$T"/state/seedops/sessions/* 2>/dev/null)" "$ADMIN_SEED_PASSWORD" "a: the password is in no journal"
sql c a -c "UPDATE \"Plan\" SET price = 10.00 WHERE id = 'plan_plus'; DELETE FROM \"Tag\" WHERE name = 'amber bard'; INSERT INTO \"Tag\" VALUES ('x', 'zz', 'class')"
so diff test --json
differs a test Plan changed '{"id":"plan_plus"}' '"seeds/plan.yaml:4"'
differs a test Tag missing '{"name":"amber bard"}' '"seeds/tag.csv:3"'
differs a test Tag extra '{"name":"zz"}' null
sql c a -c 'DELETE FROM "Tag" WHERE true'
so verify test --scan; is "$rc" 4 "a: too few tags fail the verification"
like "$out$err" 'Tag' "a: and it says which"

# ---- case B
exercise b "$TOP/tests/projects/case-b" test 27 User=1 FeatureFlag=8 PointConfiguration=4 EmailTemplate=10
sql c b -c "UPDATE \"FeatureFlag\" SET enabled = NOT enabled WHERE key = 'invoices'; UPDATE \"PointConfiguration\" SET points = 51 WHERE event = 'SIGN_UP'; DELETE FROM \"EmailTemplate\" WHERE slug = 'welcome'"
so diff test --json
is "$(jq -c '.tables[] | select(.table == "FeatureFlag") | .rows[] | .allowed' <<<"$out")" true "b: an operator's switch is an allowed difference"
differs b test PointConfiguration changed '{"event":"SIGN_UP"}' '"seeds/point_configuration.yaml:4"'
differs b test EmailTemplate missing '{"slug":"welcome"}' '"seeds/email_template.yaml:5"'
so seed test; is "$rc" 0 "b: seed mends the others"
is "$(sql c b -c "SELECT enabled FROM \"FeatureFlag\" WHERE key = 'invoices'")" f "b: and leaves the operator's switch"
ADMIN_SEED_PASSWORD='another long one' so diff test --json
is "$(jq -c '[.tables[] | select(.table == "User") | .rows[] | .columns[] | .fixture, .live] | unique' <<<"$out")" '["[REDACTED]"]' "b: a changed password is a difference, redacted"
ADMIN_SEED_PASSWORD= so seed test
is "$rc" 1 "b: an empty variable is refused"
like "$err" 'ADMIN_SEED_PASSWORD.*(empty|not set)' "b: by name, and empty counts as not set"
ADMIN_SEED_PASSWORD=short so seed test
like "$err" '8' "b: a password under eight characters is refused"

# ---- case E
exercise e "$TOP/tests/projects/case-e" test 19 currencies=6 countries=7 fees=2 app_roles=3 permissions=5 settings=3
sql c e -c "UPDATE countries SET name = 'Schweiz' WHERE code = 'CH'; DELETE FROM fees WHERE slug = 'exchange'; INSERT INTO app_roles VALUES ('guest', 'x')"
so diff test --json
differs e test countries changed '{"code":"CH"}' '"seeds/countries.yaml:3"'
differs e test fees missing '{"slug":"exchange"}' '"seeds/fees.yaml:5"'
differs e test app_roles extra '{"name":"guest"}' null
is "$rc" 4 "e: a stale row of a pruned table is a difference"
so status test; is "$rc" 4 "e: status too"
so seed test; is "$rc" 0 "e: seed"
so status test; is "$rc" 0 "e: a stale row alone is healthy"
finish
