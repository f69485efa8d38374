/* prisma - _prisma_migrations with Prisma Migrate's own meaning.
 *
 * A migration is a folder with migration.sql; the ledger may hold several rows of one name. failed: a row
 * neither finished nor rolled back, which is also what a running one looks like, so the lock tells them
 * apart. The newest row that is not rolled back counts for the checksum (Prisma compares the first and so
 * reports false changes: prisma/prisma #16927). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "db/conn.h"
#include "ledger/checksum.h"
#include "ledger/tool.h"

#define LOCK_KEY "72707369"          /* schema-engine: pg_advisory_lock(72707369) */

/* P3019: a lock file of another provider means that these migrations are not for PostgreSQL. */
static bool check_provider(struct ledger *l, const char *path, struct err *err)
{
    char *bytes;
    size_t length;
    if (!file_read(path, 1 << 16, &bytes, &length, err))
        return false;
    const char *line = strstr(bytes, "provider");
    const char *quote = line ? strchr(line, '"') : NULL;
    char provider[32] = "";
    if (quote)
        sscanf(quote + 1, "%31[^\"\n]", provider);
    free(bytes);
    if (!provider[0] || strcmp(provider, "postgresql") == 0 || strcmp(provider, "postgres") == 0)
        return true;
    err_set(err, ERR_MIGRATION, "the migrations in %s are for %s, not PostgreSQL", l->dir, provider);
    err_hint(err, "point migrations.dir (or --migrations) at the PostgreSQL project's prisma/migrations");
    return err_at(err, path, 0, 0);
}

static bool scan_entry(struct ledger *l, const char *name, struct err *err)
{
    char *folder = file_join(l->dir, name), *path = file_join(folder, "migration.sql");
    struct stat st;
    bool ok = true;
    if (strcmp(name, "migration_lock.toml") == 0) {
        ok = check_provider(l, folder, err);
    } else if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) {
        struct migration_file *file;
        if (stat(path, &st) != 0) {
            err_set(err, ERR_MIGRATION, "the migration folder %s has no migration.sql", name);
            err_hint(err, "put the file back, or remove the folder if it was never applied anywhere");
            ok = err_at(err, folder, 0, 0);
        } else if ((ok = ledger_add_file(l, name, path, &file, err))) {
            char sum[CHECKSUM_MAX];
            checksum_prisma(file->bytes, file->length, sum);
            file->checksum = arena_strdup(&l->arena, sum);
        }
    }
    free(path);
    free(folder);
    return ok;
}

static bool scan(struct ledger *l, struct err *err) { return ledger_each_entry(l, scan_entry, err); }

static void rows_sql(const struct ledger *l, struct str *out)
{
    static const char iso[] = "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'";
    str_printf(
        out,
        "select id, migration_name, checksum, to_char(started_at at time zone 'UTC', %s),"
        " to_char(finished_at at time zone 'UTC', %s), rolled_back_at is not null, logs,"
        " (extract(epoch from finished_at - started_at) * 1000)::bigint from %s order by started_at, id",
        iso, iso, l->relation);
}

static void lock_key(const struct ledger *l, struct str *out)
{
    (void)l;
    str_add(out, LOCK_KEY "::bigint");
}

static void create_sql(const struct ledger *l, struct str *out)
{
    str_printf(
        out,
        "create table if not exists %s (id varchar(36) primary key not null,"
        " checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,"
        " logs text, rolled_back_at timestamptz, started_at timestamptz not null default pg_catalog.now(),"
        " applied_steps_count integer not null default 0);",
        l->relation);
}

/* What all rows of one name amount to. `newest` is the last one that is not rolled back. */
static void state_of(const struct ledger_row *rows, size_t count, bool locked, struct migration *m)
{
    const struct ledger_row *newest = NULL, *unfinished = NULL;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, m->name) != 0)
            continue;
        any = true;
        if (rows[i].rolled_back)
            continue;
        newest = &rows[i];
        if (!rows[i].finished_at)
            unfinished = &rows[i];
    }
    const struct ledger_row *row = unfinished ? unfinished : newest;
    if (!row) {
        m->state = any ? MIGRATION_ROLLED_BACK : MIGRATION_PENDING;
        return;
    }
    m->checksum = row->checksum;
    m->applied_at = row->finished_at ? row->finished_at : row->started_at;
    m->duration_ms = row->duration_ms;
    m->log = row->log && row->log[0] ? row->log : NULL;
    m->state = !unfinished ? MIGRATION_APPLIED : locked ? MIGRATION_RUNNING : MIGRATION_FAILED;
}

static void states(const struct ledger *l, const struct ledger_row *rows, size_t count,
                   struct ledger_state *state)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct migration_file *file = &l->files[i];
        struct migration *m = &state->migrations[state->count++];
        *m = (struct migration){.name = file->name, .path = file->path, .checksum = file->checksum,
                                .disk_checksum = file->checksum, .duration_ms = -1};
        state_of(rows, count, state->locked, m);
        if (m->state == MIGRATION_APPLIED && !checksum_prisma_matches(m->checksum, file->bytes, file->length))
            m->state = MIGRATION_MODIFIED;
    }
    for (size_t i = 0; i < count; i++) {
        bool known = rows[i].rolled_back;
        for (size_t k = 0; !known && k < state->count; k++)
            known = strcmp(state->migrations[k].name, rows[i].name) == 0;
        if (known)
            continue;
        struct migration *m = &state->migrations[state->count++];
        *m = (struct migration){.name = rows[i].name, .duration_ms = -1};
        state_of(rows, count, state->locked, m);
        if (m->state == MIGRATION_APPLIED)
            m->state = MIGRATION_MISSING;
    }
}

