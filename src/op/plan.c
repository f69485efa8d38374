/* plan - a diff of every declared table, kept as the rows to write. */
#include "op/plan.h"

#include <stdlib.h>
#include <string.h>

#include "diff/row.h"

/* What all tables together keep of their missing rows before it goes to disk. */
enum { INSERTS_MEMORY = 3 * 1024 * 1024, INSERTS_LEAST = 64 * 1024 };

struct collector {
    struct session *session;
    const struct declared *declared;
    struct plan_first *first;
    struct table_plan *table;
    uint64_t found;                /* rows to write, of all tables */
    struct hash_bulk *rows;
    struct str record, hashed;
};

/* The digest is over what people were shown, so a secret is in it only as one. What a missing row holds is the
 * fixtures' digest's business. */
static void hash_row(struct collector *c, const struct bound *bound, const struct diff_row *row)
{
    struct str *h = &c->hashed;
    str_reset(h);
    pack_u32(h, (uint32_t)row->kind);
    for (size_t k = 0; k < bound->key_count; k++)
        pack_text(h, row->key[k]);
    for (size_t i = 0; row->kind == DIFF_CHANGED && i < row->cell_count; i++) {
        pack_text(h, row->cells[i].column);
        pack_text(h, row->cells[i].fixture);
        pack_text(h, row->cells[i].live);
    }
    hash_bulk_add(c->rows, h->text, h->length);
}

static void hash_table(struct collector *c, const struct db_table *table)
{
    str_reset(&c->hashed);
    pack_text(&c->hashed, table->schema);
    pack_text(&c->hashed, table->name);
    hash_bulk_add(c->rows, c->hashed.text, c->hashed.length);
}

static void pack_update(struct str *out, const struct bound *bound, const struct diff_row *row)
{
    row_pack(bound, row->row, out);
    for (size_t k = 0; k < bound->key_count; k++)
        pack_text(out, row->live_key[k]);
    size_t place = out->length;
    uint32_t count = 0;
    pack_u32(out, 0);
    for (size_t i = 0; i < row->cell_count; i++) {
        if (row->cells[i].allowed)
            continue;
        count++;
        pack_u32(out, (uint32_t)row->cells[i].bound_column);
        pack_text(out, row->cells[i].live_raw);
    }
    memcpy(out->text + place, &count, sizeof count);
}

void plan_unpack_update(const struct bound *b, const char *bytes, struct arena *arena, struct plan_update *u)
{
    size_t columns = b->fixture->column_count;
    row_unpack(b, &bytes, arena, &u->row);
    u->key = arena_alloc(arena, b->key_count * sizeof *u->key);
    u->old = arena_alloc(arena, columns * sizeof *u->old);
    u->changed = arena_alloc(arena, columns * sizeof *u->changed);
    for (size_t k = 0; k < b->key_count; k++)
        u->key[k] = unpack_text(&bytes, arena);
    for (uint32_t n = unpack_u32(&bytes); n > 0; n--) {
        uint32_t i = unpack_u32(&bytes);
        u->old[i] = unpack_text(&bytes, arena);
        u->changed[i] = true;
    }
}

/* ---- rows to insert ---- */

bool plan_inserts_begin(struct plan_inserts *i, struct table_plan *t, const struct fixture_options *options,
                        struct err *err)
{
    *i = (struct plan_inserts){.table = t, .left = t->head};
    spool_rewind(&t->inserts);
    return t->head == 0 || fixture_open(&i->reader, t->bound->fixture, options, err);
}

static bool next_of_head(struct plan_inserts *i, struct arena *arena, struct fixture_row *row, struct err *err)
{
    const struct fixture_row *raw;
    i->left--;
    if (!fixture_next(i->reader, &raw, err))
        return false;
    return raw ? row_settle(i->table->bound, raw, arena, row, err)
               : err_set(err, ERR_FIXTURE, "%s has fewer rows than before", i->table->bound->fixture->rows_file);
}

bool plan_inserts_next(struct plan_inserts *i, struct arena *arena, struct fixture_row *row, bool *found,
                       struct err *err)
{
    const char *bytes;
    size_t length;
    *found = i->left > 0;
    if (*found)
        return next_of_head(i, arena, row, err);
    plan_inserts_end(i);
    if (!spool_next(&i->table->inserts, &bytes, &length, err))
        return false;
    if (bytes)
        row_view(i->table->bound, &bytes, arena, row);
    *found = bytes != NULL;
    return true;
}

void plan_inserts_end(struct plan_inserts *i)
{
    if (i->reader)
        fixture_close(i->reader);
    i->reader = NULL;
}

