#!/usr/bin/env bash
# The configuration as its users meet it: init, envs, which environment, bad input, nothing secret shown.
. "$(dirname "$0")/../lib.sh"
project=$T/project; mkdir -p "$project/seeds" "$project/migrations/0001_init"; cd "$project" || exit 1
echo 'create table "Station" (id int primary key, name text);' >migrations/0001_init/migration.sql
echo 'provider = "postgresql"' >migrations/migration_lock.toml
printf 'table: Station\nenvironments: [production]\nrows:\n  - {id: 1, name: a}\n  - {id: 2, name: b}\n' >seeds/station.yaml

# ---- nothing there yet ----
so envs
is $rc 1 "without a file and DATABASE_URL there is nothing to list"
like "$err" 'DATABASE_URL is not set' "and it says why"
DATABASE_URL='' so envs
like "$err" 'set to the empty string, which counts as not set' "an empty DATABASE_URL counts as not set, and is named"
DATABASE_URL='postgresql://u:hunter2@h:6543/d?schema=public&connection_limit=5' so envs
is "$rc $(tail -n 1 <<<"$out")" "0 d@h          local       u@h:6543/d" "DATABASE_URL alone is an environment"

# ---- init ----
cluster_start main || exit 1
sql main postgres -c 'create database app' >/dev/null
sql main app -c 'create table "Station" (id int primary key, name text); create table "Measurement" (at int);
                 create table _prisma_migrations (id text); create schema other; create table other.hidden (a int)'
DATABASE_URL=$(url main app) so init --dry 
is $rc 64 "init refuses an option it does not know"
check "and writes nothing then" test ! -e seedops.yaml
DATABASE_URL=$(url main app) so init
is $rc 0 "init writes a file"
like "$out" 'prisma migrations in migrations, 2 tables' "and says what it found"
written=$(grep -vE '^ *#' seedops.yaml)
is "$written" 'version: 1
project: project
migrations:
  dir: migrations
  ledger: prisma
seeds: seeds
tables:
  Measurement: {class: operational}
  Station: {class: context, min_rows: 2}
environments:
  local:
    url: ${DATABASE_URL}
    role: local' "with the live tables, those with a fixture as context, and neither ledger nor other schemas"
before=$(cat seedops.yaml)
so init
is "$rc $(cat seedops.yaml)" "1 $before" "a second init overwrites nothing"
so init --output "$T/other.yaml" --json
is "$rc" 0 "init without a database writes its file as well"
like "$out" '"tables":1\}$' "with the fixtures' tables"
DATABASE_URL=postgresql://nobody@127.0.0.1:1/none so init --output "$T/third.yaml"
is "$rc" 0 "a database that cannot be reached costs the tables, not the file"
like "$err" "tables are not listed" "and that is said"

# ---- envs and the choice ----
cat >seedops.yaml <<'EOF'
version: 1
environments:
  local:
    url: ${LOCAL_URL}
  production:
    url: ${PROD_URL}
    direct_url: ${PROD_DIRECT}
    role: production
    tunnel: {ssh: ops@vps}
EOF
export LOCAL_URL; LOCAL_URL=$(url main app)
PROD_URL=postgresql://app:hunter2@db:6543/alpi PROD_DIRECT=postgresql://app:hunter2@db/alpi so envs
is "$rc $out" "0 environment  role        target
local        local       app on $T/main as postgres
production   production  app@db:6543/alpi  direct app@db/alpi  by ssh ops@vps" "envs lists each with its target"
so envs
like "$out" '^production .*needs the variable PROD_URL, which is not set$' "an environment that lacks a variable is listed with it"
mkdir -p deep/er; run env -C deep/er "$SEEDOPS" envs --json
is "$rc" 0 "found upward from a folder below"
is "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["environments"][1]["error"]["at"], d["environments"][0]["error"])' <<<"$out")" \
    "../../seedops.yaml:6:10 None" "the JSON has the place of what is missing"
