/* safepoint_say - what a file says of itself, taken with a grain of salt: types, names and sums are checked here. */
#include "plan/safepoint_say.h"

#include <string.h>

#include "base/json.h"
#include "plan/safepoint_format.h"

enum { COLUMNS_MAX = 1664, NAME_MAX_BYTES = 1024 };

static const char *text_of(struct arena *arena, const struct json *from, const char *key)
{
    const char *text = json_text_of(json_get(from, key));
    return arena_strdup(arena, text ? text : "");
}

/* A name that the database would take: "" and what is too long are none. */
static bool take_name(struct arena *arena, const struct json *from, const char **name)
{
    const char *text = json_text_of(from);
    if (!text || !*text || strlen(text) > NAME_MAX_BYTES)
        return false;
    *name = arena_strdup(arena, text);
    return true;
}

static bool wrong(struct json *root, const char *what, struct err *err)
{
    json_free(root);
    return err_set(err, ERR_GENERAL, "%s", what);
}

static bool parse(struct json **root, const char *line, size_t length, struct err *err)
{
    struct err inner = {0};
    if (json_parse(root, line, length, &inner) && json_is_object(*root))
        return true;
    return wrong(*root, "a description is not a JSON object", err);
}

/* ---- head ---- */

static void take_steps(struct arena *arena, struct safepoint_info *info, const struct json *plan)
{
    const struct json *steps = json_get(plan, "steps");
    info->plan_digest = text_of(arena, plan, "digest");
    info->step_count = json_count(steps);
    info->steps = arena_alloc(arena, (info->step_count + 1) * sizeof *info->steps);
    for (size_t i = 0; i < info->step_count; i++) {
        const struct json *step = json_at(steps, i);
        info->steps[i] = (struct safepoint_step){text_of(arena, step, "action"), text_of(arena, step, "object"),
            text_of(arena, step, "detail"), json_int_of(json_get(step, "rows"), -1)};
    }
}

bool say_head(struct arena *arena, struct safepoint_info *info, const char *line, size_t length, struct err *err)
{
    struct json *root = NULL;
    const struct { const char *key; const char **to; } texts[] = {
        {"id", &info->id}, {"seedops", &info->version}, {"created", &info->created}, {"action", &info->action},
        {"environment", &info->environment}, {"role", &info->role}, {"target", &info->target},
        {"system_identifier", &info->system_identifier}, {"database", &info->database},
        {"server_version", &info->server_version}, {"user", &info->user}, {"host", &info->host},
        {"journal", &info->journal},
    };
    if (!parse(&root, line, length, err))
        return false;
    if (json_int_of(json_get(root, "safepoint"), 0) != SAFEPOINT_FORMAT)
        return wrong(root, "the head names another format", err);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i].to = text_of(arena, root, texts[i].key);
    info->created_ms = json_int_of(json_get(root, "created_ms"), 0);
    info->database_oid = (uint32_t)json_int_of(json_get(root, "database_oid"), 0);
    take_steps(arena, info, json_get(root, "plan"));
    json_free(root);
    return true;
}

/* ---- tables ---- */

static bool take_kind(const struct json *from, enum safepoint_kind *kind)
{
    const char *text = json_text_of(from);
    *kind = text && strcmp(text, "changed") == 0 ? SAFEPOINT_CHANGED : SAFEPOINT_DELETED;
    return text && (*kind == SAFEPOINT_CHANGED || strcmp(text, "deleted") == 0);
}

static bool take_columns(struct arena *arena, struct safepoint_table *t, const struct json *from)
{
    t->column_count = json_count(from);
    if (!json_is_array(from) || t->column_count > COLUMNS_MAX)
        return false;
    t->columns = arena_alloc(arena, (t->column_count + 1) * sizeof *t->columns);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct json *c = json_at(from, i);
        struct safepoint_column *to = &t->columns[i];
        if (!take_name(arena, json_get(c, "name"), &to->name) || !take_name(arena, json_get(c, "type"), &to->type))
            return false;
        to->not_null = json_bool_of(json_get(c, "not_null"), false);
        to->sequence = json_bool_of(json_get(c, "sequence"), false);
        to->identity = json_is_text(json_get(c, "identity"));
        for (size_t other = 0; other < i; other++)
            if (strcmp(t->columns[other].name, to->name) == 0)
                return false;
    }
    return true;
}

static bool has_column(const struct safepoint_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return true;
    return false;
}

static bool take_generated(struct arena *arena, struct safepoint_table *t, const struct json *from)
{
    t->generated_count = json_count(from);
    if (t->generated_count > COLUMNS_MAX)
        return false;
    t->generated = arena_alloc(arena, (t->generated_count + 1) * sizeof *t->generated);
    for (size_t i = 0; i < t->generated_count; i++)
        if (!take_name(arena, json_get(json_at(from, i), "name"), &t->generated[i]))
            return false;
    return true;
}

