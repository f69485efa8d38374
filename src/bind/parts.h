/* parts - the pieces of validation: casts, references and expressions, each collecting until a batch is full. */
#ifndef SEEDOPS_BIND_PARTS_H
#define SEEDOPS_BIND_PARTS_H

#include <stdatomic.h>

#include "base/str.h"
#include "bind/bind.h"
#include "fixture/problems.h"

enum {
    BATCH_ROWS = 1000,                /* values of a column, or references, asked about at once */
    BATCH_BYTES = 1024 * 1024,
    PROBE_TIMEOUT_MS = 30000
};

struct checking {
    const struct bound_set *set;
    const struct db_catalog *catalog;
    const struct fixture_options *options;
    struct db *db;
    struct problems *problems;
    bool utf8;                        /* the database can hold any character */
    const atomic_bool *stop;          /* to be looked at between rows, or NULL */
};

/* True if the server's refusal is about the data, and not about us, our rights or the server. */
bool parts_is_data_error(const struct err *err);
/* Appends an element to a text[] literal that str_add_char(out, '{') began; close it with '}'. */
void parts_add_element(struct str *out, const char *text);

/* --- casts: is this text a value of the column's type? --- */
struct casts;
struct casts *casts_new(const struct checking *c, const struct bound *bound);
void casts_free(struct casts *casts);
/* Copies `text`. A full batch is sent; false only if the server could not be asked. */
bool casts_add(struct casts *casts, size_t column, const struct fixture_row *row,
               const struct fixture_value *value, const char *text, struct err *err);
bool casts_flush(struct casts *casts, struct err *err);

/* --- references: is there a row with that key, in a fixture or in the database? --- */
struct refs;
struct refs *refs_new(const struct checking *c);
void refs_free(struct refs *refs);
bool refs_add(struct refs *refs, const struct bound *bound, size_t column, const struct fixture_row *row,
              const struct fixture_value *value, struct err *err);
/* The same of a plain value that a foreign key needs. `target` has details; where it cannot be read the write will
 * tell. */
struct refs_plain {
    const struct bound *from;
    const struct db_foreign_key *foreign;
    const struct db_table *target;
    const struct fixture_row *row;
    const struct fixture_value *place;
    const char *const *values;        /* parallel to foreign->columns */
    bool secret;                      /* not to be shown */
};
bool refs_add_plain(struct refs *refs, const struct refs_plain *plain, struct err *err);
bool refs_flush(struct refs *refs, struct err *err);

/* --- expressions: does the server understand this !sql? --- */
struct expressions;
struct expressions *expressions_new(const struct checking *c, const struct bound *bound);
void expressions_free(struct expressions *e);
bool expressions_add(struct expressions *e, size_t column, const struct fixture_row *row,
                     const struct fixture_value *value, struct err *err);
bool expressions_flush(struct expressions *e, struct err *err);

/* --- repeats: keys that are one value, however they are written --- */
/* True for a row whose key the server would print differently: then repeats_check is worth its pass. */
bool repeats_odd_row(const struct bound *bound, const struct fixture_row *row);
/* For a table whose values are all right. */
bool repeats_check(const struct checking *c, const struct bound *bound, struct err *err);

#endif
