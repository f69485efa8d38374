/* model - everything the console knows, as one struct.
 *
 * Changed by update() and nobody else; read by the views. Each screen owns a sub-struct that only its file
 * touches, facts.c owns `facts`, dialog.c owns `modal`. Described by tables in model_codec.c: a new member
 * is a line there, and test_model fails for one that was forgotten. */
#ifndef SEEDOPS_APP_MODEL_H
#define SEEDOPS_APP_MODEL_H

#include "app/app.h"

enum {
    WRITE_MODE_MS = 10 * 60 * 1000,    /* idle time after which W ends by itself */
    DIALOG_MS = 2 * 60 * 1000,         /* a question is not left standing */
    NOTICE_MS = 12 * 1000,
    LEAVE_TWICE_MS = 2000,             /* ctrl-c again within this leaves */
    ACTIVITY_EVERY_MS = 2000,          /* Activity looks again by itself */
    ACTIVITY_IDLE_MS = 10 * 60 * 1000, /* while somebody has done something within this */
    VIEWS_MOST = 16,                   /* screens that [ leads back to */
    PAGE_ROWS = 100, PAGE_MOST = 200, PAGES = 3,
    MANY_ENVIRONMENTS = 12,            /* more of them are shown with the worst first */
    LOG_LINES = 500,
    PHASES_MOST = 24,
    SIZE_MOST = 1000,                  /* columns, rows: more is no terminal */
    LEAST_COLUMNS = 60, LEAST_ROWS = 16
};

enum screen {
    SCREEN_ENVIRONMENTS, SCREEN_OVERVIEW, SCREEN_MIGRATIONS, SCREEN_TABLES, SCREEN_DIFF, SCREEN_DIAGNOSE,
    SCREEN_ACTIVITY, SCREEN_LOG, SCREEN_PLAN, SCREEN_COUNT
};

/* A selection over rows. `selected` counts among the rows that the filter shows; `name` is the selected
 * row's, so that it stays selected when rows come, go or move. */
struct list {
    int64_t selected, top;
    char *name, *filter, *search;
};

struct page {
    int64_t first;
    struct fact_row *rows;
    size_t row_count;
};

/* Rows that lie in a store: what is known of them, and at most PAGES pages. */
struct rowset {
    uint64_t store;                    /* 0: none yet */
    uint64_t base;                     /* the store a filter was made of; 0: `store` is unfiltered */
    int64_t count, base_count;
    bool complete;
    struct text_item *columns;
    size_t column_count;
    struct page *pages;
    size_t page_count;
    uint64_t page_request;             /* the one page that is asked for; 0: none */
};

/* A step of connecting that is over, and its time. */
struct phase {
    char *name;
    int64_t ms;
};

/* What is known of the open environment, whatever screen shows it. */
struct facts {
    char *phase;                       /* of the connection: "" "connecting" ... "ready" "lost" */
    char *phase_text;
    struct phase *phases;              /* of the newest connection */
    size_t phase_count;
    struct fact_server server;
    struct fact_ledger ledger;
    struct fact_guard guard;
    struct fact_table *tables;         /* context tables first */
    size_t table_count;
    char *problem;                     /* what is wrong with the fixtures themselves, "" nothing */
    bool status_partial, status_complete;
    int64_t status_at_ms;
    struct input_error open_error;     /* why the environment could not be opened */
    struct fact_diagnosis diagnosis;   /* why tables are empty: made by itself when some are, or asked for */
    bool diagnosed;
};

struct screen_environments {
    struct list list;
    struct fact_environment *items;    /* as configured, or the worst first */
    size_t item_count;
    int64_t seen;                      /* positions given so far */
    bool loaded;
    bool worst_first, order_chosen;    /* by the operator: else by how many there are */
};

struct screen_overview { struct list list; };

struct screen_migrations {
    struct list list;
    struct fact_migration *items;
    size_t item_count;
    bool loaded;
    char *reading;                     /* the migration whose SQL is open, "" none */
    struct rowset sql;
    struct list sql_list;
};

struct screen_tables { struct list list; };

struct screen_diff {
    struct list list;
    bool identical_too;                /* also tables without a difference */
    char *table;                       /* the open one, "" none */
    struct fact_table totals;
    struct rowset rows;
    struct list row_list;
};

struct screen_diagnose { struct list list; };

