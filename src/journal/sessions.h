/* sessions - the recorded sessions of a directory: their headers and ends, without reading what is between. */
#ifndef SEEDOPS_JOURNAL_SESSIONS_H
#define SEEDOPS_JOURNAL_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "journal/header.h"
#include "journal/summary.h"

enum session_state {
    SESSION_CLOSED,
    SESSION_RUNNING,       /* its writer holds it */
    SESSION_KILLED,        /* no end, and nobody writes: kill -9, a full disk, a lost machine */
    SESSION_UNREADABLE     /* problem says why */
};

struct session_entry {
    char *path;                    /* of its first segment that is there */
    struct json *json;             /* the header's */
    struct journal_header header;
    int segments, dropped;
    int64_t bytes;
    enum session_state state;
    char failure[256];             /* why recording stopped before the session did; "" */
    struct summary summary;
    bool summed;                   /* there is a summary */
    struct err problem;
};

struct sessions {
    struct session_entry *items;   /* newest first */
    size_t count;
    /* what the caps took, from the directory's note */
    int64_t dropped_files, dropped_bytes;
    char dropped_last[32];         /* when, "" never */
};

/* Reads sessions/ below each directory. One that is not there has none. */
bool sessions_list(struct sessions *sessions, char *const *state_dirs, size_t count, struct err *err);
/* Of one file (and the segments beside it), wherever it is. */
void sessions_look(struct session_entry *entry, const char *path);
void sessions_free(struct sessions *sessions);
void session_entry_free(struct session_entry *entry);
const char *session_state_name(enum session_state state);   /* "closed" "running" "killed" "unreadable" */

#endif
