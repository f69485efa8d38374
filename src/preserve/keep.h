/* keep - the parts of `preserve`: what the server says, the record for the way back, the archive of pages.
 *
 *   ask ─▶ plan ─▶ evidence and record on disk ─▶ slot ─▶ autovacuum off ─▶ pages into the archive ─▶ check
 *                                                       undo: slot away ─▶ options back ─▶ record away
 *
 * Nothing here scans a table: a scan prunes what is to be preserved. */
#ifndef SEEDOPS_PRESERVE_KEEP_H
#define SEEDOPS_PRESERVE_KEEP_H

#include "base/str.h"
#include "op/session.h"
#include "preserve/preserve.h"

/* A replication slot of this name is ours, and of this database (its oid follows). */
#define KEEP_SLOT "seedops_keep_"

/* ---- ask.c: what the server says, in one round trip ---- */

struct keep_column { const char *name, *type; int64_t number, length; const char *align; bool dropped; };

struct keep_table {
    uint32_t oid, toast;             /* toast 0: none */
    const char *schema, *name, *owner;
    bool owned;                      /* we may alter it */
    const char *autovacuum, *toast_autovacuum;   /* the options as they are; NULL: not set */
    const char *path, *toast_path;   /* below the data directory */
    int64_t bytes, toast_bytes, file_node;
    struct keep_column *columns;
    size_t column_count;
};

struct keep_segment { const char *name; int64_t bytes; };

struct keep_facts {
    struct arena arena;
    uint32_t database;               /* its oid */
    bool replication, checkpoint, read_files, raw_pages, in_recovery;
    int64_t block_bytes, segment_bytes, slots, slots_most;
    const char *wal_level, *keep_most;           /* max_slot_wal_keep_size; "" before 13 */
    const char *data_directory;      /* "" when we may not know */
    const char *pageinspect;         /* its schema, quoted; NULL: not installed */
    char slot[40];                   /* the name that ours has or would have */
    bool slot_there, slot_active;
    const char *slot_lsn, *slot_status;          /* where it keeps from; "" unknown */
    struct keep_table *tables;       /* of those asked for, the ones that are there */
    size_t table_count;
    struct keep_segment *segments;   /* of WAL, oldest name first */
    size_t segment_count;
    int64_t segments_bytes;
    const char *segments_why;        /* NULL: they are known */
};

bool keep_ask(struct session *s, const uint32_t *oids, size_t count, struct keep_facts *facts, struct err *err);
void keep_facts_free(struct keep_facts *facts);
const struct keep_table *keep_facts_table(const struct keep_facts *facts, uint32_t oid);   /* NULL: not there */

/* ---- record.c: what undo needs, on disk before the first write ---- */

struct keep_saved {                  /* options as they were before the first preserve */
    uint32_t oid;
    const char *schema, *name, *autovacuum, *toast_autovacuum;
};

struct keep_record {
    struct arena arena;
    char *path;                      /* of the file */
    int lock;                        /* keep_record_lock; -1: not held */
    bool there;                      /* it was read, or is written */
    bool slot_ours;                  /* no slot of that name was there before */
    const char *host, *since;        /* where and when the first preserve ran */
    struct keep_saved *tables;
    size_t table_count;
    const char **archives;
    size_t archive_count;
};

/* Reads the record of this server and database, if this machine has one; an unreadable one is an error. */
bool keep_record_open(struct session *s, struct keep_record *record, struct err *err);
/* Before anything is done by it: keeps other preserves and undos of this database out until it is closed, and reads it
 * once more. Fails where another one has been at work for ten seconds. */
bool keep_record_lock(struct session *s, struct keep_record *record, struct err *err);
/* Adds what is not in it yet: never what a preserve before this one set. */
void keep_record_add(struct keep_record *record, const struct keep_facts *facts);
void keep_record_archive(struct keep_record *record, const char *directory);
/* Atomically, and on the disk when it returns. */
bool keep_record_write(struct session *s, struct keep_record *record, struct err *err);
bool keep_record_remove(struct keep_record *record, struct err *err);
void keep_record_close(struct keep_record *record);
/* preserve/ below the environment's state directory, made if need be. Gives. */
char *keep_directory(const struct session *s, struct err *err);

/* ---- pages.c: heap pages into files ---- */

/* Saves the pages of every table (and of its TOAST table) and manifest.json into `directory`, which appears whole
 * or not at all; 0600, synced. *pages gets how many. */
bool keep_pages(struct session *s, struct db *db, const struct keep_facts *facts, const char *directory,
                int64_t *pages, struct err *err);

/* ---- undo.c ---- */
bool keep_undo(struct session *s, const struct preserve_options *options, struct err *err);

/* ---- shared: steps of a plan ---- */

struct keep_plan { struct input *in; size_t room; size_t by_hand, doable; };
void keep_step(struct keep_plan *plan, bool danger, const char *action, const char *object, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A line that someone with more rights can paste. */
void keep_by_hand(struct keep_plan *plan, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The plan's digest over its steps, the guard's word; then it goes out. Gives a copy of the digest in `hex`. */
void keep_plan_emit(struct session *s, struct keep_plan *plan, const char *name, char hex[65]);
/* SAFETY 5.4: what was confirmed, or nothing. */
bool keep_as_confirmed(const char *seen, const char *digest, struct err *err);
void keep_outcome(struct session *s, const char *name, int64_t started_ms, size_t steps, const char *archive);
/* All of them in one transaction; where that fails each alone, failures logged. Gives how many were carried out. */
size_t keep_run_all(struct session *s, struct db *db, const struct str *statements, size_t count);
void keep_alter(struct str *sql, const char *schema, const char *name, const char *autovacuum, bool toast,
                const char *toast_autovacuum);

#endif
