/* record - the way back, in a file of its own: one a server and database, so that another name for the
 * same database finds it. Written before the first change, removed when all is taken back. */
#include "preserve/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "op/known.h"

enum { RECORD_MOST = 4 * 1024 * 1024, LOCK_MS = 10000 };

char *keep_directory(const struct session *s, struct err *err)
{
    char own[4096];
    const char *state = s->ctx->environment->state_dir;
    if (!state) {
        if (!file_state_dir(own, sizeof own, err)) {
            err_context(err, "no place for what undo needs");
            return NULL;
        }
        state = own;
    }
    char *directory = file_join(state, "preserve");
    if (file_make_dirs(directory, 0700, err))
        return directory;
    free(directory);
    return NULL;
}

/* Many servers have a database of the same oid, so without a system identifier the environment's name has to tell them
 * apart: a record of another server would be taken back here, and be gone there. */
static void add_server(const struct session *s, struct str *name)
{
    struct hash hash;
    char hex[HASH_HEX];
    if (s->identity.system_identifier[0]) {
        str_add(name, s->identity.system_identifier);
        return;
    }
    hash_init(&hash);
    hash_add_field(&hash, known_config(s->ctx->settings, s->ctx->environment));
    hash_add_field(&hash, s->ctx->environment->name);
    hash_hex(&hash, hex);
    str_printf(name, "unknown-%.16s", hex);
}

static char *record_path(const struct session *s, struct err *err)
{
    char *directory = keep_directory(s, err);
    if (!directory)
        return NULL;
    struct str name = {0};
    add_server(s, &name);
    str_printf(&name, "-%u.json", s->identity.database_oid);
    char *path = file_join(directory, str_text(&name));
    str_free(&name);
    free(directory);
    return path;
}

