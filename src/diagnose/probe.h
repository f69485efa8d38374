/* probe - the questions a diagnosis asks the server, and the evidence made of the answers.
 *
 * Probes ride in a caller's pipeline beside the catalogue's (session_look). They read catalogues, counters and the
 * ledger; no user table is scanned and none is locked but for pg_relation_size, which leaves locked ones out. Any role
 * may run them; one that is refused or times out is noted as unread, never as zero. */
#ifndef SEEDOPS_DIAGNOSE_PROBE_H
#define SEEDOPS_DIAGNOSE_PROBE_H

#include "db/pipeline.h"
#include "diagnose/evidence.h"

enum { DIAGNOSE_PROBES = 16 };

struct diagnose_wanted {
    const char *const *names;        /* tables, as db_catalog_probes has them */
    size_t count;
    bool all;
    const char *ledger;              /* quoted for SQL, or NULL: none */
    int version;                     /* server_version_num: each question has one wording for each range of versions */
};
/* Fills at most DIAGNOSE_PROBES, gives how many; texts live in `arena` until the pipeline has run. */
size_t diagnose_probes(struct arena *arena, const struct diagnose_wanted *wanted, struct db_probe *probes);
/* Evidence of the answers. e->tables holds name, oid and what is expected of each table already. */
void diagnose_take(struct evidence *e, const struct db_probe *probes, size_t count);
/* One more thing that could not be read. Texts are copied; `grant` may be NULL. */
void diagnose_unread(struct evidence *e, const char *what, const char *source, const char *word, const char *grant);

#endif
