# shellcheck shell=bash
# Sourced after cluster.sh by benches that need tables of any size: deterministic rows; as CSV they are in the server's own output form.
# make_shape: the empty table `shape` and its enum
make_shape() {
    sql <<'SQL'
CREATE TYPE kind AS ENUM ('hydro', 'meteo', 'snow', 'gauge');
CREATE TABLE shape (code text PRIMARY KEY, name text NOT NULL, lat numeric(9,6) NOT NULL, lon numeric(9,6) NOT NULL,
    active boolean NOT NULL, meta jsonb, installed_at timestamptz, kind kind NOT NULL);
SQL
}
# make_table NAME ROWS
make_table() {
    sql <<SQL
SELECT setseed(0.42);
CREATE TABLE $1 (LIKE shape INCLUDING ALL);
INSERT INTO $1 SELECT 'S' || to_char(g, 'FM0000000'), 'Messstelle ' || (random() * 1e5)::int, 45.8 + random() * 2,
    5.9 + random() * 4.6, random() < 0.9, jsonb_build_object('elev', (random() * 3000)::int, 'tags', ARRAY['a', 'b']),
    CASE WHEN random() > 0.05 THEN timestamptz '1950-01-01 00:00Z' + random() * interval '70 years' END,
    (enum_range(NULL::kind))[1 + g % 4] FROM generate_series(1, $2) g;
SQL
}
# ten_differ NAME SOURCE [SQL]: SOURCE with four rows changed, three missing and three extra; then SQL, in the same session
ten_differ() {
    sql <<SQL
CREATE TABLE $1 (LIKE $2 INCLUDING ALL); INSERT INTO $1 SELECT * FROM $2;
UPDATE $1 SET name = name || ' *' WHERE code IN (SELECT code FROM $1 ORDER BY code OFFSET 17 LIMIT 4);
DELETE FROM $1 WHERE code IN (SELECT code FROM $1 ORDER BY code OFFSET 5000 LIMIT 3);
INSERT INTO $1 SELECT code || 'x', name, lat, lon, active, meta, installed_at, kind FROM $2 ORDER BY code DESC LIMIT 3;
${3:-}
SQL
}
# table_csv TABLE FILE: sorted by key, under $work
table_csv() { sql -c "\\copy (SELECT * FROM $1 ORDER BY code COLLATE \"C\") TO '$work/$2' (FORMAT csv, HEADER)"; }
