/* header - the first line of a journal: who, from where, on what, with which seedops. */
#ifndef SEEDOPS_JOURNAL_HEADER_H
#define SEEDOPS_JOURNAL_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"

/* Texts are NULL or "" when they are not known. */
struct journal_header {
    const char *version;           /* seedops' */
    int64_t started_ms;            /* wall clock */
    const char *user, *host, *environment;
    const char *target;            /* redacted */
    const char *system_identifier; /* seldom known so early: the event "connection" has it */
    const char *command;
    const char *tty;               /* "/dev/pts/3", "" without a terminal */
    const char *from;              /* the address of the SSH client that the operator sits at, "" here */
    const char *real_user;         /* who became `user` by sudo, "" nobody */
    int64_t pid;
    int columns, rows;             /* 0: not a terminal */
    /* filled in by the writer */
    int format;
    const char *session;           /* its id: the file's name up to the first dot */
    int segment;                   /* from 1 */
    int dropped;                   /* segments that the caps have taken from this session so far */
    uint64_t before;               /* inputs in the segments before this one */
    const char *after;             /* the last hash of the segment before; "" in the first */
};

/* The line without its closing brace, which is the tail's. */
void journal_header_encode(const struct journal_header *header, struct str *to);
/* A deep copy, NULL texts as ""; and what frees it. */
void journal_header_copy(struct journal_header *to, const struct journal_header *from);
void journal_header_free(struct journal_header *header);
/* Fills in what is still "" of user, host, tty, from and real_user, and the pid. `header` owns its texts
 * (journal_header_copy). Asking for the user's name may wait for a directory service. */
void journal_header_complete(struct journal_header *header);
/* Gives the parsed line in *json, whose texts *header borrows; absent texts are "". `name` is for the error,
 * which has the place. */
bool journal_header_decode(const char *line, size_t length, const char *name, struct json **json,
                           struct journal_header *header, struct err *err);

#endif
