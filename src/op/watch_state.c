/* watch_state - reading and writing what a watch knows. */
#include "op/watch_state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { STATE_MAX = 4 << 20, ITEMS_MAX = 10000, VERSION = 1 };

static const char format_name[] = "seedops watch";

void watch_state_free(struct watch_state *state)
{
    arena_free(&state->arena);
    *state = (struct watch_state){0};
}

/* ---- bytes to a state ---- */

static bool wrong(struct err *err, const char *what)
{
    err_set(err, ERR_GENERAL, "what the last watch knew cannot be read");
    return err_why(err, "%s", what);
}

static bool take_number(const struct json *object, const char *key, int64_t least, int64_t *out)
{
    const struct json *value = json_get(object, key);
    *out = json_int_of(value, 0);
    return json_is_int(value) && *out >= least && *out <= INT64_MAX / 4;   /* counted on from, and subtracted */
}

static bool take_bool(const struct json *object, const char *key, bool *out)
{
    const struct json *value = json_get(object, key);
    *out = json_bool_of(value, false);
    return json_is_bool(value);
}

/* Absent reads as NULL. */
static bool take_text(struct arena *arena, const struct json *object, const char *key, const char **out)
{
    const struct json *value = json_get(object, key);
    *out = arena_strdup(arena, json_text_of(value));
    return !value || json_is_null(value) || *out;
}

static bool take_identity(const struct json *object, struct pin_identity *identity)
{
    const char *system = json_text_of(json_get(object, "system_identifier")),
               *database = json_text_of(json_get(object, "database"));
    int64_t oid;
    if (!system || !database || strlen(system) >= sizeof identity->system_identifier ||
        strlen(database) >= sizeof identity->database || !take_number(object, "database_oid", 0, &oid) ||
        oid > UINT32_MAX)
        return false;
    memcpy(identity->system_identifier, system, strlen(system) + 1);
    memcpy(identity->database, database, strlen(database) + 1);
    identity->database_oid = (uint32_t)oid;
    return true;
}

static bool take_table(struct arena *arena, const struct json *object, struct watch_table *t)
{
    return take_text(arena, object, "table", &t->name) && t->name && take_bool(object, "there", &t->there) &&
           take_bool(object, "lacking", &t->lacking) && take_bool(object, "held", &t->held) &&
           take_bool(object, "estimated", &t->estimated) && take_number(object, "rows", -1, &t->rows) &&
           take_number(object, "floor", -1, &t->floor);
}

static bool take_migration(struct arena *arena, const struct json *object, struct watch_migration *m)
{
    const char *state = json_text_of(json_get(object, "state"));
    for (int i = 0; state && i < MIGRATION_STATE_COUNT; i++)
        if (strcmp(state, migration_state_name((enum migration_state)i)) == 0) {
            m->state = (enum migration_state)i;
            return take_text(arena, object, "migration", &m->name) && m->name;
        }
    return false;
}

static bool take_lists(const struct json *root, struct watch_state *s)
{
    const struct json *tables = json_get(root, "tables"), *migrations = json_get(root, "migrations");
    if (!json_is_array(tables) || json_count(tables) > ITEMS_MAX || !json_is_array(migrations) ||
        json_count(migrations) > ITEMS_MAX)
        return false;
    s->table_count = json_count(tables);
    s->tables = arena_alloc(&s->arena, (s->table_count + 1) * sizeof *s->tables);
    for (size_t i = 0; i < s->table_count; i++)
        if (!take_table(&s->arena, json_at(tables, i), &s->tables[i]))
            return false;
    s->migration_count = json_count(migrations);
    s->migrations = arena_alloc(&s->arena, (s->migration_count + 1) * sizeof *s->migrations);
    for (size_t i = 0; i < s->migration_count; i++)
        if (!take_migration(&s->arena, json_at(migrations, i), &s->migrations[i]))
            return false;
    return true;
}

static bool take_state(const struct json *root, struct watch_state *s)
{
    const char *format = json_text_of(json_get(root, "format"));
    int64_t version;
    return format && strcmp(format, format_name) == 0 && take_number(root, "version", VERSION, &version) &&
           version == VERSION && take_number(root, "serial", 0, &s->serial) && take_number(root, "at_ms", 1, &s->wall_ms) &&
           take_number(root, "away_ms", 0, &s->away_ms) && take_text(&s->arena, root, "away_why", &s->away_why) &&
           take_bool(root, "stranger", &s->stranger) && take_text(&s->arena, root, "stranger_why", &s->stranger_why) &&
           take_identity(json_get(root, "identity"), &s->identity) &&
           take_number(root, "started_ms", 0, &s->started_ms) && take_bool(root, "standby", &s->standby) &&
           take_bool(root, "tables_known", &s->tables_known) &&
           take_bool(root, "migrations_known", &s->migrations_known) &&
           take_text(&s->arena, root, "ledger_problem", &s->ledger_problem) && take_lists(root, s);
}