static const char *text_of(struct keep_record *record, const struct json *object, const char *key)
{
    return arena_strdup(&record->arena, json_text_of(json_get(object, key)));
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static bool take_tables(struct keep_record *record, const struct json *tables)
{
    record->table_count = json_count(tables);
    record->tables = arena_alloc(&record->arena, (record->table_count + 1) * sizeof *record->tables);
    for (size_t i = 0; i < record->table_count; i++) {
        const struct json *t = json_at(tables, i);
        record->tables[i] = (struct keep_saved){
            .oid = (uint32_t)json_int_of(json_get(t, "oid"), 0), .schema = text_of(record, t, "schema"),
            .name = text_of(record, t, "table"), .autovacuum = text_of(record, t, "autovacuum_enabled"),
            .toast_autovacuum = text_of(record, t, "toast.autovacuum_enabled")};
        if (!record->tables[i].oid || !record->tables[i].schema || !record->tables[i].name)
            return false;
    }
    return true;
}

static bool take(struct keep_record *record, const struct json *root)
{
    const struct json *archives = json_get(root, "archives");
    record->slot_ours = json_bool_of(json_get(root, "slot_ours"), false);
    record->host = or_empty(text_of(record, root, "host"));
    record->since = or_empty(text_of(record, root, "since"));
    record->archive_count = json_count(archives);
    record->archives = arena_alloc(&record->arena, (record->archive_count + 1) * sizeof *record->archives);
    for (size_t i = 0; i < record->archive_count; i++)
        record->archives[i] = or_empty(arena_strdup(&record->arena, json_text_of(json_at(archives, i))));
    return json_int_of(json_get(root, "version"), 0) == 1 && take_tables(record, json_get(root, "tables"));
}

bool keep_record_open(struct session *s, struct keep_record *record, struct err *err)
{
    *record = (struct keep_record){.lock = -1, .host = "", .since = "", .path = record_path(s, err)};
    if (!record->path)
        return false;
    char *bytes;
    size_t length;
    if (access(record->path, F_OK) != 0)
        return true;
    struct json *root = NULL;
    if (!file_read(record->path, RECORD_MOST, &bytes, &length, err))
        return false;
    bool ok = json_parse(&root, bytes, length, err);
    if (ok && !(ok = take(record, root)))
        err_set(err, ERR_GENERAL, "it is not a record of preserve");
    record->there = ok;
    json_free(root);
    free(bytes);
    if (ok)
        return true;
    err_context(err, "cannot read %s, which says what a preserve changed", record->path);
    return err_hint(err, "look at it; moved aside, preserve and --undo go by what the database says");
}

bool keep_record_lock(struct session *s, struct keep_record *record, struct err *err)
{
    struct str name = {0};
    int lock;
    str_printf(&name, "%s.lock", record->path);
    bool ok = file_lock(str_text(&name), LOCK_MS, &lock, err);
    str_free(&name);
    if (!ok)
        return err_hint(err, "nothing was changed; another preserve is at work on this database: wait for it");
    keep_record_close(record);
    ok = keep_record_open(s, record, err);
    record->lock = lock;
    return ok;
}

static bool is_saved(const struct keep_record *record, uint32_t oid)
{
    for (size_t i = 0; i < record->table_count; i++)
        if (record->tables[i].oid == oid)
            return true;
    return false;
}

void keep_record_add(struct keep_record *record, const struct keep_facts *facts)
{
    size_t most = record->table_count + facts->table_count;
    record->tables = arena_grow(&record->arena, record->tables, record->table_count, most + 1, sizeof *record->tables);
    for (size_t i = 0; i < facts->table_count; i++) {
        const struct keep_table *t = &facts->tables[i];
        if (!t->owned || is_saved(record, t->oid))
            continue;
        record->tables[record->table_count++] = (struct keep_saved){
            .oid = t->oid, .schema = arena_strdup(&record->arena, t->schema),
            .name = arena_strdup(&record->arena, t->name), .autovacuum = arena_strdup(&record->arena, t->autovacuum),
            .toast_autovacuum = arena_strdup(&record->arena, t->toast_autovacuum)};
    }
}

void keep_record_archive(struct keep_record *record, const char *directory)
{
    record->archives = arena_grow(&record->arena, record->archives, record->archive_count, record->archive_count + 1,
                                  sizeof *record->archives);
    record->archives[record->archive_count++] = arena_strdup(&record->arena, directory);
}

static void put_table(struct json_out *o, const void *item)
{
    const struct keep_saved *t = item;
    json_put_int(o, "oid", t->oid);
    json_put_text(o, "schema", t->schema);
    json_put_text(o, "table", t->name);
    json_put_text(o, "autovacuum_enabled", t->autovacuum);
    json_put_text(o, "toast.autovacuum_enabled", t->toast_autovacuum);
}

static void put_record(struct json_out *o, const struct session *s, const struct keep_record *record)
{
    json_object(o);
    json_put_int(o, "version", 1);
    json_put_text(o, "environment", s->ctx->environment->name);
    json_put_text(o, "database", s->identity.database);
    json_put_text(o, "system_identifier", s->identity.system_identifier);
    json_put_int(o, "database_oid", s->identity.database_oid);
    json_put_text(o, "host", record->host);
    json_put_text(o, "since", record->since);
    json_put_bool(o, "slot_ours", record->slot_ours);
    json_put_list(o, "tables", record->tables, record->table_count, sizeof *record->tables, put_table);
    json_key(o, "archives");
    json_array(o);
    for (size_t i = 0; i < record->archive_count; i++)
        json_text(o, record->archives[i]);
    json_array_end(o);
    json_object_end(o);
}

bool keep_record_write(struct session *s, struct keep_record *record, struct err *err)
{
    if (!record->there) {
        char host[256] = "", now[32];
        gethostname(host, sizeof host - 1);
        clock_format_utc(clock_wall_ms(), now, sizeof now);
        record->host = arena_strdup(&record->arena, host);
        record->since = arena_strdup(&record->arena, now);
    }
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    put_record(&o, s, record);
    str_add_char(&out, '\n');
    record->there = file_write_atomic(record->path, str_text(&out), out.length, 0600, err);
    str_free(&out);
    return record->there || err_context(err, "what undo needs could not be written, so nothing was changed");
}

bool keep_record_remove(struct keep_record *record, struct err *err)
{
    if (!record->there)
        return true;
    if (unlink(record->path) != 0 && errno != ENOENT)
        return err_errno(err, ERR_GENERAL, errno, "cannot remove %s", record->path);
    record->there = false;
    return true;
}

void keep_record_close(struct keep_record *record)
{
    if (record->path && record->lock >= 0)
        close(record->lock);
    free(record->path);
    arena_free(&record->arena);
    *record = (struct keep_record){.lock = -1};
}
