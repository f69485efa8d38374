/* numbered - {number}_{description}.up.sql with a schema_migrations(id, filename, applied_at, checksum)
 * ledger.
 *
 * This shape is hand-written in many projects, and they differ in how they sum (checksum.h): which variant a
 * ledger uses is probed on the rows whose files are there, or configured. A migration that cannot run in a
 * transaction has no column for "started" or "failed": while it runs, and when it has failed, its row's
 * checksum is a word of ours (`seedops:started`, `seedops:failed: why`), which no runner takes for a sum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "db/conn.h"
#include "ledger/checksum.h"
#include "ledger/tool.h"

static const char started_word[] = "seedops:started",
                  failed_word[] = "seedops:failed: ", our_prefix[] = "seedops:";

enum { FIRST_VARIANT };               /* the usual one: a file's is made when it is read, and kept */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* By number (of any size, leading zeros aside), then by name: two of one number have an order all the same.
 * Names without a number come last. */
static int compare(const char *a, const char *b)
{
    const char *x = a + strspn(a, "0"), *y = b + strspn(b, "0");
    size_t n = strspn(x, "0123456789"), m = strspn(y, "0123456789");
    if (is_digit(*a) != is_digit(*b))
        return is_digit(*a) ? -1 : 1;
    if (n != m)
        return n < m ? -1 : 1;
    int order = strncmp(x, y, n);
    return order ? order : strcmp(a, b);
}

static bool scan_entry(struct ledger *l, const char *name, struct err *err)
{
    static const char suffix[] = ".up.sql";
    size_t length = strlen(name), digits = strspn(name, "0123456789");
    if (length < sizeof suffix - 1 || strcmp(name + length - (sizeof suffix - 1), suffix) != 0)
        return true;
    char *path = file_join(l->dir, name);
    struct migration_file *file;
    bool ok;
    if (digits == 0 || name[digits] != '_') {
        err_set(err, ERR_MIGRATION, "%s has no number: its place among the migrations is not known", name);
        err_hint(err, "name it {number}_{description}.up.sql");
        ok = err_at(err, path, 0, 0);
    } else {
        ok = ledger_add_file(l, name, path, &file, err);
        if (ok) {
            char sum[CHECKSUM_MAX];
            checksum_of(FIRST_VARIANT, file->bytes, file->length, sum);
            file->checksum = arena_strdup(&l->arena, sum);
        }
    }
    free(path);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return compare(((const struct migration_file *)a)->name, ((const struct migration_file *)b)->name);
}

static bool scan(struct ledger *l, struct err *err)
{
    if (!ledger_each_entry(l, scan_entry, err))
        return false;
    if (l->count)
        qsort(l->files, l->count, sizeof *l->files, by_name);
    return true;
}

/* A ledger without applied_at, or with another type of it, is read all the same: the name then means the outer one. */
static void rows_sql(const struct ledger *l, struct str *out)
{
    str_printf(out, "select null, r.filename::text, r.checksum::text, null, to_char(r.applied_at::text::timestamptz"
               " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), false, null, null"
               " from (select null::timestamptz as applied_at) outside cross join lateral"
               " (select filename, checksum, applied_at from %s) r order by r.filename", l->relation);
}

/* Most hand-written runners lock the hash of a name of theirs; the ledger's own name is what all can know. */
static void lock_key(const struct ledger *l, struct str *out)
{
    str_add(out, "pg_catalog.hashtext(");
    db_quote_literal(out, l->table);
    str_add(out, ")::bigint");
}

static void create_sql(const struct ledger *l, struct str *out)
{
    str_printf(out, "create table if not exists %s (id serial primary key, filename text not null unique,"
               " applied_at timestamp not null default pg_catalog.now(), checksum text not null);", l->relation);
}

/* The ledger's rows by name; of one name as they came. */
struct index {
    const struct ledger_row **rows;
    size_t count;
};

