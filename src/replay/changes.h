/* changes - what is different between two moments of a session, as lines: the state of the environment, rows
 * per table, migrations, and the rows that were known. */
#ifndef SEEDOPS_REPLAY_CHANGES_H
#define SEEDOPS_REPLAY_CHANGES_H

#include "replay/source.h"

enum change_kind { CHANGE_PLAIN, CHANGE_TITLE, CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED };
struct change_line {
    enum change_kind kind;
    char *text;                          /* foreign: made visible where it is shown */
};
struct change_lines {
    struct change_line *items;
    size_t count;
};

/* `from` and `to` are the models after inputs n and m (in either order: the earlier is taken as before). */
void changes_make(struct change_lines *lines, struct source *source, const struct model *from, uint64_t n,
                  const struct model *to, uint64_t m);
void changes_free(struct change_lines *lines);

#endif
