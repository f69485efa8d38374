/* screen - what a screen is to update() and the views: a row in the table of screens.
 *
 * `list`, `store`, `count` ... speak of the list that has the keys now; a screen with something open inside
 * (the SQL of a migration, the rows of a diff) answers for that. */
#ifndef SEEDOPS_APP_SCREEN_H
#define SEEDOPS_APP_SCREEN_H

#include "app/model.h"

struct str;

struct screen_class {
    const char *name, *title;
    bool needs_environment;
    struct list *(*list)(struct model *m);
    struct rowset *(*store)(struct model *m);      /* may be NULL, or give NULL: the rows are in memory */
    int64_t (*count)(const struct model *m);       /* rows in memory, before the filter */
    bool (*shown)(const struct model *m, int64_t row);               /* may be NULL: all */
    const char *(*name_of)(const struct model *m, int64_t row);      /* NULL: rows have no names */
    void (*text_of)(const struct model *m, int64_t row, struct str *out);   /* what search and copy read */
    /* May be NULL: everything of a row, a line each (details.h). */
    void (*details_of)(const struct model *m, int64_t row, struct str *out);
    /* Each may be NULL. */
    void (*enter)(struct model *m, struct effects *effects);    /* became the current screen */
    void (*event)(struct model *m, const struct input *in, const struct job *job, struct effects *effects);
    void (*open)(struct model *m, struct effects *effects);     /* Enter on the selected row */
    bool (*up)(struct model *m, struct effects *effects);       /* a level up inside; false: is at its top */
    void (*refresh)(struct model *m, struct effects *effects);
    void (*forget)(struct model *m, struct effects *effects);   /* another environment is opened */
};

const struct screen_class *screen_class_of(enum screen screen);
extern const struct screen_class screen_class_environments, screen_class_overview, screen_class_migrations,
    screen_class_tables, screen_class_diff, screen_class_diagnose, screen_class_activity,
    screen_class_log, screen_class_plan;

const struct list *screen_list(const struct model *m);      /* of the current screen */
const struct rowset *screen_store(const struct model *m);   /* NULL: rows in memory */
void screen_go(struct model *m, enum screen to, struct effects *effects);
/* To where the last way here began, or back from there. False: there is nothing. */
bool screen_go_back(struct model *m, struct effects *effects);
bool screen_go_forward(struct model *m, struct effects *effects);

/* facts.c: what is known of the open environment, and its refresh. */
void facts_event(struct model *m, const struct input *in, const struct job *job, struct effects *effects);
void facts_forget(struct model *m);
void facts_refresh(struct model *m, struct effects *effects);
bool facts_ready(const struct model *m);                    /* connected */
bool facts_production(const struct model *m);
bool facts_local(const struct model *m);                    /* by the guard's word */
const struct fact_table *facts_table(const struct model *m, const char *name);   /* NULL: unknown */
/* Rows of Overview and Tables, which both list the tables. */
int64_t facts_table_count(const struct model *m);
const char *facts_table_name(const struct model *m, int64_t row);
void facts_table_text(const struct model *m, int64_t row, struct str *out);
void facts_table_details(const struct model *m, int64_t row, struct str *out);
/* Worst first, or as configured. */
void environments_order(struct model *m);
/* Leaves what is open, opens `name`. */
void environment_open(struct model *m, const char *name, struct effects *effects);

/* Activity looks again by itself while it is shown: when, or -1; and what happens then. */
int64_t activity_deadline(const struct model *m);
void activity_expire(struct model *m, struct effects *effects);
/* Somebody is there. */
void activity_touch(struct model *m);

/* Screens that others lead to. */
int64_t plan_kind(const char *action);             /* as EFFECT_PRUNE has it */
void plan_make_screen(struct model *m, const char *action, struct effects *effects);
void plan_take(struct model *m, const struct input *in);        /* IN_PLAN of what the screen asked for */
void diff_open_table(struct model *m, const char *table, bool scan, struct effects *effects);
/* Asks for a diagnosis, unless one is being made. */
void diagnose_start(struct model *m, bool deep, struct effects *effects);
/* Runs an action by its name, as its key would; one that is not in the table is passed over. */
void screen_run_action(struct model *m, const char *name, struct effects *effects);
void migrations_load(struct model *m, struct effects *effects);
const struct fact_migration *migrations_find(const struct model *m, const char *name);
void log_add(struct model *m, const char *level, const char *text);
/* One line above the footer for a while. Level: info good warn error. */
void notice_show(struct model *m, const char *level, const char *text);
/* The same, and in the log. */
void notice_set(struct model *m, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
