/* evidence - the catalogue's word on a few tables: pg_class, sizes, counters. No table is scanned. */
#include "op/evidence.h"

#include <stdlib.h>

#include "base/str.h"
#include "db/pipeline.h"
#include "op/ops.h"

static char *evidence_sql(const struct db_table *table)
{
    struct str sql = {0};
    str_printf(&sql,
               "SELECT pg_catalog.row_to_json(e)::pg_catalog.text FROM (SELECT c.relname, c.oid, c.relfilenode, "
               "c.xmin::pg_catalog.text, c.relpages, c.reltuples, c.relallvisible, c.relfrozenxid::pg_catalog.text, "
               "c.reloptions, "
               "pg_catalog.pg_relation_size(c.oid) AS heap_bytes, pg_catalog.pg_indexes_size(c.oid) AS index_bytes, "
               "s.n_live_tup, s.n_dead_tup, s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.n_mod_since_analyze, "
               "s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze, "
               "pg_catalog.txid_current_snapshot()::pg_catalog.text AS snapshot, pg_catalog.now() AS at "
               "FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid "
               "WHERE c.oid = %lu) e", (unsigned long)table->oid);
    return str_take(&sql);
}

static void log_evidence(struct session *s, const struct db_probe *probe)
{
    if (!probe->ok || db_rows(probe->result) == 0) {
        ctx_log(s->ctx, "warning", "the evidence about %s could not be read: %s", probe->name,
                probe->ok ? "it is not there any more" : probe->err.message);
        return;
    }
    ctx_log(s->ctx, "evidence", "%s", db_value(probe->result, 0, 0));
}

bool evidence_record(struct session *s, const struct db_table *const *tables, size_t count, struct err *err)
{
    const struct ctx *ctx = s->ctx;
    if (count == 0)
        return true;
    struct db_probe *probes = xcalloc(count, sizeof *probes);
    for (size_t i = 0; i < count; i++)
        probes[i] = (struct db_probe){.name = tables[i]->name, .sql = evidence_sql(tables[i])};
    bool ok = db_pipeline(s->db, probes, count, err);
    for (size_t i = 0; i < count; i++) {
        if (ok)
            log_evidence(s, &probes[i]);
        free((char *)probes[i].sql);
    }
    db_probes_free(probes, count);
    free(probes);
    struct diagnose_options diagnosis = {.reason = ctx->action ? ctx->action : "write", .as_looked = true};
    ok = ok && op_diagnose(s, &diagnosis, err);
    if (ok && ctx->recorded && !ctx->recorded(ctx->sink))
        ctx_log(s->ctx, "warning", "the evidence is not on disk");
    return ok;
}