struct screen_activity {
    struct list list;
    struct fact_backend *items;
    size_t item_count;
    bool loaded, paused;
    int64_t next_ms, until_ms;         /* when it looks again, 0 not by itself; until when it goes on doing so */
};

/* What a prune, reset or converge would do: the newest plan, and the rows that go by it. */
struct screen_plan {
    struct list list;
    struct rowset rows;                /* plan_row.h */
    char *action, *digest, *first;     /* "prune"; "" none; first: what is said before all else */
    uint64_t request;                  /* the plan that is being made; 0: it is here */
    int64_t total, operational, bytes; /* rows in all; of the application's; about how much is saved */
    struct text_item *names;           /* of the operational tables */
    size_t name_count;
    struct fact_step *steps;
    size_t step_count;
    bool possible;                     /* nothing is in the way */
};

struct log_line {
    int64_t at_ms;                     /* offset */
    char *level, *text;
};

struct screen_log {
    struct list list;
    struct log_line *lines;
    size_t line_count;
};

/* A request that somebody waits for. */
struct job {
    uint64_t request;
    int effect;                        /* enum effect_kind */
    char *name, *what;                 /* its object; what it is doing now */
    uint64_t store;
    int64_t started_ms, done, total, rate;   /* total < 0: not known */
    bool plan, writes, cancelling;
};

enum modal_kind {
    MODAL_NONE,
    MODAL_HELP, MODAL_PALETTE, MODAL_MENU,   /* pick one of a list */
    MODAL_SEARCH, MODAL_FILTER, MODAL_NOTE,             /* a line at the bottom */
    MODAL_CONFIRM,                           /* an action of ours, before it runs */
    MODAL_QUESTION,                          /* an operation asks */
    MODAL_ERROR,
    MODAL_VALUE,                             /* a differing value in full: body is the fixture's, why the live one */
    MODAL_DETAILS,                           /* everything of a row in full: body, from its line `top` on */
    MODAL_KIND_COUNT
};
enum focus { FOCUS_FIELD, FOCUS_CANCEL, FOCUS_GO, FOCUS_SECOND };

struct modal {
    enum modal_kind kind;
    int focus;                         /* enum focus */
    char *action, *target;             /* CONFIRM: what, of which object */
    char *title, *body;
    char *text, *expect;               /* typed; what must be typed in full, "" nothing */
    char *second, *expect_second;      /* the same of a second line: operational tables that lose rows */
    char *why, *hint, *place;          /* ERROR */
    int64_t question;                  /* QUESTION: its id */
    bool secret;
    int64_t secret_length;
    int64_t selected, top;             /* HELP, PALETTE, MENU */
    int64_t expires_ms;                /* 0: never */
    uint64_t request;                  /* the plan that is being made; 0: it is here */
    char *digest;
    struct fact_step *steps;
    size_t step_count;
    int64_t rows;
    bool danger;
};

/* A question that waits for another dialog to end. */
struct question_waiting {
    int64_t id, expires_ms;
    char *kind, *title, *text, *expect;
    bool secret;
};

struct notice {
    char *level, *text;
    int64_t until_ms;
};

struct model {
    int64_t now_ms;                    /* offset of the newest input */
    int64_t wall_ms, wall_at_ms;       /* wall clock, and the offset at which it was told; 0: unknown */
    int columns, rows;
    uint64_t last_request, generation;
    char *environment;                 /* the open one, "" none */
    enum screen screen, previous;
    struct text_item *back, *forward;  /* names of screens that [ and ] lead to, the next one last */
    size_t back_count, forward_count;
    bool roaming;                      /* a moment of a recording that somebody looks around in: nothing
                                        * can be done, and what was never fetched will not come */
    bool write_mode;
    int64_t write_until_ms, interrupted_ms;
    char *journal, *journal_text;      /* recording, failed, off; path or why */
    struct job *jobs;
    size_t job_count;
    struct modal modal;
    struct question_waiting *questions;
    size_t question_count;
    struct notice notice;
    struct facts facts;
    struct screen_environments environments;
    struct screen_overview overview;
    struct screen_migrations migrations;
    struct screen_tables tables;
    struct screen_diff diff;
    struct screen_diagnose diagnose;
    struct screen_activity activity;
    struct screen_plan plan;
    struct screen_log log;
};

extern const struct type type_model, type_modal, type_plan;

#endif
