/* validate - every value of a bound fixture set against the live schema, before anything is written (A6).
 *
 * Sees types, enum labels, NOT NULLs, lengths, references, generated and identity columns; what only the
 * server can judge is cast there in read-only probes. Writes nothing. */
#ifndef SEEDOPS_BIND_VALIDATE_H
#define SEEDOPS_BIND_VALIDATE_H

#include <stdatomic.h>

#include "bind/bind.h"

/* Streams all rows through the checks; probes go to `db` in batches, one pipeline a batch. Stops adding at
 * FIXTURE_PROBLEMS problems and says so. True if there are none; false with err set when it could
 * not be found out, or with problems added. */
bool validate_rows(const struct bound_set *set, const struct db_catalog *catalog,
                   const struct fixture_options *options, struct db *db, struct err_list *problems,
                   struct err *err);
/* For a thread beside those that use `db`, of which it reads the facts alone. True: every value is fine for sure. False
 * says nothing: something is wrong, or only the server knows, or *stop was set. */
bool validate_alone(const struct bound_set *set, const struct fixture_options *options, struct db *db,
                    const atomic_bool *stop);

#endif