/* A CSV gives every column in every row; its defaults are the same in all of them. */
static bool is_plain(const struct bound *b)
{
    const struct fixture *f = b->fixture;
    bool plain = f->csv && f->row_count >= PLAN_COPY_ROWS && b->table->foreign_key_count == 0 &&
                 !b->table->row_security && (b->table->kind == 'r' || b->table->kind == 'p');
    for (size_t i = 0; i < f->column_count; i++)
        plain &= f->defaults[i].kind != VALUE_REF && f->defaults[i].kind != VALUE_SQL;
    return plain;
}

/* ---- collecting ---- */

static void note_found(struct collector *c, uint64_t rows)
{
    c->found += rows;
    if (c->first && c->first->check && c->found >= PRECHECK_WORTH_ROWS) {
        c->first->check = false;
        c->first->precheck = precheck_begin(c->session->db, &c->declared->set, session_fixture_options(c->session));
    }
}

static void begin_head(struct collector *c)
{
    struct table_plan *t = c->table;
    size_t columns = t->bound->fixture->column_count;
    t->plain_fixture = c->first && is_plain(t->bound);
    if (!t->plain_fixture)
        return;
    t->plain = true;
    t->given = xcalloc(columns, sizeof *t->given);
    memset(t->given, true, columns * sizeof *t->given);
}

static bool take_all(void *context)
{
    struct collector *c = context;
    struct table_plan *t = c->table;
    if (!t->plain_fixture)
        return false;
    t->head = t->insert_rows = t->bound->fixture->row_count;
    note_found(c, t->head);
    return true;
}

static void note_shape(struct table_plan *t, const struct fixture_row *row)
{
    size_t count = t->bound->fixture->column_count;
    bool first = t->insert_rows == 0;
    if (first) {
        t->plain = true;
        t->given = xcalloc(count, sizeof *t->given);
    }
    for (size_t i = 0; i < count; i++) {
        enum value_kind kind = row->values[i].kind;
        if (first)
            t->given[i] = kind != VALUE_ABSENT;
        t->plain &= t->given[i] == (kind != VALUE_ABSENT) && kind != VALUE_REF && kind != VALUE_SQL;
    }
}

static bool take_insert(struct collector *c, const struct fixture_row *row, struct err *err)
{
    struct table_plan *t = c->table;
    if (!t->plain_fixture)
        note_shape(t, row);
    t->insert_rows++;
    if (t->plain_fixture && t->inserts.count == 0 && row->number == t->head) {
        t->head++;
        return true;
    }
    row_pack(t->bound, row, &c->record);
    return spool_add(&t->inserts, c->record.text, c->record.length, err);
}

/* Few rows go by INSERT, which takes them from the spool. */
static bool spool_head(struct collector *c, struct err *err)
{
    struct table_plan *t = c->table;
    struct spool all = {.limit = t->inserts.limit};
    struct plan_inserts inserts;
    struct arena arena = {0};
    struct fixture_row row;
    if (t->head == 0 || t->insert_rows >= PLAN_COPY_ROWS)
        return true;
    bool ok = plan_inserts_begin(&inserts, t, session_fixture_options(c->session), err), found = true;
    while (ok && (ok = plan_inserts_next(&inserts, &arena, &row, &found, err)) && found) {
        str_reset(&c->record);
        row_pack(t->bound, &row, &c->record);
        ok = spool_add(&all, c->record.text, c->record.length, err);
        arena_reset(&arena);
    }
    plan_inserts_end(&inserts);
    spool_free(&t->inserts);
    t->inserts = all;
    t->head = 0;
    arena_free(&arena);
    return ok;
}

static bool collect(void *context, const struct diff_row *row, struct err *err)
{
    struct collector *c = context;
    const struct bound *bound = c->table->bound;
    if (row->kind == DIFF_EXTRA || row->allowed)
        return true;
    note_found(c, 1);
    hash_row(c, bound, row);
    str_reset(&c->record);
    if (row->kind == DIFF_MISSING)
        return take_insert(c, row->row, err);
    pack_update(&c->record, bound, row);
    return spool_add(&c->table->updates, c->record.text, c->record.length, err);
}

static void progress(void *context, uint64_t done, int64_t total)
{
    struct collector *c = context;
    ctx_progress(c->session->ctx, c->table->bound->fixture->table, (int64_t)done, total, false);
}

/* All of them missing is one fact, however it was found out. */
static void hash_as_one(struct collector *c, const struct hash_bulk *before)
{
    const struct table_plan *t = c->table;
    if (t->insert_rows == 0 || t->insert_rows != t->totals.fixture_rows)
        return;
    *c->rows = *before;
    str_reset(&c->hashed);
    pack_text(&c->hashed, "all rows");
    hash_bulk_add(c->rows, c->hashed.text, c->hashed.length);
}

