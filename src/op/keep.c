/* keep - a seed's changed rows, read by the keys the plan has of them, a sheet a statement. */
#include "op/keep.h"

#include <stdlib.h>

#include "db/copy.h"
#include "diff/layout.h"
#include "op/writer.h"

struct keeper {
    struct writer writer;            /* first: a phase gets only this */
    struct safepoint *safepoint;
};

static bool changes(const struct bound *b, size_t i)
{
    return !writer_is_key(b, i) && !fixture_ignores(b->fixture, b->fixture->columns[i]) &&
           !b->table->columns[b->columns[i]].generated;
}

static bool keeps(const struct writer *w, size_t column) { return changes(w->table->bound, column); }

/* What is only known once it is written (a hash with its salt, an expression that may draw a number) is not known. */
static bool take(struct writer *w, const char *bytes, struct sheet_row *row, bool *skip, struct err *err)
{
    const struct bound *b = w->table->bound;
    struct plan_update update;
    (void)err;
    plan_unpack_update(b, bytes, &w->arena, &update);
    *row = (struct sheet_row){.row = update.row, .key = update.key};
    for (size_t i = 0; i < b->fixture->column_count; i++) {
        enum value_kind kind = update.row.values[i].kind;
        if ((!update.changed[i] && !writer_is_key(b, i)) || kind == VALUE_ARGON2ID || kind == VALUE_SQL)
            row->row.values[i].kind = VALUE_ABSENT;
    }
    *skip = false;
    return true;
}

static const char *key_text(const struct sheet_row *row, size_t k) { return row->key[k]; }

/* The parent may come to be only while the seed writes: no row, no value. */
static void referenced(const struct sheet *s, size_t i, struct str *sql)
{
    const struct sheet_column *c = &s->columns[i];
    const struct db_table *parent = s->bound->refs[i].table;
    str_add(sql, "(SELECT p.");
    db_quote_identifier(sql, c->shape->column ? c->shape->column : s->bound->refs[i].target);
    str_add(sql, " FROM ");
    db_quote_relation(sql, parent->schema, parent->name);
    str_add(sql, " p WHERE ");
    for (size_t k = 0; k < c->shape->count; k++) {
        const struct db_column *key = db_table_column(parent, c->shape->keys[k]);
        str_add(sql, k ? " AND " : "");
        layout_column_name(sql, "p", key->name);
        layout_equals(sql, &key->type);
        str_printf(sql, "f.a%zu", c->first + k);
        layout_cast(sql, &key->type);
    }
    str_add(sql, ")");
}

/* In the column's full type, so that it is the text that the column will have. */
static void new_value(const struct sheet *s, size_t i, struct str *sql)
{
    const struct db_column *live = &s->bound->table->columns[s->bound->columns[i]];
    enum travel travel = s->columns[i].travel;
    if (travel == TRAVEL_NOT) {
        layout_column_name(sql, "t", live->name);
        return;
    }
    str_add(sql, "(");
    if (travel == TRAVEL_REF)
        referenced(s, i, sql);
    else
        sheet_value(s, i, sql);
    str_printf(sql, ")::%s", live->type.name);
}

static void keep_sql(struct sheet *s, struct str *sql)
{
    const struct bound *b = s->bound;
    struct str where = {0};
    size_t first = s->array_count;
    bool any = false;
    for (size_t k = 0; k < b->key_count; k++)
        sheet_array(s, &(struct sheet_origin){SHEET_KEY, b->key[k], key_text, k});
    sheet_match_live_key(s, first, &where);
    str_add(sql, "SELECT ");
    for (size_t c = 0; c < b->table->column_count; c++) {
        if (!safepoint_saves(&b->table->columns[c]))
            continue;
        str_add(sql, any ? ", " : "");
        layout_column_name(sql, "t", b->table->columns[c].name);
        any = true;
    }
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (changes(b, i)) {
            str_add(sql, ", ");
            new_value(s, i, sql);
        }
    str_add(sql, " FROM ");
    db_quote_relation(sql, b->table->schema, b->table->name);
    str_add(sql, " AS t, ");
    sheet_source(s, sql);
    str_printf(sql, " WHERE %s", str_text(&where));
    str_free(&where);
}

