/* file_inside - what the parts of a journal_file know of it: file.c opens and reads by number, file_window.c has the bytes,
 * file_index.c makes the index, file_verify.c checks the chain. */
#ifndef SEEDOPS_JOURNAL_FILE_INSIDE_H
#define SEEDOPS_JOURNAL_FILE_INSIDE_H

#include "journal/file.h"
#include "journal/format.h"

enum { FILE_EVERY = 16 };           /* inputs to a mark */

struct file_mark { int64_t place, offset_ms; };   /* of input before + 1 + FILE_EVERY * i */

struct file_checkpoint {
    size_t segment;
    int64_t place;
    uint64_t at;
};

struct file_segment {
    char *name;                    /* for messages */
    int fd;                        /* or -1: `bytes` */
    const char *bytes;
    int64_t size;                  /* when it was opened */
    struct json *json;
    struct journal_header header;
    uint64_t last;                 /* number of its last input */
    struct file_mark *marks;
    size_t mark_count, mark_capacity;
    char hash[HASH_HEX];           /* in its last line's tail */
};

struct journal_file {
    struct file_segment *segments;
    size_t segment_count;
    struct journal_facts facts;
    struct file_checkpoint *checkpoints;
    size_t checkpoint_capacity;
    /* the window, and the line last given */
    char *window;
    size_t window_capacity, window_length;
    size_t window_segment;
    int64_t window_at;             /* -1: nothing in it */
    char held;                     /* what the NUL after the line stands for */
    char *held_at;
    size_t next_segment;           /* where the input after the last one read is looked for */
    uint64_t next;                 /* its number; 0: not known */
    int64_t next_place;
};

enum file_line { LINE_WHOLE, LINE_CUT, LINE_NONE, LINE_TOO_LONG, LINE_ERROR };

/* The line at `place`, in the window afterwards: *line without its newline. */
enum file_line file_line_at(struct journal_file *f, size_t segment, int64_t place, char **line, size_t *length,
                            struct err *err);
/* Takes back the NUL that ends the line last given. */
void file_put_back(struct journal_file *f);
/* Notes why reading stops there. False. */
bool file_damaged(struct journal_file *f, const struct file_segment *s, unsigned number, const char *why);
/* One pass over all segments. False only when they cannot be read, or the first is no journal; damage is a fact. */
bool file_index(struct journal_file *f, struct err *err);

#endif
