/* deep - what a diagnosis reads only on request: it takes time (WAL, other databases) or rights (statements, the log,
 * dead rows). Each part fails alone: it then says why, and the GRANT that would open it. Scans no table. */
#ifndef SEEDOPS_OP_DEEP_H
#define SEEDOPS_OP_DEEP_H

#include "diagnose/evidence.h"
#include "op/session.h"

struct deep {
    struct session *s;
    const struct evidence *e;
    struct fact_diagnosis *d;            /* gets evidence, denied, by, since and until */
    char xid[24];                        /* the transaction that most dead rows name; "" none */
    int64_t xid_rows;
};

/* Adds to a judged diagnosis. False only when cancelled or the connection is lost. */
bool deep_look(struct session *s, const struct evidence *e, struct fact_diagnosis *d, struct err *err);

/* ---- for its parts ---- */

/* True for a table that lacks rows and is worth asking about. */
bool deep_is_asked(const struct table_evidence *t);
/* "{16390,16391}": the oids (or files, with `files`) of those tables. Appends. */
void deep_list(const struct deep *deep, bool files, struct str *out);
const struct table_evidence *deep_table(const struct deep *deep, int64_t number, bool file);   /* NULL: none of them */
__attribute__((format(printf, 5, 6)))
void deep_say(struct deep *deep, const char *source, const char *table, const char *supports, const char *format, ...);
/* A part that was not to be had. `grant` NULL: nothing would open it. */
void deep_denied(struct deep *deep, const char *what, const char *why, const char *grant);
/* The same with "GRANT pg_monitor" and the like, to our role. */
void deep_denied_grant(struct deep *deep, const char *what, const char *why, const char *right);
/* Replaces who did it, and when: more exact than the catalogue's brackets. */
void deep_name(struct deep *deep, const char *by);
void deep_date(struct deep *deep, const char *iso, const char *why);

/* deep_log.c: crashes, and statements that emptied one of the tables, in the log's last megabyte. `log` NULL: `why`. */
bool deep_log(struct deep *deep, const char *log, const char *why, const char *oids, struct err *err);
/* deep_commits.c: when the transactions that dead rows and new files name were committed. */
bool deep_commits(struct deep *deep, struct err *err);
/* deep_wal.c: which transaction deleted or replaced what, by pg_walinspect; at most the newest two gigabytes. */
bool deep_wal(struct deep *deep, struct err *err);
/* deep_databases.c: whether the rows are in another database of this server, by connecting there. */
bool deep_databases(struct deep *deep, struct err *err);

#endif
