/* normal - a cheap common form for texts that a type reads as the same value: true and t, 2019-04-01T00:00:00Z
 * and 2019-04-01 00:00:00+00, 9.990 and 9.99.
 *
 * It only saves questions to the server: equal forms are equal values; different forms say nothing, save of a few
 * types. */
#ifndef SEEDOPS_DIFF_NORMAL_H
#define SEEDOPS_DIFF_NORMAL_H

#include <stdbool.h>

#include "base/str.h"
#include "db/catalog.h"

/* `text` itself, or a form of it in `room` (emptied first); borrows from either. */
const char *normal_form(const struct db_type *type, const char *text, struct str *room);
/* A type whose order is by size: its values are sorted as numbers, not as texts. */
bool normal_is_number(const struct db_type *type);
/* Appends a normal form of such a type as bytes that sort as its values do; what is no plain number comes last. */
void normal_add_sortable(struct str *out, const char *form);
/* True if the two are surely equal. `room` is two strings to work in. */
bool normal_same(const struct db_type *type, const char *a, const char *b, struct str room[2]);

/* True if forms that differ are different values for sure, where one of them is the server's own output and `text` the
 * other: no other writing of it means the same to the type. */
bool normal_decides(const struct db_type *type, const char *text);

#endif
