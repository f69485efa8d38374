/* report - differences as people and writers get them: counted, redacted, marked as allowed or not. */
#ifndef SEEDOPS_DIFF_REPORT_H
#define SEEDOPS_DIFF_REPORT_H

#include "diff/match.h"

/* What a server says of a value it refuses holds the value: left out where the table has a secret. */
void report_hide_secrets(const struct bound *bound, const struct diff_options *options, struct err *err);
bool report_missing(struct match *m, const struct fixture_row *row, struct err *err);
/* `differs` is parallel to fixture->columns; at least one is true. */
bool report_changed(struct match *m, const struct fixture_row *row, char *const *fields, const bool *differs,
                    struct err *err);
/* `packed`: the live row's fields, as match left them over. */
bool report_extra(struct match *m, const char *packed, struct err *err);

#endif