static int by_row_name(const void *a, const void *b)
{
    const struct ledger_row *x = *(const struct ledger_row *const *)a, *y = *(const struct ledger_row *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

static struct index index_rows(const struct ledger_row *rows, size_t count, struct arena *arena)
{
    struct index index = {.rows = arena_alloc(arena, count * sizeof *index.rows), .count = count};
    for (size_t i = 0; i < count; i++)
        index.rows[i] = &rows[i];
    if (count)
        qsort(index.rows, count, sizeof *index.rows, by_row_name);
    return index;
}

static const struct ledger_row *row_of(const struct index *index, const char *name)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(index->rows[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count && strcmp(index->rows[low]->name, name) == 0 ? index->rows[low] : NULL;
}

static bool is_applied(const struct ledger_row *row)
{
    return row && !starts_with(row->checksum, our_prefix);
}

/* Into *made where it has to be made. */
static const char *sum_of(const struct migration_file *file, int variant, char made[CHECKSUM_MAX])
{
    if (variant == FIRST_VARIANT)
        return file->checksum;
    checksum_of(variant, file->bytes, file->length, made);
    return made;
}

/* How many of the applied files the variant fits. */
static size_t matches(const struct ledger *l, const struct index *index, int variant, size_t *applied)
{
    size_t n = 0;
    *applied = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct ledger_row *row = row_of(index, l->files[i].name);
        char sum[CHECKSUM_MAX];
        if (!is_applied(row))
            continue;
        ++*applied;
        n += checksum_equal(sum_of(&l->files[i], variant, sum), row->checksum);
    }
    return n;
}

/* The variant that fits most of the applied files; the first in the table where none fits better. */
static int probe_variant(const struct ledger *l, const struct index *index)
{
    int best = 0;
    size_t best_matches = 0, applied = 1;
    for (int v = 0; checksum_variants[v] && best_matches < applied; v++) {
        size_t n = matches(l, index, v, &applied);
        if (n > best_matches) {
            best = v;
            best_matches = n;
        }
    }
    return best;
}

static void take_row(const struct ledger_row *row, bool locked, struct migration *m)
{
    m->applied_at = row->finished_at;
    if (is_applied(row)) {
        m->checksum = row->checksum;
        m->state = !m->path ? MIGRATION_MISSING
                   : checksum_equal(row->checksum, m->disk_checksum) ? MIGRATION_APPLIED : MIGRATION_MODIFIED;
        return;
    }
    bool started = strcmp(row->checksum, started_word) == 0;
    m->state = started && locked ? MIGRATION_RUNNING : MIGRATION_FAILED;
    m->log = starts_with(row->checksum, failed_word) ? row->checksum + sizeof failed_word - 1 : NULL;
}

/* Files are in the order of compare(). */
static bool has_file(const struct ledger *l, const char *name)
{
    struct migration_file key = {.name = name};
    return l->count && bsearch(&key, l->files, l->count, sizeof *l->files, by_name);
}

static void states(const struct ledger *l, const struct ledger_row *rows, size_t count,
                   struct ledger_state *state)
{
    struct index index = index_rows(rows, count, &state->arena);
    int variant = l->checksum >= 0 ? l->checksum : probe_variant(l, &index);
    state->checksum_variant = checksum_variants[variant];
    const char *last = NULL;
    for (size_t i = 0; i < count; i++)
        if (!last || compare(rows[i].name, last) > 0)
            last = rows[i].name;
    for (size_t i = 0; i < l->count; i++) {
        const struct migration_file *file = &l->files[i];
        const struct ledger_row *row = row_of(&index, file->name);
        char sum[CHECKSUM_MAX];
        struct migration *m = &state->migrations[state->count++];
        *m = (struct migration){.name = file->name, .path = file->path, .duration_ms = -1};
        m->disk_checksum = m->checksum = arena_strdup(&state->arena, sum_of(file, variant, sum));
        if (row)
            take_row(row, state->locked, m);
        else
            m->state = last && compare(file->name, last) < 0 ? MIGRATION_OUT_OF_ORDER : MIGRATION_PENDING;
    }
    for (size_t i = 0; i < count; i++) {
        if (has_file(l, rows[i].name))
            continue;
        struct migration *m = &state->migrations[state->count++];
        *m = (struct migration){.name = rows[i].name, .checksum = rows[i].checksum, .duration_ms = -1};
        take_row(&rows[i], state->locked, m);
    }
}

/* Times are written in UTC whatever the session's zone is: the column has none. */
static void insert(const struct ledger *l, const struct migration *m, const char *checksum, struct str *out)
{
    str_printf(out, "set local timezone = 'UTC'; insert into %s (filename, checksum) values (", l->relation);
    db_quote_literal(out, m->name);
    str_add(out, ", ");
    db_quote_literal(out, checksum);
    str_add(out, ");");
}

static void update(const struct ledger *l, const char *name, const char *checksum, const char *set,
                   struct str *out)
{
    str_printf(out, "set local timezone = 'UTC'; update %s set %schecksum = ", l->relation, set);
    db_quote_literal(out, checksum);
    str_add(out, " where filename operator(pg_catalog.=) ");
    db_quote_literal(out, name);
    str_add_char(out, ';');
}

static void sql_started(const struct ledger *l, const struct migration *m, struct ledger_mark *mark,
                        struct str *out)
{
    mark->id[0] = '\0';
    mark->started_wall_ms = clock_wall_ms();
    insert(l, m, started_word, out);
}

static void sql_finished(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                         struct str *out)
{
    (void)mark;
    update(l, m->name, m->disk_checksum, "applied_at = pg_catalog.now(), ", out);
}

static void sql_failed(const struct ledger *l, const struct migration *m, const struct ledger_mark *mark,
                       const char *log, struct str *out)
{
    (void)mark;
    struct str word = {0};
    str_add(&word, failed_word);
    str_add(&word, log);
    update(l, m->name, str_text(&word), "", out);
    str_free(&word);
}

static void sql_applied(const struct ledger *l, const struct migration *m, struct str *out)
{
    insert(l, m, m->disk_checksum, out);
}

static bool resolve_applied(const struct ledger *l, const struct migration *m, const char *name,
                            struct str *out, struct err *err)
{
    if (!m || !m->path) {
        err_set(err, ERR_MIGRATION, "the migration %s could not be found", name);
        return err_hint(err, "only a file in %s can be marked as applied", l->dir);
    }
    if (m->state == MIGRATION_APPLIED) {
        err_set(err, ERR_MIGRATION, "the migration %s is already recorded as applied", name);
        return err_hint(err, "there is nothing to resolve");
    }
    if (m->state == MIGRATION_PENDING || m->state == MIGRATION_OUT_OF_ORDER)
        insert(l, m, m->disk_checksum, out);
    else                             /* failed, or changed on purpose: the file as it is now counts */
        update(l, name, m->disk_checksum, "", out);
    return true;
}

static bool resolve_rolled_back(const struct ledger *l, const struct migration *m, const char *name,
                                struct str *out, struct err *err)
{
    if (!m || m->state == MIGRATION_PENDING || m->state == MIGRATION_OUT_OF_ORDER) {
        err_set(err, ERR_MIGRATION, "the migration %s cannot be rolled back: it was never applied", name);
        return err_hint(err, "seedops migrate status lists the names");
    }
    if (m->state != MIGRATION_FAILED && m->state != MIGRATION_RUNNING) {
        err_set(err, ERR_MIGRATION, "the migration %s cannot be rolled back: it is not in a failed state",
                name);
        return err_hint(err, "to undo an applied migration, write a new one that does");
    }
    str_printf(out, "delete from %s where filename operator(pg_catalog.=) ", l->relation);
    db_quote_literal(out, name);
    str_add(out, " and checksum operator(pg_catalog.~~) 'seedops:%';");
    return true;
}

const struct ledger_tool ledger_numbered = {.name = "numbered",
                                            .table = "schema_migrations",
                                            .columns = "filename,checksum",
                                            .scan = scan,
                                            .compare = compare,
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
