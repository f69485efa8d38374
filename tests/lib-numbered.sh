# shellcheck shell=bash
# Sourced by tests of numbered migrations, instead of lib.sh: a cluster `a` and projects on databases of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cluster_start a || exit 1
# project NAME: an empty database $db and an empty migrations directory of that name, and DATABASE_URL
project() {
    createdb_in a "$1"; mkdir -p "$T/$1/migrations"; cd "$T/$1" || exit 1
    DATABASE_URL=$(url a "$1"); export DATABASE_URL; db=$1
}
# put FILE TEXT
put() { printf '%s' "$2" >"migrations/$1"; }
state_of() { "$SEEDOPS" migrate status --json 2>/dev/null |
    python3 -c 'import json,sys; print([m["state"] for m in json.load(sys.stdin)["migrations"] if m["name"]==sys.argv[1]][0])' "$1"; }
q() { sql a "$db" -c "$1"; }
