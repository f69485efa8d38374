/* rowhash - what the server says of a row in 64 bits, said here of a fixture's row without asking it.
 *
 *   hashtextextended(ROW(t.a, t.b, ...)::text, 0)      over the fields of a layout: the row
 *   hashtextextended(ROW(t.key, ...)::text, 0)         the key; its low bits say in which bucket the row counts. Of one
 *                                                      column whose texts are plain: of its text, which is less work
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
    bool plain_key;            /* by the key's text alone */
    struct str text, room;
};

void rowhash_begin(struct rowhash *h, const struct layout *l);

/* NULL, or why tables of this layout have no such hashes. */
const char *rowhash_unsuited(const struct layout *l);
/* The two of a settled row. False: it holds a value that only the server can make a text of. */
bool rowhash_of(struct rowhash *h, const struct fixture_row *row, uint64_t *key, uint64_t *all);
/* The key's, of a row that is not settled yet. False: it takes settling. */
bool rowhash_of_raw_key(struct rowhash *h, const struct fixture_row *row, uint64_t *key);
/* True if a settled row has the key of that live one in every character. */
bool rowhash_same_key(struct rowhash *h, const struct fixture_row *row, char *const *fields);
/* Of a live row, the layout's fields of it. */
void rowhash_of_live(struct rowhash *h, char *const *fields, uint64_t *key, uint64_t *all);
/* True if a live row that was found equal to the settled `row` may stand for it in another run: where their texts
 * differ, the types are the server's own, their equality hangs on nothing else, and the fixture's text means the same
 * always. */
bool rowhash_may_stand(struct rowhash *h, const struct fixture_row *row, char *const *fields);
void rowhash_free(struct rowhash *h);
/* The same as SQL, over t. */
void rowhash_sql_key(const struct rowhash *h, struct str *sql);
void rowhash_sql_all(const struct rowhash *h, struct str *sql);
/* How the server prints a settled text of a column, as far as it is known here. */
const char *rowhash_printed(struct rowhash *h, size_t column, const char *text);
/* PostgreSQL's hashtextextended(text, 0), as servers with little-endian bytes compute it. */
uint64_t rowhash_text(const char *text, size_t length);

#endif
