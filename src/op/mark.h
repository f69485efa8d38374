/* mark - what a database says of itself (SAFETY 3): seedops.mark, Rails' ar_internal_metadata, and whether it keeps a
 * trail (seedops.actions, SAFETY 6).
 *
 * Read by one probe that rides in a pipeline which is sent anyway. It looks the tables up in the catalogue first, so
 * that none which is absent or closed costs a failing statement. */
#ifndef SEEDOPS_OP_MARK_H
#define SEEDOPS_OP_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "config/pins.h"
#include "db/pipeline.h"

enum trail_state {
    TRAIL_UNKNOWN,                /* the probe failed: not to be relied on */
    TRAIL_NONE,                   /* there is no seedops.actions */
    TRAIL_CLOSED,                 /* there is one, and this role may not add to it */
    TRAIL_OPEN
};

struct mark {
    bool read;                    /* false: `problem` says why nothing of this is known */
    bool there;                   /* the table of the mark */
    bool unreadable;              /* and this role may not read it */
    char environment[64], role[16];   /* of seedops.mark; "" when the database is not marked */
    struct pin_identity identity; /* of the server and the database that were marked */
    char rails[64];               /* ar_internal_metadata: environment; "" none */
    enum trail_state trail;
    struct applied_set sets[APPLIED_SETS];   /* of the trail, newest first */
    size_t set_count;
    char problem[160];
};

enum { MARK_PROBES = 1 };
void mark_probes(struct db_probe probes[MARK_PROBES]);
void mark_take(const struct db_probe probes[MARK_PROBES], struct mark *mark);
/* Statements that make the schema, the mark's table and the trail's, where they are absent. */
const char *mark_create_sql(void);

#endif