static bool take_key(struct arena *arena, struct safepoint_table *t, const struct json *from)
{
    t->key_count = json_count(from);
    if (t->key_count > COLUMNS_MAX)
        return false;
    t->key = arena_alloc(arena, (t->key_count + 1) * sizeof *t->key);
    for (size_t i = 0; i < t->key_count; i++)
        if (!take_name(arena, json_at(from, i), &t->key[i]))
            return false;
    /* a key over a generated column is of no use to who has only the rows */
    for (size_t i = 0; i < t->key_count; i++)
        if (!has_column(t, t->key[i]))
            t->key_count = 0;
    return true;
}

static bool take_changes(struct arena *arena, struct safepoint_table *t, const struct json *from)
{
    t->change_count = json_count(from);
    if (t->change_count > COLUMNS_MAX)
        return false;
    t->changes = arena_alloc(arena, (t->change_count + 1) * sizeof *t->changes);
    for (size_t i = 0; i < t->change_count; i++) {
        const struct json *change = json_at(from, i), *after = json_get(change, "after");
        struct safepoint_changed *to = &t->changes[i];
        if (!take_name(arena, json_get(change, "column"), &to->column) || !has_column(t, to->column))
            return false;
        to->known = after != NULL;
        to->after = arena_strdup(arena, json_text_of(after));
    }
    return t->kind == SAFEPOINT_DELETED ? t->change_count == 0 : t->change_count > 0;
}

bool say_table(struct arena *arena, struct safepoint_table *t, const char *line, size_t length, struct err *err)
{
    struct json *root = NULL;
    if (!parse(&root, line, length, err))
        return false;
    bool ok = take_name(arena, json_get(root, "schema"), &t->schema) &&
              take_name(arena, json_get(root, "table"), &t->name) && take_kind(json_get(root, "rows"), &t->kind) &&
              take_columns(arena, t, json_get(root, "columns")) &&
              take_generated(arena, t, json_get(root, "generated")) && take_key(arena, t, json_get(root, "key")) &&
              take_changes(arena, t, json_get(root, "changes"));
    t->after_fields = json_bool_of(json_get(root, "after_fields"), false);
    if (!ok)
        return wrong(root, "the description of a table makes no sense", err);
    json_free(root);
    return true;
}

static const char **copy_names(struct arena *arena, const char *const *names, size_t count)
{
    const char **copy = arena_alloc(arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_strdup(arena, names[i]);
    return copy;
}

void safepoint_table_copy(struct arena *arena, struct safepoint_table *to, const struct safepoint_table *from)
{
    *to = *from;
    to->schema = arena_strdup(arena, from->schema);
    to->name = arena_strdup(arena, from->name);
    to->generated = copy_names(arena, from->generated, from->generated_count);
    to->key = copy_names(arena, from->key, from->key_count);
    to->columns = arena_alloc(arena, (from->column_count + 1) * sizeof *to->columns);
    for (size_t i = 0; i < from->column_count; i++) {
        to->columns[i] = from->columns[i];
        to->columns[i].name = arena_strdup(arena, from->columns[i].name);
        to->columns[i].type = arena_strdup(arena, from->columns[i].type);
    }
    to->changes = arena_alloc(arena, (from->change_count + 1) * sizeof *to->changes);
    for (size_t i = 0; i < from->change_count; i++) {
        to->changes[i] = from->changes[i];
        to->changes[i].column = arena_strdup(arena, from->changes[i].column);
        to->changes[i].after = arena_strdup(arena, from->changes[i].after);
    }
}

/* ---- the end ---- */

static bool take_held(struct arena *arena, struct safepoint_info *info, const struct json *from)
{
    int64_t rows = 0;
    info->held_count = json_count(from);
    if (!json_is_array(from) || info->held_count > SECTIONS_MAX)
        return false;
    info->held = arena_alloc(arena, (info->held_count + 1) * sizeof *info->held);
    for (size_t i = 0; i < info->held_count; i++) {
        const struct json *h = json_at(from, i);
        struct safepoint_held *to = &info->held[i];
        to->rows = json_int_of(json_get(h, "rows"), -1);
        to->bytes = json_int_of(json_get(h, "bytes"), -1);
        if (!take_name(arena, json_get(h, "schema"), &to->schema) ||
            !take_name(arena, json_get(h, "table"), &to->table) || !take_kind(json_get(h, "kind"), &to->kind) ||
            to->rows < 0 || to->bytes < to->rows || __builtin_add_overflow(rows, to->rows, &rows))
            return false;
    }
    return rows == info->rows;
}

bool say_end(struct arena *arena, struct safepoint_info *info, struct say_tail *tail, const char *line, size_t length,
             struct err *err)
{
    struct json *root = NULL;
    if (!parse(&root, line, length, err))
        return false;
    info->rows = json_int_of(json_get(root, "rows"), -1);
    info->schema = text_of(arena, root, "schema");
    info->check = tail->check = text_of(arena, root, "check");
    tail->blocks = (uint64_t)json_int_of(json_get(root, "blocks"), 0);
    if (!take_held(arena, info, json_get(root, "sections")))
        return wrong(root, "the sums at the end make no sense", err);
    json_free(root);
    return true;
}
