/* sheet - rows of one shape on their way to the server as text arrays, and the SQL that reads them there.
 *
 * A shape says for each column of the fixture how its values travel: not at all, as text cast to the column's
 * type, as a reference's natural key that is joined to the parent, or as an SQL expression that stands in the
 * statement itself. Rows of different shapes go in different statements. */
#ifndef SEEDOPS_OP_SHEET_H
#define SEEDOPS_OP_SHEET_H

#include "base/arena.h"
#include "base/str.h"
#include "bind/bind.h"

enum travel { TRAVEL_NOT, TRAVEL_TEXT, TRAVEL_REF, TRAVEL_SQL };

struct sheet_column {
    enum travel travel;
    const struct fixture_ref *shape;   /* TRAVEL_REF */
    const char *expression;            /* TRAVEL_SQL */
    size_t first;                      /* its first array */
};

struct sheet_row {
    struct fixture_row row;
    const char **key;                  /* live key texts of an update; NULL: the fixture's own key */
    const char **old;                  /* parallel to fixture->columns: what was read; only of columns written */
};

/* Where an array's texts come from, so that whoever shows them can tell what they are. */
enum sheet_what { SHEET_VALUE, SHEET_KEY, SHEET_OLD, SHEET_REF };
typedef const char *sheet_texts(const struct sheet_row *, size_t index);
struct sheet_origin {
    enum sheet_what what;
    size_t column;                     /* of the fixture */
    sheet_texts *text;                 /* NULL: the reference's key `index` */
    size_t index;
};

struct sheet {
    struct arena arena;
    const struct bound *bound;
    struct sheet_column *columns;      /* parallel to fixture->columns */
    const bool *written;               /* columns the statement writes; the key travels beside them */
    struct sheet_row *rows;
    size_t count, bytes;
    struct str *arrays;
    struct sheet_origin *origins;      /* parallel to arrays */
    size_t array_count, array_room;
    const char **params;
};

enum { SHEET_ROWS = 1000, SHEET_BYTES = 1024 * 1024 };

/* Empties; `written` (copied) says which columns are written. */
void sheet_begin(struct sheet *s, const struct bound *bound, const bool *written);
/* False when the row's shape differs from those before it; the row's memory is the sheet's arena's. `key`: the
 * fixture's key travels too (there is no live one). */
bool sheet_add(struct sheet *s, const struct sheet_row *row, size_t bytes);
bool sheet_full(const struct sheet *s);
void sheet_free(struct sheet *s);

/* Makes the arrays of the columns that travel; call before the SQL pieces below. */
void sheet_fill(struct sheet *s);
/* One more array of texts, a text a row; gives its number for f.aN. */
size_t sheet_array(struct sheet *s, const struct sheet_origin *origin);
/* The text of a row in an array; NULL is NULL. */
const char *sheet_text(const struct sheet *s, size_t array, size_t row);
/* ROWS FROM (unnest($1::text[]), ...) WITH ORDINALITY AS f(a0, ..., o); unnest of several arrays cannot be
 * qualified, and nothing here relies on search_path */
void sheet_source(const struct sheet *s, struct str *sql);
/* JOIN parent rN ON rN.key = f.aN::type ..., for each reference that travels */
void sheet_parents(const struct sheet *s, struct str *sql);
/* The value of column i: f.aN::type, rN.target, or the expression */
void sheet_value(const struct sheet *s, size_t i, struct str *sql);
/* t.key = value AND ..., by the live key where the rows have one (its arrays start at `first`) */
void sheet_match_key(const struct sheet *s, struct str *sql);
void sheet_match_live_key(const struct sheet *s, size_t first, struct str *sql);
/* After everything was added: the parameters, sheet->array_count of them. */
const char *const *sheet_params(struct sheet *s);

#endif
