/* starter - the text of a first seedops.yaml, from what `seedops init` found. Pure text. */
#ifndef SEEDOPS_CMD_STARTER_H
#define SEEDOPS_CMD_STARTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct starter_table { const char *name; bool context; int64_t min_rows; };   /* min_rows < 0: none */

struct starter {
    const char *project;
    const char *migrations, *ledger;          /* directory as it should be written, tool; NULL: none found */
    const char *seeds;                        /* NULL: there is no such folder yet */
    const char *environment, *role;           /* "local", "production" */
    const char *url_variable, *direct_variable;   /* direct NULL: none */
    const struct starter_table *tables;
    size_t table_count;
    bool tables_known;                        /* the database was looked at */
};

void starter_write(struct str *out, const struct starter *starter);
/* Names of variables in a Prisma schema's `url = env("...")` and `directUrl = env("...")`; gives both, to
 * free(), NULL where there is none. */
void starter_prisma_variables(const char *schema, char **url, char **direct);
/* True for tables that belong to migration tools and to seedops, which no configuration lists. */
bool starter_ignores(const char *table);

#endif
