/* layout - what is read of a live table to compare it with its fixture, and in which order.
 *
 * Every name in the SQL made here is qualified and every operator is the type's own, so that search_path does
 * not matter. Live rows come in byte order of their merge key, which sorts numbers by size; a column whose values
 * are references is compared by the parent's natural key, so no reference has to be looked up before. */
#ifndef SEEDOPS_DIFF_LAYOUT_H
#define SEEDOPS_DIFF_LAYOUT_H

#include "bind/bind.h"
#include "diff/diff.h"

struct layout_column {             /* parallel to fixture->columns */
    struct db_column *live;
    bool compared, key, keep;
    int field;                     /* of its live text in a row; -1: not read */
    const struct fixture_ref *shape;   /* the form of reference its rows use; NULL: none, or not comparable so */
    const struct db_column **ref_columns;   /* of the parent, parallel to shape->keys */
    int ref_field;                 /* first of shape->count natural key texts */
};

struct layout {
    struct arena arena;
    const struct bound *bound;
    struct layout_column *columns;
    size_t field_count;
    size_t places;                 /* the first of the two fields tableoid, ctid; 0: not read */
    const char *fields;            /* the select list, over t and the parents p0, p1 ... */
    const char *parents;           /* LEFT JOIN ... of the parents; "" when there are none */
    const char *order;             /* ORDER BY list */
    const char *relation;          /* "schema"."name" */
};

/* Reads the fixture until every column with references has shown its form (its first rows, as a rule). */
bool layout_make(struct layout *l, const struct bound *bound, const struct fixture_options *options,
                 struct err *err);
/* Reads also where each live row is. After layout_make. */
void layout_add_places(struct layout *l);
void layout_free(struct layout *l);
/* SELECT fields FROM relation t parents ORDER BY order */
char *layout_select(const struct layout *l);   /* gives: free() */
/* What a reference takes of its parent. */
const struct db_column *layout_target(const struct layout *l, size_t column, const struct fixture_ref *ref);

/* A value's merge key: appended for each key column of a live row, or of a settled fixture row. */
void layout_live_key(const struct layout *l, char *const *fields, struct str *room, struct str *key);
void layout_fixture_key(const struct layout *l, const struct fixture_row *row, struct str *room, struct str *key);

/* " OPERATOR(pg_catalog.=) " of a type, and its name for a cast: without a length, because a cast would cut a
 * text that is too long where an INSERT refuses it. */
void layout_equals(struct str *out, const struct db_type *type);
void layout_cast(struct str *out, const struct db_type *type);
void layout_column_name(struct str *out, const char *alias, const char *column);
/* The settings every comparison runs under, "SET LOCAL a = b; ..."; a pipeline's probes have the same. */
extern const char layout_settings[];

#endif
