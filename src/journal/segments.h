/* segments - the names of a session's files: ID.jsonl, ID.2.jsonl, ID.3.jsonl ... in one directory. */
#ifndef SEEDOPS_JOURNAL_SEGMENTS_H
#define SEEDOPS_JOURNAL_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>

struct segment_names {
    char **paths;        /* in the segments' order */
    size_t count;
};

/* "ID.jsonl" for segment 1, "ID.K.jsonl" for K; gives: free(). */
char *segment_name(const char *session, int segment);
/* The segment that a file's name (without directories) stands for; its session's id has *length bytes. 0: it is
 * not a journal's name. */
int segment_of_name(const char *name, size_t *length);
/* The files that belong to the session of the file at `path`, itself included, without a gap around it: what
 * is beyond a missing one is left out. A file of any other name stands alone. At most `limit`. */
void segments_beside(const char *path, size_t limit, struct segment_names *names);
void segment_names_free(struct segment_names *names);

#endif
