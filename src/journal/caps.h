/* caps - how much disk the journals may take. What goes over it is dropped by whole segments, oldest first. */
#ifndef SEEDOPS_JOURNAL_CAPS_H
#define SEEDOPS_JOURNAL_CAPS_H

#include <stdbool.h>
#include <stdint.h>

struct journal_limits {      /* bytes; 0: no limit */
    int64_t segment;         /* a session goes on in another file */
    int64_t session;         /* all files of one session */
    int64_t directory;       /* of all sessions */
};

/* Told about every file that went. `own`: it was of the session that asked. */
typedef void caps_dropped(void *data, const char *name, int64_t bytes, bool own);

/* Holds the files in the directory (borrowed) against the limits. Never touches `segment` of `session`, a file
 * that its writer still has locked, or a name that no writer of ours makes. Gives false if the directory cannot
 * be read. Notes what went in the directory's file "dropped". */
bool caps_apply(int directory, const struct journal_limits *limits, const char *session, int segment,
                caps_dropped *dropped, void *data);

#endif
