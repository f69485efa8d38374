/* file_verify - the chain of hashes, segment by segment. */
#include "journal/file_inside.h"

#include <string.h>

static bool verify_segment(const struct file_segment *s, const char *after, const atomic_bool *cancel,
                           atomic_uint_fast64_t *done, struct journal_summary *summary, struct err *err)
{
    struct journal_reader *r;
    bool ok = s->fd < 0 ? journal_read_bytes(&r, s->name, s->bytes, (size_t)s->size, err)
                        : journal_read_fd(&r, s->name, s->fd, err);
    if (!ok)
        return false;
    const struct journal_header *header = journal_read_header(r);
    if (after && strcmp(header->after, after) != 0) {
        err_set(err, ERR_GENERAL, "the journal is damaged, or was changed");
        err_why(err, "it does not follow from the segment before it");
        ok = err_at(err, s->name, 1, 0);
    }
    const char *input = "";
    for (size_t length; ok && input;) {
        if (cancel && atomic_load(cancel))
            ok = err_set(err, ERR_CANCELLED, "checking the journal was cancelled");
        else
            ok = journal_read_next(r, &input, &length, err);
        if (ok && input && done)
            atomic_fetch_add(done, 1);
    }
    uint64_t unknown = summary->unknown, checkpoints = summary->checkpoints;
    journal_read_summary(r, summary);
    summary->unknown += unknown;
    summary->checkpoints += checkpoints;
    journal_read_close(r);
    return ok;
}

bool journal_file_verify(const struct journal_file *f, const atomic_bool *cancel, atomic_uint_fast64_t *done,
                         struct journal_summary *summary, struct err *err)
{
    *summary = (struct journal_summary){0};
    for (size_t i = 0; i < f->segment_count; i++) {
        char after[HASH_HEX];
        memcpy(after, summary->hash, sizeof after);
        if (!verify_segment(&f->segments[i], i ? after : NULL, cancel, done, summary, err))
            return false;
    }
    if (f->facts.damaged) {
        if (err)
            *err = f->facts.problem;   /* what only shows in the segments' headers */
        return false;
    }
    return true;
}