so status
is "$rc" 64 "with two environments a command needs to be told which"
like "$err" 'local, production' "and names them"
so status prodction
is "$rc" 64 "an environment that is not there"
like "$err" 'Did you mean "production"' "gives the nearest one"
so status production
is "$rc" 1 "a missing variable is an error for who opens the environment"
like "$err" 'PROD_URL, which is not set' "that names the variable"
like "$err" 'seedops.yaml:6:10' "and the place"
DATABASE_URL=postgresql://me:hunter2@elsewhere/db so status local
like "$err" 'DATABASE_URL is set and points elsewhere: to me@elsewhere/db' "a DATABASE_URL that points elsewhere is reported"
unlike "$err$out" hunter2 "without its password"

# ---- bad input: place, nearest, exit code ----
bad() { # NAME YAML MESSAGE PLACE
    printf '%b' "$2" >"$T/bad.yaml"
    so envs --config "$T/bad.yaml"
    if [ "$rc" = 1 ] && grep -qF -- "$3" <<<"$err" && grep -qF -- "bad.yaml:$4" <<<"$err"; then ok "$1"
    else not_ok "$1"; note "exit $rc" "$err"; fi
}
bad "unknown key" 'version: 1\ntabels: {}\n' 'Did you mean "tables"?' 2:1
bad "wrong type" 'tables:\n  S: {min_rows: many}\n' 'tables.S.min_rows must be a whole number' 2:17
bad "duplicate key" 'version: 1\nversion: 1\n' version 2:1
bad "a command's name" 'environments:\n  seed: {url: x}\n' 'it is the name of a command' 2:3
bad "another version" 'version: 2\n' 'version must be 1' 1:10
bad "broken UTF-8" 'project: "\xff"\n' 'UTF-8' 1
names=$(so help && sed -n 's/^  \([a-z][a-z ]*[a-z]\)   *.*/\1/p' "$T/out" | awk '{print $1}' | sort -u)
check "help lists commands" grep -qx migrate <<<"$names"
taken=
for name in $names; do
    printf 'environments:\n  %s: {url: "postgresql:///x"}\n' "$name" >"$T/bad.yaml"
    "$SEEDOPS" envs --config "$T/bad.yaml" >/dev/null 2>&1 && taken+=" $name"
done
is "$taken" "" "no command's name can be an environment's"
so envs --config "$T/nowhere.yaml"; is "$rc" 1 "a file that is not there"; like "$err" 'nowhere.yaml' "is named"
so envs --config "$project"; is "$rc" 1 "a directory"; like "$err" 'it is a directory' "is said to be one"
SEEDOPS_CONFIG=$T/nowhere.yaml so envs; is "$rc" 1 "SEEDOPS_CONFIG counts"

# ---- the manual knows every key ----
keys_of() { # YAML with an unknown key "x"
    printf '%b' "$1" >"$T/bad.yaml"; so envs --config "$T/bad.yaml"
    sed -n 's/.*known here: //p' <<<"$err" | tr -d ,
}
known="$(keys_of 'x: 1\n') $(keys_of 'migrations: {x: 1}\n') $(keys_of 'tables: {T: {x: 1}}\n')"
known+=" $(keys_of 'environments: {e: {x: 1}}\n') $(keys_of 'environments: {e: {tunnel: {x: 1}}}\n')"
is "$(wc -w <<<"$known")" 34 "the keys were listed"
missing=
for key in $known; do grep -qE "^\.(It )?Cm (.* )?$key( |\$)|, $key( |\$)" "$TOP/man/seedops.yaml.5" || missing+=" $key"; done
is "$missing" "" "seedops.yaml(5) explains every key"

# ---- commands of a cloned repository do not run by themselves ----
printf 'environments:\n  e:\n    url: "%s"\n    password_command: touch %s; echo pw\n' "$(url main app)" "$T/ran" >"$T/clone.yaml"
so status e --config "$T/clone.yaml" </dev/null
is "$rc" 5 "an untrusted password_command is refused where nobody can be asked"
check "and has not run" test ! -e "$T/ran"
mkdir -p "$HOME/.config/seedops"; cp "$T/clone.yaml" "$HOME/.config/seedops/mine.yaml"
so status e --config "$HOME/.config/seedops/mine.yaml"
check "in the user's own directory it runs" test -e "$T/ran"
rm "$T/ran"; ln -s "$T/clone.yaml" "$HOME/.config/seedops/link.yaml"
so status e --config "$HOME/.config/seedops/link.yaml" </dev/null
check "a link into that directory does not make a file the user's own" test ! -e "$T/ran"
mkdir -p "$XDG_STATE_HOME/seedops"; echo "$(sha256sum <"$T/clone.yaml" | cut -c1-64)  x" >"$XDG_STATE_HOME/seedops/trusted"
so status e --config "$T/clone.yaml"
check "once allowed it runs" test -e "$T/ran"
rm "$T/ran"; echo '#' >>"$T/clone.yaml"
so status e --config "$T/clone.yaml" </dev/null
check "a changed file asks again" test ! -e "$T/ran"