static void new_id(char id[40])
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        err_abort("getrandom failed");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);    /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(id, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* `values`: SQL of started_at, finished_at, applied_steps_count and logs. */
static void insert(const struct ledger *l, const struct migration *m, const char *id, const char *values,
                   struct str *out)
{
    str_printf(out,
               "insert into %s (id, migration_name, checksum, started_at, finished_at, applied_steps_count,"
               " logs) values ('%s', ",
               l->relation, id);
    db_quote_literal(out, m->name);
    str_printf(out, ", '%s', %s);", m->disk_checksum, values);
}

static void sql_started(const struct ledger *l, const struct migration *m, struct ledger_mark *mark,
                        struct str *out)
{
    new_id(mark->id);
    mark->started_wall_ms = clock_wall_ms();
    insert(l, m, mark->id, "pg_catalog.clock_timestamp(), null, 0, null", out);
}

static void sql_finished(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                         struct str *out)
{
    (void)m;
    str_printf(out,
               "update %s set finished_at = pg_catalog.clock_timestamp(), applied_steps_count = applied_steps_count + 1"
               " where id operator(pg_catalog.=) '%s';",
               l->relation, mark->id);
}

static void sql_failed(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                       const char *log, struct str *out)
{
    (void)m;
    str_printf(out, "update %s set logs = ", l->relation);
    db_quote_literal(out, log);
    str_printf(out, " where id operator(pg_catalog.=) '%s';", mark->id);
}

static void sql_applied(const struct ledger *l, const struct migration *m, struct str *out)
{
    char id[40];
    new_id(id);
    insert(l, m, id, "pg_catalog.now(), pg_catalog.clock_timestamp(), 1, null", out);
}

static void roll_back_unfinished(const struct ledger *l, const char *name, struct str *out)
{
    str_printf(out, "update %s set rolled_back_at = pg_catalog.now() where migration_name operator(pg_catalog.=) ",
               l->relation);
    db_quote_literal(out, name);
    str_add(out, " and finished_at is null and rolled_back_at is null;");
}

static bool resolve_applied(const struct ledger *l, const struct migration *m, const char *name,
                            struct str *out, struct err *err)
{
    if (!m || !m->path) {
        err_set(err, ERR_MIGRATION, "the migration %s could not be found (Prisma's P3017)", name);
        return err_hint(err, "only a migration in %s can be marked as applied", l->dir);
    }
    if (m->state == MIGRATION_APPLIED || m->state == MIGRATION_MODIFIED) {
        err_set(err, ERR_MIGRATION, "the migration %s is already recorded as applied (Prisma's P3008)", name);
        return err_hint(
            err, m->state == MIGRATION_APPLIED
                     ? "there is nothing to resolve"
                     : "the file was changed since: put it back as it was applied, and the change into a "
                       "new migration");
    }
    roll_back_unfinished(l, name, out);
    char id[40];
    new_id(id);
    /* as Prisma does: no steps were run, started and finished are one instant */
    insert(l, m, id, "pg_catalog.now(), pg_catalog.now(), 0, ''", out);
    return true;
}

static bool resolve_rolled_back(const struct ledger *l, const struct migration *m, const char *name,
                                struct str *out, struct err *err)
{
    if (!m || m->state == MIGRATION_PENDING) {
        err_set(err, ERR_MIGRATION,
                "the migration %s cannot be rolled back: it was never applied (Prisma's P3011)", name);
        return err_hint(err, "seedops migrate status lists the names");
    }
    if (m->state != MIGRATION_FAILED && m->state != MIGRATION_RUNNING && m->state != MIGRATION_ROLLED_BACK) {
        err_set(err, ERR_MIGRATION, "the migration %s cannot be rolled back: it is not in a failed state "
                "(Prisma's P3012)", name);
        return err_hint(err, "to undo an applied migration, write a new one that does");
    }
    roll_back_unfinished(l, name, out);
    return true;
}

const struct ledger_tool ledger_prisma = {.name = "prisma",
                                          .table = "_prisma_migrations",
                                          .columns = "id,migration_name,checksum,started_at,finished_at,"
                                                     "rolled_back_at,logs",
                                          .scan = scan,
                                          .compare = strcmp,
                                          .rows_sql = rows_sql,
                                          .lock_key = lock_key,
                                          .create_sql = create_sql,
                                          .states = states,
                                          .sql_started = sql_started,
                                          .sql_finished = sql_finished,
                                          .sql_failed = sql_failed,
                                          .sql_applied = sql_applied,
                                          .resolve_applied = resolve_applied,
                                          .resolve_rolled_back = resolve_rolled_back};
