/* memory - reading and writing the note. */
#include "diagnose/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { NOTE_MAX = 4 << 20, TABLES_MAX = 10000 };

static const char format_name[] = "seedops healthy visit";

static bool note_path(const struct memory_key *key, char *out, size_t size, struct err *err)
{
    return file_note_path("healthy", key->config, key->environment, out, size, err);
}

/* ---- bytes to a note ---- */

static bool wrong(struct err *err, const char *what)
{
    err_set(err, ERR_GENERAL, "the note of the last healthy visit cannot be read");
    return err_why(err, "%s", what);
}

static bool take_number(const struct json *object, const char *key, int64_t *out)
{
    const struct json *value = json_get(object, key);
    *out = json_int_of(value, -1);
    return value && json_is_int(value) && *out >= 0;
}

/* Notes from before there was such a number have none. */
static bool take_later(const struct json *object, const char *key, int64_t *out)
{
    *out = 0;
    return !json_get(object, key) || take_number(object, key, out);
}

static bool take_table(const struct json *object, struct arena *arena, struct seen_table *t)
{
    t->name = arena_strdup(arena, json_text_of(json_get(object, "table")));
    return t->name && take_number(object, "oid", &t->oid) && take_number(object, "filenode", &t->filenode) &&
           take_number(object, "rows", &t->rows) && take_number(object, "inserted", &t->inserted) &&
           take_number(object, "deleted", &t->deleted) && take_later(object, "lost_ms", &t->lost_ms) &&
           take_later(object, "lost_rows", &t->lost_rows);
}

static bool take_note(const struct json *root, struct arena *arena, struct seen *seen)
{
    const char *format = json_text_of(json_get(root, "format")), *name = json_text_of(json_get(root, "database"));
    const struct json *tables = json_get(root, "tables");
    int64_t version;
    if (!format || strcmp(format, format_name) != 0 || !take_number(root, "version", &version) || version != 1 ||
        !name || !json_is_array(tables) || json_count(tables) > TABLES_MAX ||
        !take_number(root, "at_ms", &seen->healthy_ms) ||
        !take_number(root, "system_identifier", &seen->system_identifier) ||
        !take_number(root, "database_oid", &seen->database))
        return false;
    seen->database_name = arena_strdup(arena, name);
    seen->table_count = json_count(tables);
    seen->tables = arena_alloc(arena, (seen->table_count + 1) * sizeof *seen->tables);
    for (size_t i = 0; i < seen->table_count; i++)
        if (!take_table(json_at(tables, i), arena, &seen->tables[i]))
            return false;
    return true;
}

bool memory_parse(const char *bytes, size_t length, struct arena *arena, struct seen *seen, struct err *err)
{
    struct json *root = NULL;
    *seen = (struct seen){0};
    if (!json_parse(&root, bytes, length, err))
        return wrong(err, "it is not JSON");
    bool ok = json_is_object(root) && take_note(root, arena, seen);
    json_free(root);
    if (ok)
        return true;
    *seen = (struct seen){0};
    return wrong(err, "it is not a note of this version");
}

/* ---- a note to bytes ---- */

static void put_table(struct json_out *o, const void *item)
{
    const struct seen_table *t = item;
    json_put_text(o, "table", t->name);
    json_put_int(o, "oid", t->oid);
    json_put_int(o, "filenode", t->filenode);
    json_put_int(o, "rows", t->rows);
    json_put_int(o, "inserted", t->inserted);
    json_put_int(o, "deleted", t->deleted);
    if (t->lost_ms) {
        json_put_int(o, "lost_ms", t->lost_ms);
        json_put_int(o, "lost_rows", t->lost_rows);
    }
}

void memory_format(const struct memory_key *key, const struct seen *seen, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    json_put_text(&o, "format", format_name);
    json_put_int(&o, "version", 1);
    json_put_text(&o, "config", key->config);
    json_put_text(&o, "environment", key->environment);
    json_put_int(&o, "at_ms", seen->healthy_ms);
    json_put_int(&o, "system_identifier", seen->system_identifier);
    json_put_int(&o, "database_oid", seen->database);
    json_put_text(&o, "database", seen->database_name);
    json_put_list(&o, "tables", seen->tables, seen->table_count, sizeof *seen->tables, put_table);
    json_object_end(&o);
    str_add_char(out, '\n');
}

/* ---- the file ---- */

bool memory_read(const struct memory_key *key, struct arena *arena, struct seen *seen, struct err *err)
{
    char path[PATH_MAX], *bytes;
    size_t length;
    *seen = (struct seen){0};
    if (!note_path(key, path, sizeof path, err))
        return false;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    if (!file_read(path, NOTE_MAX, &bytes, &length, err))
        return false;
    bool ok = memory_parse(bytes, length, arena, seen, err);
    free(bytes);
    return ok || err_at(err, path, 0, 0);
}

static bool says_the_same(const struct memory_key *key, const struct seen *before, const struct seen *now)
{
    struct seen then = *before;
    struct str a = {0}, b = {0};
    then.healthy_ms = now->healthy_ms;
    memory_format(key, &then, &a);
    memory_format(key, now, &b);
    bool same = strcmp(str_text(&a), str_text(&b)) == 0;
    str_free(&a);
    str_free(&b);
    return same;
}

bool memory_write(const struct memory_key *key, const struct seen *seen, int64_t fresh_ms, struct err *err)
{
    char path[PATH_MAX];
    struct arena arena = {0};
    struct seen before;
    struct err ignored = {0};
    bool known = memory_read(key, &arena, &before, &ignored) && before.healthy_ms &&
                 seen->healthy_ms - before.healthy_ms < fresh_ms && says_the_same(key, &before, seen);
    arena_free(&arena);
    if (known)
        return true;
    if (!note_path(key, path, sizeof path, err))
        return false;
    struct str text = {0};
    char *dir = file_dirname(path);
    memory_format(key, seen, &text);
    bool ok = file_make_dirs(dir, 0700, err) && file_write_atomic(path, str_text(&text), text.length, 0600, err);
    free(dir);
    str_free(&text);
    return ok;
}
