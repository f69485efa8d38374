#!/usr/bin/env bash
# Random schemas through prune and restore, against an oracle (prune_random.py), and some of them through reset and restore.
# 500 cases; 20 000 with FULL=1.
. "$(dirname "$0")/../lib.sh"
cluster_start pg "max_locks_per_transaction=1024" "autovacuum=off" || exit 1
createdb_in pg random
export PSQL="$PSQL -XAtq -v ON_ERROR_STOP=1 -h $T/pg -U postgres" WORK=$T/work URL seed
URL=$(url pg random)
mkdir -p "$WORK"
seed=${SEED:-$RANDOM}
[ -n "${FULL:-}" ] && cases=20000 || cases=${CASES:-500}
# Starting a program under ASan costs as much as all of a case: the plain build has the same code.
SEEDOPS=${SEEDOPS_PLAIN:-$SEEDOPS}; export SEEDOPS
check "$cases random schemas, seed $seed: what is planned goes, and comes back" \
    python3 "$TOP/tests/real/prune_random.py" --cases "$cases" --seed "$seed" --batch 50
check "$((cases / 10)) of them reset, seed $seed: what was seeded gives way to what was there" \
    python3 "$TOP/tests/real/prune_random.py" --cases "$((cases / 10))" --seed "$seed" --batch 50 --action reset
finish
