/* chain - rows that one action changed twice. A converge's delete sets a reference to NULL, and its seed then gives the
 * same row what the fixture says: two sections hold the row, and what the second saved is what the first left.
 *
 * Here, in their temporary tables, the second gets the value from before the action, and the first the one from after
 * it: each by itself then tells what the action did from what others did, and sets back to the beginning. */
#include <string.h>

#include "restore/restoring.h"

static bool same_rows(const struct restored *a, const struct restored *b)
{
    if (a->saved.kind != SAFEPOINT_CHANGED || b->saved.kind != SAFEPOINT_CHANGED || !b->saved.after_fields || !a->table ||
        a->table != b->table || a->key_count == 0 || a->key_count != b->key_count)
        return false;
    for (size_t i = 0; i < a->key_count; i++)
        if (a->columns[a->key[i]].live != b->columns[b->key[i]].live)
            return false;
    return true;
}

static void match(struct str *sql, const struct restored *a, const struct restored *b)
{
    for (size_t i = 0; i < a->key_count; i++) {
        str_printf(sql, "%sx.c%zu", i ? " AND " : "", a->key[i]);
        restore_equals(sql, &a->columns[a->key[i]].live->type);
        str_printf(sql, "q.c%zu", b->key[i]);
    }
}

static size_t changed_column(const struct restored *s, size_t change)
{
    size_t i = 0;
    while (strcmp(s->saved.columns[i].name, s->saved.changes[change].column) != 0)
        i++;
    return i;
}

/* Where it is not known what a row got, the saved value says so: that is nobody's change either. */
static void add_after(struct str *sql, struct restored *s, size_t n, size_t change)
{
    const struct safepoint_changed *of = &s->saved.changes[change];
    str_printf(sql, "ALTER TABLE pg_temp.seedops_saved_%zu ADD a%zu pg_catalog.text; UPDATE pg_temp.seedops_saved_%zu SET a%zu = ",
               n, change, n, change);
    if (of->known)
        db_quote_literal(sql, of->after);
    else
        str_printf(sql, "c%zu::pg_catalog.text", changed_column(s, change));
    str_add(sql, "; ");
    s->after[change] = true;
}

static void chain_column(struct str *sql, struct restore *r, size_t a, size_t i, size_t b, size_t j)
{
    struct restored *first = &r->sections[a], *then = &r->sections[b];
    size_t from = changed_column(first, i), to = changed_column(then, j);
    if (!restore_puts(first, from) || !restore_puts(then, to) || first->columns[from].retyped || then->columns[to].retyped)
        return;
    if (!first->saved.after_fields && !first->after[i])
        add_after(sql, first, a, i);
    str_printf(sql, "UPDATE pg_temp.seedops_saved_%zu x SET a%zu = q.a%zu FROM pg_temp.seedops_saved_%zu q WHERE ", a, i, j, b);
    match(sql, first, then);
    str_printf(sql, "; UPDATE pg_temp.seedops_saved_%zu q SET c%zu = x.c%zu FROM pg_temp.seedops_saved_%zu x WHERE ", b, to,
               from, a);
    match(sql, first, then);
    str_add(sql, "; ");
}

static bool chain(struct restore *r, size_t a, size_t b, struct err *err)
{
    const struct safepoint_table *first = &r->sections[a].saved, *then = &r->sections[b].saved;
    struct str sql = {0};
    for (size_t i = 0; i < first->change_count; i++)
        for (size_t j = 0; j < then->change_count; j++)
            if (strcmp(first->changes[i].column, then->changes[j].column) == 0)
                chain_column(&sql, r, a, i, b, j);
    bool ok = sql.length == 0 || db_run(r->db, str_text(&sql), 0, NULL, NULL, err);
    str_free(&sql);
    return ok || err_context(err, "following what was changed twice in \"%s\"", first->name);
}

/* From the nearest before it to the first: what the first saved is what stays. */
bool restore_chain(struct restore *r, struct err *err)
{
    for (size_t b = 1; b < r->count; b++)
        for (size_t a = b; a-- > 0;)
            if (same_rows(&r->sections[a], &r->sections[b]) && !chain(r, a, b, err))
                return false;
    return true;
}
