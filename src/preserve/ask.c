/* ask - one pipeline: what this role may do, the slot, the WAL, the tables and their columns. */
#include "preserve/keep.h"

#include <stdio.h>
#include <string.h>

#include "db/pipeline.h"

enum { POWERS, SLOT, TABLES, COLUMNS, SEGMENTS, PROBES };

/* What a role may not know (the data directory) and what older servers lack is null. */
static const char powers_sql[] =
    "SELECT d.oid, r.rolsuper OR r.rolreplication,"
    " r.rolsuper OR EXISTS (SELECT FROM pg_roles c WHERE c.rolname = 'pg_checkpoint' AND pg_has_role(c.oid, 'USAGE')),"
    " has_function_privilege('pg_read_binary_file(text, bigint, bigint)', 'EXECUTE'), r.rolsuper, pg_is_in_recovery(),"
    " (SELECT setting::bigint FROM pg_settings WHERE name = 'block_size'),"
    " (SELECT setting::bigint FROM pg_settings WHERE name = 'segment_size'),"
    " (SELECT count(*) FROM pg_replication_slots), current_setting('max_replication_slots'),"
    " current_setting('wal_level'), current_setting('max_slot_wal_keep_size', true),"
    " (SELECT setting FROM pg_settings WHERE name = 'data_directory'),"
    " (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    "  WHERE e.extname = 'pageinspect')"
    " FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user";

/* wal_status came with 13: by way of jsonb an older server gives null. */
static const char slot_sql[] =
    "SELECT s.active, s.restart_lsn, to_jsonb(s) ->> 'wal_status' FROM pg_replication_slots s, pg_database d"
    " WHERE d.datname = current_database() AND s.slot_name = '" KEEP_SLOT "' || d.oid";

#define OPTION(of) "(SELECT option_value FROM pg_options_to_table(" of ") WHERE option_name = 'autovacuum_enabled')"
static const char tables_sql[] =
    "SELECT c.oid, c.reltoastrelid, n.nspname, c.relname, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),"
    " " OPTION("c.reloptions") ", " OPTION("t.reloptions") ", pg_relation_filepath(c.oid), pg_relation_filepath(t.oid),"
    " pg_relation_size(c.oid), coalesce(pg_relation_size(t.oid), 0), c.relfilenode"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid"
    " WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'm') ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* Dropped columns are in the rows that were deleted before they were: whoever decodes a page needs them. */
static const char columns_sql[] =
    "SELECT a.attrelid, a.attname, CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, a.atttypmod) END,"
    " a.attnum, a.attlen, a.attalign, a.attisdropped FROM pg_attribute a"
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 ORDER BY a.attrelid, a.attnum";

static const char segments_sql[] =
    "SELECT name, size FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' ORDER BY name COLLATE \"C\"";

static const char *copy(struct arena *arena, const struct db_result *r, size_t row, size_t column)
{
    const char *value = db_value(r, row, column);
    return value ? arena_strdup(arena, value) : NULL;
}

static const char *copy_or_empty(struct arena *arena, const struct db_result *r, size_t row, size_t column)
{
    const char *value = copy(arena, r, row, column);
    return value ? value : "";
}

static void take_powers(struct keep_facts *f, const struct db_result *r)
{
    f->database = (uint32_t)db_int(r, 0, 0, 0);
    f->replication = db_bool(r, 0, 1);
    f->checkpoint = db_bool(r, 0, 2);
    f->read_files = db_bool(r, 0, 3);
    f->in_recovery = db_bool(r, 0, 5);
    f->block_bytes = db_int(r, 0, 6, 8192);
    f->segment_bytes = db_int(r, 0, 7, 131072) * f->block_bytes;
    f->slots = db_int(r, 0, 8, 0);
    f->slots_most = db_int(r, 0, 9, 0);
    f->wal_level = copy_or_empty(&f->arena, r, 0, 10);
    f->keep_most = copy_or_empty(&f->arena, r, 0, 11);
    f->data_directory = copy_or_empty(&f->arena, r, 0, 12);
    f->pageinspect = copy(&f->arena, r, 0, 13);
    f->raw_pages = f->pageinspect && db_bool(r, 0, 4);   /* get_raw_page asks for a superuser itself */
    snprintf(f->slot, sizeof f->slot, KEEP_SLOT "%u", f->database);
}

static void take_slot(struct keep_facts *f, const struct db_probe *probe)
{
    f->slot_lsn = f->slot_status = "";
    f->slot_there = probe->ok && db_rows(probe->result) > 0;
    if (!f->slot_there)
        return;
    f->slot_active = db_bool(probe->result, 0, 0);
    f->slot_lsn = copy_or_empty(&f->arena, probe->result, 0, 1);
    f->slot_status = copy_or_empty(&f->arena, probe->result, 0, 2);
}

