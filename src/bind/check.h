/* check - one value against its column, as far as the catalogue alone can judge. Pure. */
#ifndef SEEDOPS_BIND_CHECK_H
#define SEEDOPS_BIND_CHECK_H

#include "db/catalog.h"
#include "fixture/fixture.h"

enum check_verdict {
    CHECK_FINE,     /* no server would refuse it */
    CHECK_WRONG,    /* it would be refused: err says why */
    CHECK_ASK       /* only the server can tell */
};

/* `text` is what would be sent (bound_text), not NULL. The error has no place yet. */
typedef enum check_verdict check_function(const struct db_column *column, const struct fixture_value *value,
                                          const char *text, struct err *err);
/* The one for values of a column: many rows ask it. */
check_function *check_of(const struct db_column *column);
check_function check_value;
/* The value as messages show it: quoted, cut, [REDACTED] when secret. Returns `out`. */
enum { CHECK_SHOWN = 80 };
const char *check_show(const struct fixture_value *value, const char *text, char out[CHECK_SHOWN]);

#endif
