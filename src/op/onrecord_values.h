/* onrecord_values - the values that a statement carries beside its text, for the record: the first rows, cut, and
 * what is secret, or cannot be told to be none, as [REDACTED]. */
#ifndef SEEDOPS_OP_ONRECORD_VALUES_H
#define SEEDOPS_OP_ONRECORD_VALUES_H

#include "op/plan.h"
#include "op/sheet.h"

/* The next statement that is told carries values of these names; copied. */
void onrecord_values_begin(struct ctx *ctx, size_t count, const char *const *names);
/* A row of them, NULL cells for NULL; copied while there is room, counted always. */
void onrecord_values_row(struct ctx *ctx, const char *const *cells);
/* True while a further row would be kept. */
bool onrecord_values_wanted(const struct ctx *ctx);

/* A column whose values must not be shown: configured so, or some fixture has !env or !argon2id in it. */
bool onrecord_hides(const struct session *session, const struct bound *bound, size_t column);
/* The values of a filled sheet, which the next statement carries. */
void onrecord_sheet(struct session *session, const struct plan *plan, const struct sheet *sheet);

/* onrecord's own: the values begun (NULL: none), with a redacted row where the statement had parameters that nobody
 * named. Gives. */
struct input *onrecord_values_take(struct ctx *ctx, size_t parameters);
/* What of `sent` rows is not there, as the event's title. */
void onrecord_values_close(struct input *in, int64_t sent);

#endif
