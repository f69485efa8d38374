/* ctx - what an operation gets: configuration, where to report, whom to ask, when to stop.
 *
 * An operation is a plain linear function that reads like a runbook. It reports through the sink (the
 * console's queue, or a command's printer), asks through ctx_ask, and polls the cancel descriptor in
 * everything that waits. */
#ifndef SEEDOPS_OP_CTX_H
#define SEEDOPS_OP_CTX_H

#include "base/err.h"
#include "base/secret.h"
#include "config/settings.h"
#include "event/types.h"
#include "guard/decide.h"
#include "journal/write.h"

struct ahead;
struct common;
struct db;

enum question_kind {
    QUESTION_YES,          /* the word "yes", typed */
    QUESTION_NAME,         /* expect must be typed in full */
    QUESTION_PASSWORD,     /* secret */
    QUESTION_CHOICE        /* y or n; for --scan and trust */
};

struct ways;
struct way;

struct question {
    enum question_kind kind;
    const char *title, *text;
    const char *expect;    /* QUESTION_NAME */
    const char *option;    /* the command-line option that would have answered, for the error without a terminal */
    int expires_ms;        /* 0: two minutes */
    bool keeps_answer;     /* whoever asks does, as long as it is right: nobody else shall */
};

struct answer {
    bool yes;
    char typed[128];       /* what was typed, but for a password; for the record */
    struct secret *secret; /* QUESTION_PASSWORD: given */
};

struct ctx {
    struct settings *settings;
    struct environment *environment;
    struct common *common;           /* with the sessions of its other databases; NULL: nothing is shared */
    enum guard_face face;
    const char *action;              /* what was asked for, in the words of the command line: "migrate resolve" */
    bool action_operands;            /* it takes operands, so the guard's line cannot repeat it whole */
    bool explicit_target;            /* the command named its environment or URL */
    const char *confirm;             /* --confirm NAME, or what the dialog got; NULL */
    /* Tables of the application's that this action takes rows from, and those whose names were typed (--confirm-operational
     * or the dialog). Borrowed. */
    const char *const *operational, *const *confirm_operational;
    size_t operational_count, confirm_operational_count;
    bool write_mode;                 /* console's W */
    int patience_ms;                 /* how long a question of a screen may take; 0: 2 000 */
    bool onlooking;                  /* a connection that looks at the server only: it wants no fixtures */
    bool accepts_identity;           /* it is `envs --accept`: a changed identity does not stop it */
    struct ahead *ahead;             /* fixtures that are being read for the session to come, which takes it; or NULL */
    struct db *ready;                /* op_wait's connection, for the session to come, which takes it; or NULL */
    const char *journal;             /* path of the session's journal; NULL: none */
    uint64_t request, generation;    /* copied into every event */
    int cancel_fd;                   /* -1: none */
    struct ways *ways;               /* the process's tunnels, borrowed; way.h. NULL: it has none */
    struct way *way;                 /* way.h's own: the environment's, once it was wanted; way_leave lets go */
    int64_t connecting_since_ms;     /* session_phase's own */
    void (*emit)(void *sink, struct input *in);   /* takes `in` */
    void *sink;
    bool (*ask)(void *asker, const struct question *question, struct answer *answer, struct err *err);
    void *asker;                     /* ask NULL: nobody to ask */
    /* Waits until what was emitted is on record, before a write; false: it is not. NULL: the emitter sees to it. */
    bool (*recorded)(void *sink);
    /* Where the record stands: session, inputs, hash of the last line on disk. False: it is not recorded; NULL
     * likewise. */
    bool (*place)(void *sink, struct journal_place *place);
    /* onrecord's own: a statement not yet told, values of the next one, and which database was told for each connection (owned; freed by
     * telling it) */
    struct input *statement, *values;
    int64_t statement_rows, values_sent;     /* rows of values sent with each, captured or not */
    size_t values_bytes;
    bool reading;
    uint64_t stores_told;
    char identity_told[2][128];
    /* ctx_progress's own: when the present run of progress began and was last shown */
    int64_t progress_started_ms, progress_shown_ms, progress_done;
};

/* Stamps request and generation, hands over. Takes `in`. */
void ctx_emit(struct ctx *ctx, struct input *in);
void ctx_log(struct ctx *ctx, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* total < 0: not known. Cheap: throttled to ten a second, the last one always goes out. */
void ctx_progress(struct ctx *ctx, const char *what, int64_t done, int64_t total, bool last);
bool ctx_ask(struct ctx *ctx, const struct question *question, struct answer *answer, struct err *err);
bool ctx_cancelled(const struct ctx *ctx);
/* Sleeps; false with ERR_CANCELLED when cancelled meanwhile. */
bool ctx_sleep(struct ctx *ctx, int ms, struct err *err);

#endif
