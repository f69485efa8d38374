/* pipeline - a screen's worth of reads in one round trip, each failing alone (SAFETY 1).
 *
 * Every probe is a transaction of its own: settings that are local to it (read only, statement_timeout, lock_timeout,
 * TimeZone, DateStyle, search_path ...), the query, and the Sync that ends it. So no session setting is needed and a
 * transaction pooler is safe; no statement is prepared under a name. search_path is pg_catalog alone: qualify every
 * relation, type and function that is not PostgreSQL's own, or ask for the default path. */
#ifndef SEEDOPS_DB_PIPELINE_H
#define SEEDOPS_DB_PIPELINE_H

#include "db/conn.h"

struct db_probe {
    const char *name;                /* for errors; borrowed */
    const char *sql;                 /* one statement; borrowed until the call returns */
    size_t count;
    const char *const *params;
    bool default_path;               /* search_path is what the role, the database and the URL give */
    bool joins;                      /* in the transaction of the probe before it, with its settings: for many that are
                                      * quick. If one fails, those after it are asked again, each by itself */
    int statement_timeout_ms;        /* 0: the connection's patience, 2 000 unless it has more */
    const char *relation;            /* the one it reads, quoted ("public"."Station"): narrows down who
                                      * locks it when it is locked; NULL: any */
    /* given: */
    bool ok;
    struct db_result *result;        /* NULL unless ok; db_probes_free */
    struct err err;                  /* "locked by pid ...", "not permitted", "timed out" in `why` when !ok */
};

/* True if the pipeline itself worked; each probe then says for itself. One round trip, and one more to name
 * who holds the lock if a probe was locked out. */
bool db_pipeline(struct db *db, struct db_probe *probes, size_t count, struct err *err);
void db_probes_free(struct db_probe *probes, size_t count);
/* "locked by pid 12", "not permitted", "timed out", or the server's words: what a cell shows for a failed
 * probe. Borrows from the probe. */
const char *db_probe_word(const struct db_probe *probe);

#endif
