/* verdict - names and meanings. */
#include "diagnose/verdict.h"

#include <string.h>

static const struct { const char *name, *meaning; } verdicts[VERDICT_COUNT] = {
    [VERDICT_HEALTHY] = {"healthy", "are there"},
    [VERDICT_NEVER_SEEDED] = {"never-seeded", "were never written"},
    [VERDICT_ROLLED_BACK] = {"seed-rolled-back", "were written by a load that was rolled back"},
    [VERDICT_DELETED] = {"deleted", "were deleted by SQL"},
    [VERDICT_TRUNCATED] = {"truncated", "were removed by TRUNCATE"},
    [VERDICT_RECREATED] = {"recreated", "went when the tables, the schema or the database were dropped and made again"},
    [VERDICT_REINITIALISED] = {"reinitialised", "were in another cluster: this one was made anew"},
    [VERDICT_RESTORED_EMPTY] = {"restored-empty", "were not in the dump that this database was restored from"},
    [VERDICT_WRONG_DATABASE] = {"wrong-database", "are in another database of this server"},
    [VERDICT_WRONG_SCHEMA] = {"wrong-schema", "are in a table of the same name in another schema"},
    [VERDICT_HIDDEN_BY_RLS] = {"hidden-by-rls", "are there, but row-level security hides them from this role"},
    [VERDICT_NO_PRIVILEGE] = {"no-privilege", "cannot be read by this role"},
    [VERDICT_STALE_REPLICA] = {"stale-replica", "have not reached this standby"},
    [VERDICT_DETACHED] = {"detached-partitions", "are in partitions that were detached"},
    [VERDICT_RENAMED] = {"renamed-away", "are in a table that was renamed"},
    [VERDICT_UNLOGGED] = {"unlogged-crash", "were in an unlogged table, which a crash empties"},
    [VERDICT_LOADING] = {"load-in-progress", "are being written by a transaction that has not committed"},
    [VERDICT_PREPARED] = {"prepared-transaction", "are in a prepared transaction that waits for COMMIT PREPARED"},
    [VERDICT_SCHEMA_MISSING] = {"schema-missing", "have no table: it is not there"},
};

static const char *const confidences[CONFIDENCE_COUNT] = {
    [CONFIDENCE_LOW] = "low", [CONFIDENCE_MEDIUM] = "medium", [CONFIDENCE_HIGH] = "high",
    [CONFIDENCE_CERTAIN] = "certain",
};

const char *verdict_name(enum verdict verdict) { return verdicts[verdict].name; }
const char *verdict_meaning(enum verdict verdict) { return verdicts[verdict].meaning; }
const char *confidence_name(enum confidence confidence) { return confidences[confidence]; }

enum verdict verdict_find(const char *name)
{
    int i = 0;
    while (i < VERDICT_COUNT && (!name || strcmp(verdicts[i].name, name) != 0))
        i++;
    return (enum verdict)i;
}

enum confidence confidence_find(const char *name)
{
    int i = 0;
    while (i < CONFIDENCE_COUNT && (!name || strcmp(confidences[i], name) != 0))
        i++;
    return (enum confidence)i;
}