# ---- --url ----
so status --url 'postgresql://u:hunter2@h:99999/d'; is "$rc" 1 "a bad port"
like "$err" 'bad port "99999"' "is named"; unlike "$err$out" hunter2 "and the password is not"
so status --url 'postgresql://u:hunter2@h/d?sslmod=x'; like "$err" 'Did you mean "sslmode"' "an unknown parameter gives the nearest"
so status --url 'postgresql://u:hunt%zzer2@h/d'; like "$err" 'percent-encoding at character 20' "bad percent-encoding has its place"
so status --url ''; is "$rc" 64 "an empty --url is a usage error"
"$SEEDOPS" wait --url "postgresql://u:hunter2@127.0.0.1:$(free_port)/d" --timeout 20000 >/dev/null 2>&1 & waiting=$!
check "a password in --url is overwritten in argv" wait_for 10 grep -q 'u:\*\*\*\*\*\*\*@' "/proc/$waiting/cmdline"
unlike "$(tr '\0' ' ' <"/proc/$waiting/cmdline")" hunter2 "and is nowhere else in it"
kill "$waiting"; wait "$waiting" 2>/dev/null
is "$(grep -rl hunter2 "$XDG_STATE_HOME" "$HOME" 2>/dev/null)" "" "no password was recorded in any journal"
check "though journals were written" test -n "$(ls "$XDG_STATE_HOME/seedops/sessions" 2>/dev/null)"
so status local --url "$(url main app)"; is "$rc" 64 "an environment and --url together are refused"

# ---- secrets in files ----
mkdir "$T/files" && cd "$T/files" || exit 1
createdb_in main files
mkdir run; url main files >run/url; printf '%s' "$(url main files)" >run/DATABASE_URL
DATABASE_URL_FILE=$T/files/run/url so status; is "$rc" 0 "DATABASE_URL may stand in a file"
CREDENTIALS_DIRECTORY=$T/files/run so status; is "$rc" 0 "or be a credential of systemd's"
DATABASE_URL_FILE=$T/files/run/none so status
is "$rc" 1 "a file that is named and not there is an error"
like "$err" 'DATABASE_URL is to be read from a file: cannot read .*/run/none' "with its name"
: >run/empty; DATABASE_URL_FILE=$T/files/run/empty so status
like "$err" 'DATABASE_URL is in a file that is empty, which counts as not set' "an empty one counts as not set"
DATABASE_URL_FILE=$T/files/run so status
like "$err" 'next: DATABASE_URL_FILE says so: put a readable file there' "what names a directory is named itself"
printf 'version: 1\nenvironments:\n  e: {url: "${E_URL}"}\n' >seedops.yaml
E_URL_FILE=run/url so status e; is "$rc" 0 "a variable of seedops.yaml too"
E_URL_FILE=run/empty so status e; like "$err" 'E_URL, which is in a file that is empty: that counts as not set' "an empty one is said"
E_URL_FILE=/none so status e; like "$err" 'E_URL is to be read from a file: cannot read /none' "or the environment says why not"
sql main files -c 'create table s (id int primary key, v text)'
mkdir seeds; printf 'table: s\nrows:\n  - {id: 1, v: !env SEED_WORD}\n' >seeds/s.yaml
echo geheim77 >run/word
E_URL_FILE=run/url SEED_WORD_FILE=run/word so seed e --seeds seeds
is "$rc $(sql main files -c 'select v from s')" "0 geheim77" "and one of a fixture"
is "$(grep -rl geheim77 "$XDG_STATE_HOME" "$T/out" "$T/err")" "" "which is in no journal and no message"
E_URL_FILE=run/url SEED_WORD_FILE=/none so seed e --seeds seeds
is "$rc" 1 "a missing one fails the seed"
like "$err" '^  at: seeds/s.yaml:3:16' "at its place"
finish