static bool plan_table(struct collector *c, struct err *err)
{
    struct hash_bulk before;
    struct table_plan *t = c->table;
    hash_table(c, t->bound->table);
    before = *c->rows;
    begin_head(c);
    struct diff_options options = declared_diff_options(c->session, t->bound);
    options.in_transaction = c->declared->in_transaction;
    options.bare = options.no_extra = true;
    options.all_missing = take_all;
    options.row = collect;
    options.progress = progress;
    options.context = c;
    bool ok = diff_table(c->session->db, t->bound, &options, &t->totals, err) && spool_head(c, err);
    hash_as_one(c, &before);
    return ok;
}

bool plan_make(struct session *s, const struct declared *d, struct plan *plan, struct plan_first *first,
               struct err *err)
{
    *plan = (struct plan){.tables = xcalloc(d->set.count, sizeof *plan->tables), .count = d->set.count};
    struct hash hash;
    struct hash_bulk rows;
    struct collector c = {.session = s, .declared = d, .first = first, .rows = &rows};
    hash_init(&hash);
    hash_bulk_init(&rows);
    hash_add_field(&hash, "seed");
    hash_add_field(&hash, s->ctx->environment->name);
    hash_add_field(&hash, s->identity.system_identifier);
    hash_add_field(&hash, s->fixtures.digest);
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++) {
        c.table = &plan->tables[i];
        c.table->bound = &d->set.items[i];
        size_t share = INSERTS_MEMORY / plan->count;
        c.table->inserts.limit = share > INSERTS_LEAST ? share : INSERTS_LEAST;
        ok = plan_table(&c, err);
        plan->rows += c.table->insert_rows + c.table->updates.count;
    }
    hash_bulk_end(&rows, &hash);
    hash_hex(&hash, plan->digest);
    str_free(&c.hashed);
    str_free(&c.record);
    if (!ok)
        plan_free(plan);
    return ok;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        spool_free(&plan->tables[i].inserts);
        spool_free(&plan->tables[i].updates);
        free(plan->tables[i].given);
    }
    free(plan->tables);
    *plan = (struct plan){0};
}

static void add_step(struct input *in, const char *action, const struct table_plan *t, uint64_t rows)
{
    if (rows == 0)
        return;
    struct fact_step *step = &in->steps[in->step_count++];
    *step = (struct fact_step){.action = xstrdup(action), .object = xstrdup(t->bound->fixture->table),
                               .detail = xstrdup(t->bound->fixture->file), .rows = (int64_t)rows};
}

static void add_guard(struct input *in, const struct guard_answer *guard)
{
    in->guard.local = guard->local;
    in->guard.seed_allowed = guard->allowed;
    in->guard.reasons = xcalloc(guard->reason_count, sizeof *in->guard.reasons);
    for (; in->guard.reason_count < guard->reason_count; in->guard.reason_count++)
        in->guard.reasons[in->guard.reason_count].text = xstrdup(guard->reasons[in->guard.reason_count]);
    in->guard.allow_line = xstrdup(guard->allow_line);
}

struct input *plan_event(const struct plan *plan, const struct guard_answer *guard)
{
    struct input *in = input_new(IN_PLAN);
    in->name = xstrdup("seed");
    in->text = xstrdup(plan->digest);
    in->number = (int64_t)plan->rows;
    in->steps = xcalloc(plan->count * 2, sizeof *in->steps);
    for (size_t i = 0; i < plan->count; i++) {
        add_step(in, "insert", &plan->tables[i], plan->tables[i].insert_rows);
        add_step(in, "update", &plan->tables[i], plan->tables[i].updates.count);
    }
    add_guard(in, guard);
    return in;
}

struct input *plan_unread_event(const struct declared *d, const char *digest, const struct guard_answer *guard)
{
    struct input *in = input_new(IN_PLAN);
    in->name = xstrdup("seed");
    in->text = xstrdup(digest);
    in->steps = xcalloc(d->set.count, sizeof *in->steps);
    in->step_count = d->set.count;
    for (size_t i = 0; i < d->set.count; i++) {
        const struct fixture *f = d->set.items[i].fixture;
        in->steps[i] = (struct fact_step){.action = xstrdup("insert"), .object = xstrdup(f->table),
            .detail = xstrdup(d->held[i] ? "at most; held: its deleted rows will be lost" : "at most"),
            .rows = (int64_t)f->row_count};
        in->number += (int64_t)f->row_count;
    }
    add_guard(in, guard);
    return in;
}