bool watch_state_parse(const char *bytes, size_t length, struct watch_state *state, struct err *err)
{
    struct json *root = NULL;
    *state = (struct watch_state){0};
    if (!json_parse(&root, bytes, length, err))
        return wrong(err, "it is not JSON");
    bool ok = json_is_object(root) && take_state(root, state);
    json_free(root);
    state->away = state->away_ms > 0;
    if (ok)
        return true;
    watch_state_free(state);
    return wrong(err, "it is not the state of a watch of this version");
}

/* ---- a state to bytes ---- */

static void put_identity(struct json_out *o, const struct pin_identity *identity)
{
    json_key(o, "identity");
    json_object(o);
    json_put_text(o, "system_identifier", identity->system_identifier);
    json_put_int(o, "database_oid", identity->database_oid);
    json_put_text(o, "database", identity->database);
    json_object_end(o);
}

static void put_table(struct json_out *o, const void *item)
{
    const struct watch_table *t = item;
    json_put_text(o, "table", t->name);
    json_put_bool(o, "there", t->there);
    json_put_bool(o, "lacking", t->lacking);
    json_put_bool(o, "held", t->held);
    json_put_bool(o, "estimated", t->estimated);
    json_put_int(o, "rows", t->rows);
    json_put_int(o, "floor", t->floor);
}

static void put_migration(struct json_out *o, const void *item)
{
    const struct watch_migration *m = item;
    json_put_text(o, "migration", m->name);
    json_put_text(o, "state", migration_state_name(m->state));
}

void watch_state_format(const struct watch_key *key, const struct watch_state *s, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    json_put_text(&o, "format", format_name);
    json_put_int(&o, "version", VERSION);
    json_put_text(&o, "config", key->config);
    json_put_text(&o, "environment", key->environment);
    json_put_int(&o, "serial", s->serial);
    json_put_int(&o, "at_ms", s->wall_ms);
    json_put_int(&o, "away_ms", s->away ? s->away_ms : 0);
    json_put_text(&o, "away_why", s->away_why);
    json_put_bool(&o, "stranger", s->stranger);
    json_put_text(&o, "stranger_why", s->stranger_why);
    put_identity(&o, &s->identity);
    json_put_int(&o, "started_ms", s->started_ms);
    json_put_bool(&o, "standby", s->standby);
    json_put_bool(&o, "tables_known", s->tables_known);
    json_put_bool(&o, "migrations_known", s->migrations_known);
    json_put_text(&o, "ledger_problem", s->ledger_problem);
    json_put_list(&o, "tables", s->tables, s->table_count, sizeof *s->tables, put_table);
    json_put_list(&o, "migrations", s->migrations, s->migration_count, sizeof *s->migrations, put_migration);
    json_object_end(&o);
    str_add_char(out, '\n');
}

/* ---- the file ---- */

bool watch_state_read(const struct watch_key *key, struct watch_state *state, struct err *err)
{
    char path[PATH_MAX], *bytes;
    size_t length;
    *state = (struct watch_state){0};
    if (!file_note_path("watch", key->config, key->environment, path, sizeof path, err))
        return false;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    if (!file_read(path, STATE_MAX, &bytes, &length, err))
        return false;
    bool ok = watch_state_parse(bytes, length, state, err);
    free(bytes);
    return ok || err_at(err, path, 0, 0);
}

/* The path, its directory made. */
static bool ready_path(const struct watch_key *key, char *path, size_t size, struct err *err)
{
    if (!file_note_path("watch", key->config, key->environment, path, size, err))
        return false;
    char *dir = file_dirname(path);
    bool ok = file_make_dirs(dir, 0700, err);
    free(dir);
    return ok;
}

bool watch_state_write(const struct watch_key *key, const struct watch_state *state, struct err *err)
{
    char path[PATH_MAX];
    struct str text = {0};
    if (!ready_path(key, path, sizeof path, err))
        return false;
    watch_state_format(key, state, &text);
    bool ok = file_write_atomic(path, str_text(&text), text.length, 0600, err);
    str_free(&text);
    return ok;
}

bool watch_state_lock(const struct watch_key *key, int timeout_ms, int *fd, bool *other, struct err *err)
{
    char path[PATH_MAX];
    *fd = -1;
    *other = false;
    if (!ready_path(key, path, sizeof path, err))
        return false;
    memcpy(path + strlen(path) - 4, "lock", 4);   /* KEY.json, KEY.lock */
    bool ok = file_lock(path, timeout_ms, fd, err);
    *other = !ok && access(path, W_OK) == 0;   /* it could be opened, so somebody has it */
    return ok;
}
