/* many - a command for several environments at once: the operation on each of them, a line as each ends, one table at
 * the end with the worst first; with --json one document with a list. The exit code is the worst one's.
 *
 * A command is: face_load; many_select; if several: many_run with its class, else what it does for one. */
#ifndef SEEDOPS_CMD_MANY_H
#define SEEDOPS_CMD_MANY_H

#include "cmd/face.h"
#include "op/fleet.h"

enum { MANY_CELLS = 3 };

struct many;

struct many_row {                    /* of one environment */
    struct many *many;
    struct fleet_member *member;
    struct input *last[IN_KIND_COUNT];   /* as struct face has it */
    char *cells[MANY_CELLS];         /* owned; foreign text */
    char *text;                      /* owned: what there is to say, "" nothing */
    struct str json;                 /* what --json says of one */
    enum err_class class;            /* ERR_NONE: all is well */
    bool concern;                    /* not well, though the command succeeds */
    int64_t weight;                  /* among rows of one class the heavier is worse */
    struct fact_environment light;   /* as the Environments screen shows it */
    void *own;                       /* the class's; its `forget` frees it */
};

struct many_class {
    const char *titles[MANY_CELLS];  /* of the cells; NULL: none */
    const char *well;                /* what is said of those that are well: "verified" */
    /* In the member's thread with its session open: runs the operation and fills the row. False: it could not be done,
     * which fills the row by itself. */
    bool (*work)(struct many_row *row, struct err *err);
    /* An event before it is kept; true: it needs no other printing. May be NULL. */
    bool (*hear)(struct many_row *row, const struct input *in);
    /* When all have ended. May be NULL. */
    bool (*finish)(struct many *many, struct err *err);
    void (*forget)(struct many_row *row);
};

struct many {
    struct face *face;
    const struct many_class *class;
    struct fleet *fleet;
    struct many_row **rows;          /* worst first once all have ended */
    size_t count, ended;
};

/* What the command line asks for; `several` says which way to go. */
bool many_select(struct face *face, struct selection *selection, struct err *err);
/* What stands for all of them in the header and the messages; in the settings' arena. */
struct environment *many_whole(struct face *face);
/* Everything, face_close included; the exit code. */
int many_run(struct face *face, const struct selection *selection, const struct many_class *class);
/* Which of two exit codes' classes is worse: > 0 the first. */
int many_worse(enum err_class a, enum err_class b);
/* A cell; takes `text`. */
void many_cell(struct many_row *row, size_t cell, char *text);

#endif
