/* sqlstate - the one table from SQLSTATEs and connection states to error classes and next steps
 * (cases D2, B8; SAFETY 7). */
#ifndef SEEDOPS_DB_SQLSTATE_H
#define SEEDOPS_DB_SQLSTATE_H

#include "base/err.h"

/* While connecting. `sqlstate` may be "" (no answer from a server); `text` is the message, looked at only
 * for poolers that send no code ("Tenant or user not found"). Fills class, why and hint; keeps err->message.
 * A password that the server wants and nobody gave has 28P01 too. */
void sqlstate_sort_connect(struct err *err, const char *sqlstate, const char *text, int errnum);
/* While working: class and hint (E6: names the GRANT for 42501). */
void sqlstate_sort_query(struct err *err, const char *sqlstate);

#endif
