#!/usr/bin/env bash
# The Environments screen with a thousand of them, some of which are databases of one server.
. "$(dirname "$0")/../lib-tty.sh"
cd "$T" || exit 1
cluster_start c max_connections=60 || exit 1
mkdir seeds
printf 'table: plan\nrows:\n  - {id: 1}\n' >seeds/plan.yaml
createdb_in c tpl
sql c tpl -c 'create table plan (id int primary key); insert into plan values (1)'
for i in 1 2 3 4 5; do echo "create database shop_$i template tpl;"; done | sql c postgres
sql c shop_4 -c 'drop table plan'
{
    printf 'version: 1\nseeds: seeds\nenvironments:\n'
    for i in $(seq -w 1 994); do printf '  far-%s: {url: "postgresql://postgres@/x?host=%s"}\n' "$i" "$T/nowhere"; done
    printf '  shops: {url: "%s", databases: shop_%%}\n' "$(url c postgres)"
    printf '  home: {url: "%s"}\n' "$(url c tpl)"
    printf 'groups:\n  near: [home, shops]\n'
} >seedops.yaml

check "a thousand are looked at, ordered, filtered, and one database of many is opened" term "$SEEDOPS" <<'END'
size 120 30
timeout 120000
wait 1000 environments
wait 995 of 1000 environments have something to mend, the worst first
wait far-001
key o
wait 995 of 1000 environments have something to mend. Enter
key G
wait shops/shop_5
wait home
refute shops/shop_6
key f
type near
key enter
gone far-994
wait shops/shop_1
wait   in near
key g j
wait ▸ shops/shop_2
key enter
wait HEALTHY
wait shop_2 on
wait ▸ plan
key 0
wait shops/shop_1
key Q
exit 0
END
check "the names are there before anybody was asked, and keys work while all are looked at" term "$SEEDOPS" <<'END'
size 120 30
timeout 120000
wait 1000 environments; looking at
key G
wait home
key Q
exit 0
END
journal=$(ls -t "$XDG_STATE_HOME"/seedops/sessions/*.jsonl | tail -n 1)
[ "$(wc -c <"$journal")" -lt 2000000 ] && ok "a line an answer: the journal is small" || not_ok "a line an answer: the journal is small ($(wc -c <"$journal") bytes)"
so replay "$journal" --dump 120x30 --at end
is "$rc" 0 "the recorded session plays"
like "$out" 'shops/shop_1' "to the same list"
finish