static void take_columns(struct keep_facts *f, struct keep_table *t, const struct db_result *r)
{
    for (size_t i = 0; i < db_rows(r); i++) {
        if ((uint32_t)db_int(r, i, 0, 0) != t->oid)
            continue;
        if (t->column_count % 16 == 0)
            t->columns = arena_grow(&f->arena, t->columns, t->column_count, t->column_count + 16, sizeof *t->columns);
        t->columns[t->column_count++] = (struct keep_column){
            .name = copy(&f->arena, r, i, 1), .type = copy(&f->arena, r, i, 2), .number = db_int(r, i, 3, 0),
            .length = db_int(r, i, 4, 0), .align = copy(&f->arena, r, i, 5), .dropped = db_bool(r, i, 6)};
    }
}

static void take_tables(struct keep_facts *f, const struct db_result *r, const struct db_result *columns)
{
    f->table_count = db_rows(r);
    f->tables = arena_alloc(&f->arena, (f->table_count + 1) * sizeof *f->tables);
    for (size_t i = 0; i < f->table_count; i++) {
        f->tables[i] = (struct keep_table){
            .oid = (uint32_t)db_int(r, i, 0, 0), .toast = (uint32_t)db_int(r, i, 1, 0),
            .schema = copy(&f->arena, r, i, 2), .name = copy(&f->arena, r, i, 3), .owner = copy(&f->arena, r, i, 4),
            .owned = db_bool(r, i, 5), .autovacuum = copy(&f->arena, r, i, 6),
            .toast_autovacuum = copy(&f->arena, r, i, 7), .path = copy_or_empty(&f->arena, r, i, 8),
            .toast_path = copy_or_empty(&f->arena, r, i, 9), .bytes = db_int(r, i, 10, 0),
            .toast_bytes = db_int(r, i, 11, 0), .file_node = db_int(r, i, 12, 0)};
        take_columns(f, &f->tables[i], columns);
    }
}

static void take_segments(struct keep_facts *f, const struct db_probe *probe)
{
    if (!probe->ok) {
        f->segments_why = arena_strdup(&f->arena, db_probe_word(probe));
        return;
    }
    f->segment_count = db_rows(probe->result);
    f->segments = arena_alloc(&f->arena, (f->segment_count + 1) * sizeof *f->segments);
    for (size_t i = 0; i < f->segment_count; i++) {
        f->segments[i] = (struct keep_segment){copy(&f->arena, probe->result, i, 0), db_int(probe->result, i, 1, 0)};
        f->segments_bytes += f->segments[i].bytes;
    }
}

/* What nothing can be planned without. */
static bool needed(struct db_probe *probe, struct err *err)
{
    if (probe->ok && (db_rows(probe->result) || probe->count))
        return true;
    if (probe->ok)
        err_set(err, ERR_QUERY, "the server does not say what this role may do");
    else if (err)
        *err = probe->err;
    return err_context(err, "%s", probe->name);
}

bool keep_ask(struct session *s, const uint32_t *oids, size_t count, struct keep_facts *f, struct err *err)
{
    *f = (struct keep_facts){0};
    struct str list = {0};
    for (size_t i = 0; i < count; i++)
        str_printf(&list, "%s%u", i ? "," : "{", oids[i]);
    str_add(&list, count ? "}" : "{}");
    const char *params[] = {str_text(&list)};
    struct db_probe probes[PROBES] = {
        [POWERS] = {.name = "rights", .sql = powers_sql},
        [SLOT] = {.name = "replication slots", .sql = slot_sql},
        [TABLES] = {.name = "the tables", .sql = tables_sql, .count = 1, .params = params},
        [COLUMNS] = {.name = "columns", .sql = columns_sql, .count = 1, .params = params},
        [SEGMENTS] = {.name = "WAL", .sql = segments_sql},
    };
    bool ok = db_pipeline(s->db, probes, PROBES, err) && needed(&probes[POWERS], err) &&
              needed(&probes[TABLES], err) && needed(&probes[COLUMNS], err);
    if (ok) {
        take_powers(f, probes[POWERS].result);
        take_slot(f, &probes[SLOT]);
        take_tables(f, probes[TABLES].result, probes[COLUMNS].result);
        take_segments(f, &probes[SEGMENTS]);
    }
    db_probes_free(probes, PROBES);
    str_free(&list);
    return ok;
}

void keep_facts_free(struct keep_facts *facts) { arena_free(&facts->arena); }

const struct keep_table *keep_facts_table(const struct keep_facts *facts, uint32_t oid)
{
    for (size_t i = 0; i < facts->table_count; i++)
        if (facts->tables[i].oid == oid)
            return &facts->tables[i];
    return NULL;
}
