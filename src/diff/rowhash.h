/* rowhash - what the server says of a row in 64 bits, said here of a fixture's row without asking it.
 *
 *   hashtextextended(ROW(t.a, t.b, ...)::text, 0)      over the fields of a layout: the row
 *   hashtextextended(ROW(t.key, ...)::text, 0)         the key; its low bits say in which bucket the row counts
 *
 * The fixture's text is first brought into the form in which the server prints the type, as far as that can be done
 * without it (numeric(9,6) 9.99 is 9.990000). Where it cannot, the hashes differ though the values may be equal:
 * equal hashes are equal texts, and different ones say nothing. */
#ifndef SEEDOPS_DIFF_ROWHASH_H
#define SEEDOPS_DIFF_ROWHASH_H

#include "base/str.h"
#include "diff/layout.h"

struct rowhash {
    const struct layout *layout;
    struct str text, room;
};

/* NULL, or why tables of this layout have no such hashes. */
const char *rowhash_unsuited(const struct layout *l);
/* The two of a settled row. False: it holds a value that only the server can make a text of. */
bool rowhash_of(struct rowhash *h, const struct fixture_row *row, uint64_t *key, uint64_t *all);
void rowhash_free(struct rowhash *h);
/* The same as SQL, over t. */
void rowhash_sql_key(const struct layout *l, struct str *sql);
void rowhash_sql_all(const struct layout *l, struct str *sql);
/* PostgreSQL's hashtextextended(text, 0), as servers with little-endian bytes compute it. */
uint64_t rowhash_text(const char *text, size_t length);

#endif
