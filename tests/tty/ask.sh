#!/usr/bin/env bash
# What a command asks on the terminal: nothing is agreed to unseen, and leaving in the middle of an answer is clean.
. "$(dirname "$0")/../lib-tty.sh"
cluster_start main "password_encryption=md5" || exit 1
createdb_in main app
mkdir "$T/p"; cd "$T/p" || exit 1

# ---- which commands a configuration runs ----
padding=$(printf 'x%.0s' {1..600})
cat >seedops.yaml <<END
migrations: {before: "touch $T/ran"}
environments:
  local: {url: "$(url main app)", password_command: "echo $padding; printf '\\\\r'; touch $T/ran"}
  other: {url: "$(url main app)", password_command: "echo other's"}
END
check "all commands of the file are shown, whole and visible" term "$SEEDOPS" status local <<END
size 120 40
wait Type yes to go on:
expect runs commands
expect migrations.before: touch $T/ran
expect password_command of other: echo other's
expect touch $T/ran
type no
key enter
wait may not run commands
exit 5
END
check "and none of them was run" test ! -e "$T/ran"

# ---- a password ----
sql main app -c "CREATE ROLE asked LOGIN PASSWORD 'let me in'"
printf 'local all asked md5\nlocal all all trust\n' | as_server tee "$T/main/data/pg_hba.conf" >/dev/null
sql main postgres -c 'SELECT pg_reload_conf()' >/dev/null
asked_url="postgresql://asked@/app?host=$T/main"
check "a password is asked for, and not shown" term "$SEEDOPS" wait --url "$asked_url" <<'END'
wait Password:
echo off
type let me in
key enter
exit 0
END
check "ctrl-c in the middle of it" term "$SEEDOPS" wait --url "$asked_url" <<'END'
wait Password:
type half of
key ctrl-c
wait cancelled while asking
exit 130
echo on
END
finish
