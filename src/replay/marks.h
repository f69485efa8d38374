/* marks - the moments of a session that a reviewer looks for: what was done, what failed, what was refused,
 * what was noted. Found by watching a reel go by; pure. */
#ifndef SEEDOPS_REPLAY_MARKS_H
#define SEEDOPS_REPLAY_MARKS_H

#include "replay/reel.h"

enum mark_kind { MARK_ACTION, MARK_ERROR, MARK_REFUSED, MARK_NOTE, MARK_KINDS };

struct mark {
    uint64_t n;               /* the input it stands at */
    int64_t at_ms;
    enum mark_kind kind;
    char *text;               /* foreign: made visible where it is shown */
    bool reviewer;            /* a note from the side file, not of the session itself */
};

struct marks {
    struct mark *items;       /* by n */
    size_t count, capacity;
    bool write_mode;          /* as it was after the last step */
    uint64_t refused_n;       /* the guard's last refusal */
};

/* What the step has for a reviewer, appended. At most 10 000 marks are kept. */
void marks_take(struct marks *marks, const struct reel_step *step);
/* Puts one where it belongs by its time. */
void marks_add(struct marks *marks, uint64_t n, int64_t at_ms, enum mark_kind kind, bool reviewer,
               const char *text);
void marks_free(struct marks *marks);
const char *mark_kind_name(enum mark_kind kind);    /* "action" "error" "refused" "note" */
const char *mark_sign(enum mark_kind kind);         /* ◆ ✗ ⚠ ◇ */
/* The next mark after input n (before it, `backwards`) of a kind (MARK_KINDS: any); NULL: none. */
const struct mark *marks_next(const struct marks *marks, uint64_t n, int kind, bool backwards);

#endif
