/* runtime - what the files of this room share. Only the main thread touches struct run; workers get a
 * struct opened (or stores, or the queue), which is theirs. */
#ifndef SEEDOPS_RUN_RUNTIME_H
#define SEEDOPS_RUN_RUNTIME_H

#include "app/app.h"
#include "journal/summary.h"
#include "op/session.h"
#include "op/way.h"
#include "run/ask.h"
#include "run/queue.h"
#include "run/record.h"
#include "run/run.h"
#include "run/stores.h"
#include "run/worker.h"
#include "terminal.h"
#include "ui.h"

/* What workers may reach: each of these takes care of its own threads. */
struct shared {
    struct queue *queue;
    struct stores *stores;
    struct asks *asks;
    struct record *record;
    struct ways *ways;
    struct settings *settings;            /* read only: whoever allocates copies it (opened_new) */
    atomic_uint_fast64_t generation;      /* one a connection of a session worker */
    atomic_size_t pending;                /* effects given to workers and not yet done */
    atomic_int_fast64_t own_pids[2];      /* backends of the session worker, reading and direct; 0: none */
    struct partings *partings;            /* what opened.c has left to say when the journal has ended */
    atomic_bool quitting;
    bool headless;                        /* nobody to ask, nothing to wait for */
};

struct run {
    const struct run_options *options;
    struct shared shared;
    struct terminal *terminal;            /* NULL: --dump */
    struct view_options view;
    struct grid grid;
    struct model *model;
    struct effects effects;               /* asked for by update, not yet carried out */
    struct worker *session, *activity;    /* of the open environment, or NULL */
    struct worker *pages, *look;          /* of no environment; NULL until first wanted */
    struct environment *environment;      /* the open one, or NULL */
    struct arena environments;            /* those that are one database of many, as they were opened */
    struct worker **retired;              /* of environments left; freed when they have ended */
    size_t retired_count;
    uint64_t sequence;
    struct summary summary;               /* of what was recorded */
    int64_t started_ms, last_offset_ms;
    int64_t wall_minus_mono_ms;           /* a change is a jump of the wall clock */
    struct secret *typed;                 /* while keymap_secret() */
    int editor_fd;                        /* pidfd of the editor that has the terminal, or -1 */
    pid_t editor_pid;
    unsigned pending_signals;             /* SIGNAL_* bits taken and not yet acted on */
    struct { int64_t at_ms; int row, column; } click;
    int64_t drawn_ms;                     /* when the last frame was */
    bool unrecorded;                      /* an environment with journal: off was opened */
    bool dirty, answer_at_once;           /* the model changed; it was a key that changed it */
    bool done;
    int exit_code;
};

/* ---- loop.c ---- */
/* Numbers, journals and updates; takes `in`. Main thread only, as everything here. */
void run_feed(struct run *run, struct input *in);
void run_feed_name(struct run *run, enum input_kind kind, const char *name, const char *text);
void run_feed_size(struct run *run);
/* An IN_CLOCK, if the wall clock has moved against the monotonic one, or `always`. */
void run_feed_clock(struct run *run, bool always);
void run_say(struct run *run, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void run_sum(struct run *run);              /* the summary for the journal's end */
void run_turn(struct run *run);             /* waits for something and deals with all there is */
void run_view(struct run *run);             /* the model into run->grid */
void run_draw(struct run *run);             /* and onto the terminal, if it is time */
void run_suspend(struct run *run);

/* ---- typing.c ---- */
void run_key_event(struct run *run, struct key_event *event, int64_t now_ms);   /* takes event->paste */
void run_secret_forget(struct run *run);

/* ---- effects.c ---- */
void run_carry_out(struct run *run);        /* and empties run->effects */
void run_reap(struct run *run);             /* frees retired workers that have ended */
/* Everybody is told to end; true once they have, or when the time is over: then false. */
bool run_end_workers(struct run *run, int timeout_ms);

/* ---- dump.c ---- */
void run_dump(struct run *run);             /* runs until all is still, then prints the screen */
void run_dump_note(struct run *run, const struct input *in);   /* what the exit code will be */

/* ---- editor.c ---- */
void run_editor_start(struct run *run, const char *file, int64_t line);
void run_editor_ended(struct run *run);

/* ---- opened.c: a worker's own environment ---- */
struct opened {
    struct shared *shared;
    struct worker *worker;
    bool aside;                           /* the second connection */
    struct settings settings;             /* a copy with an arena of its own */
    struct ctx ctx;                       /* lives as long as the session: its notices come through it */
    struct asker asker;
    struct session session;
    bool open;
    bool outcome_said;                    /* the operation reported its own end */
    bool rows_missing;                    /* in the newest status: worth asking why */
    struct opened *next;                  /* among the partings */
};
struct partings *partings_new(void);
/* When all workers and the journal have ended, with its last hash: the last row of each trail. Takes `partings`. */
void partings_say(struct partings *partings, const char *hash);
/* `worker` and `aside` are filled in by the caller before the first effect. */
struct opened *opened_new(struct shared *shared, struct environment *environment);
void opened_free(void *opened);
/* Effects of the session and of the activity worker: connects first where there is no connection. */
void opened_work(void *opened, const struct effect *effect);
/* A worker's `watched` and `heard`: that a connection is lost shows while nothing runs, too. */
size_t opened_watched(void *opened, struct pollfd *fds);
void opened_heard(void *opened);
/* A connection that is alive, made anew if need be. */
bool opened_ready(struct opened *opened, struct err *err);

/* ---- operations.c ---- */
struct operation {
    const char *name;                     /* as outcomes call it */
    bool (*run)(struct opened *opened, const struct effect *effect, struct err *err);
    bool writes;                          /* the journal must be on disk first */
    bool aside;                           /* on the second connection, while the first works */
};
const struct operation *operation_of(enum effect_kind kind);   /* NULL: not an operation */

/* ---- look.c, pages.c: workers of no environment ---- */
struct side {                             /* the thread's own: it frees it */
    struct shared *shared;
    struct worker *worker;
};
void look_work(void *side, const struct effect *effect);      /* EFFECT_ENVIRONMENTS */
void pages_work(void *side, const struct effect *effect);     /* EFFECT_PAGE, SEARCH, FILTER */

#endif