/* Fewer rows than were asked for: the UPDATE will find that out as well, and name the row. */
static bool store(struct writer *w, struct sheet *s, const struct db_result *result, struct err *err)
{
    struct keeper *keeper = (struct keeper *)w;
    struct str line = {0};
    (void)s;
    for (size_t r = 0; r < db_rows(result); r++) {
        for (size_t c = 0; c < db_columns(result); c++) {
            if (c)
                str_add_char(&line, '\t');
            db_copy_field(&line, db_value(result, r, c));
        }
        str_add_char(&line, '\n');
    }
    bool ok = safepoint_rows(keeper->safepoint, str_text(&line), line.length, err);
    str_free(&line);
    return ok;
}

static bool begin_section(struct keeper *k, const struct bound *b, struct err *err)
{
    struct safepoint_change *list = xcalloc(b->fixture->column_count + 1, sizeof *list);
    struct safepoint_section section = {.table = b->table, .kind = SAFEPOINT_CHANGED, .changes = list,
                                        .after_fields = true};
    for (size_t i = 0; i < b->fixture->column_count; i++)
        if (changes(b, i))
            list[section.change_count++].column = (size_t)b->columns[i];
    bool ok = safepoint_section(k->safepoint, &section, err);
    free(list);
    return ok;
}

bool keep_rows(struct session *s, struct db *db, struct plan *plan, struct safepoint *safepoint, struct err *err)
{
    static const struct phase keeping = {keeps, take, keep_sql, store};
    struct keeper k = {.writer = {.session = s, .db = db, .plan = plan}, .safepoint = safepoint};
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++) {
        struct table_plan *t = &plan->tables[i];
        if (t->updates.count == 0)
            continue;
        k.writer.table = t;
        k.writer.written = xcalloc(t->bound->fixture->column_count + 1, sizeof *k.writer.written);
        ok = begin_section(&k, t->bound, err) && desk_write(&k.writer, &t->updates, &keeping, err);
        if (!ok)
            err_context(err, "saving the changed rows of \"%s\"", t->bound->fixture->table);
        free(k.writer.written);
        k.writer.written = NULL;
    }
    desk_clear(&k.writer);
    arena_free(&k.writer.arena);
    return ok;
}

static int64_t changed_bytes(const struct plan *plan, uint64_t *rows)
{
    int64_t bytes = 0;
    *rows = 0;
    for (size_t i = 0; i < plan->count; i++) {
        *rows += plan->tables[i].updates.count;
        bytes += safepoint_estimate(plan->tables[i].bound->table, (int64_t)plan->tables[i].updates.count);
    }
    return bytes;
}

static bool make(struct session *s, struct db *db, const struct plan *plan, const char *dir, int64_t bytes,
                 struct safepoint **safepoint, struct err *err)
{
    const struct environment *env = s->ctx->environment;
    struct guard_answer none = {0};
    struct input *shown = plan_event(plan, &none);
    struct safepoint_options options = {
        .facts = {.action = "seed", .environment = env->name, .role = role_name(env->role),
                  .target = url_redacted(&env->url, &s->ctx->settings->arena),
                  .system_identifier = s->direct_identity.system_identifier, .database = db_facts(db)->database,
                  .database_oid = s->direct_identity.database_oid, .server_version = db_facts(db)->server_version,
                  .journal = s->ctx->journal, .plan_digest = plan->digest, .steps = shown->steps,
                  .step_count = shown->step_count},
        .dir = dir, .state_dir = env->state_dir, .estimated_bytes = bytes,
    };
    bool ok = safepoint_create(safepoint, &options, err);
    input_free(shown);
    return ok;
}

bool keep_changed(struct session *s, struct db *db, struct plan *plan, const char *dir, struct safepoint **safepoint,
                  struct err *err)
{
    struct err nowhere = {0};
    uint64_t rows;
    int64_t bytes = changed_bytes(plan, &rows);
    *safepoint = NULL;
    if (rows == 0)
        return true;
    if (!make(s, db, plan, dir, bytes, safepoint, &nowhere)) {
        if (dir) {
            *err = nowhere;
            return false;
        }
        ctx_log(s->ctx, "warning", "the old values of %llu %s are not saved: %s%s%s", (unsigned long long)rows,
                rows == 1 ? "row" : "rows", nowhere.message, nowhere.why[0] ? ": " : "", nowhere.why);
        return true;
    }
    if (keep_rows(s, db, plan, *safepoint, err) && safepoint_finish(*safepoint, err))
        return true;
    safepoint_discard(*safepoint);
    *safepoint = NULL;
    return false;
}
