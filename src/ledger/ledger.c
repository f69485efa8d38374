/* ledger - choosing the tool and reading its files. Rows are read.c's, the lock and every write are
 * write.c's; what differs from tool to tool is in prisma.c and numbered.c, behind struct ledger_tool. */
#include "ledger/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "ledger/checksum.h"
#include "ledger/tool.h"

enum { FILE_LIMIT = 64 << 20 };

static const struct ledger_tool *const tools[] = {&ledger_prisma, &ledger_numbered};

static const char *const state_names[MIGRATION_STATE_COUNT] = {
    [MIGRATION_APPLIED] = "applied",         [MIGRATION_PENDING] = "pending",
    [MIGRATION_FAILED] = "failed",           [MIGRATION_RUNNING] = "running",
    [MIGRATION_MODIFIED] = "modified",       [MIGRATION_MISSING] = "missing-on-disk",
    [MIGRATION_ROLLED_BACK] = "rolled-back", [MIGRATION_OUT_OF_ORDER] = "out-of-order",
    [MIGRATION_SKIPPED] = "skipped"};

const char *migration_state_name(enum migration_state state) { return state_names[state]; }

/* ---- files ---- */

bool ledger_add_file(struct ledger *l, const char *name, const char *path, struct migration_file **file,
                     struct err *err)
{
    char *bytes;
    size_t length;
    if (!file_read(path, FILE_LIMIT, &bytes, &length, err))
        return false;
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 32;
        l->files = arena_grow(&l->arena, l->files, l->count, l->capacity, sizeof *l->files);
    }
    *file = &l->files[l->count++];
    **file = (struct migration_file){.name = arena_strdup(&l->arena, name),
                                     .path = arena_strdup(&l->arena, path),
                                     .bytes = bytes,
                                     .length = length};
    return true;
}

static int visible_entry(const struct dirent *e) { return e->d_name[0] != '.'; }
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool ledger_each_entry(struct ledger *l, bool (*each)(struct ledger *, const char *name, struct err *),
                       struct err *err)
{
    struct dirent **entries;
    int count = scandir(l->dir, &entries, visible_entry, by_bytes);
    if (count < 0) {
        err_errno(err, ERR_CONFIG, errno, "cannot read the migrations directory %s", l->dir);
        return err_hint(err, "name it with --migrations DIR, or migrations.dir in seedops.yaml");
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && each(l, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* ---- choosing the tool ---- */

static bool looks_like_prisma(const char *dir)
{
    char *lock = file_join(dir, "migration_lock.toml");
    struct stat st;
    bool found = stat(lock, &st) == 0;
    free(lock);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        char *folder = file_join(dir, e->d_name), *script = file_join(folder, "migration.sql");
        found = stat(script, &st) == 0 && S_ISREG(st.st_mode);
        free(script);
        free(folder);
    }
    if (d)
        closedir(d);
    return found;
}

static bool looks_numbered(const char *dir)
{
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        size_t length = strlen(e->d_name), digits = strspn(e->d_name, "0123456789");
        found = digits > 0 && length > 7 && strcmp(e->d_name + length - 7, ".up.sql") == 0;
    }
    if (d)
        closedir(d);
    return found;
}

static bool refuse_directory(const char *dir, const char *tool, struct err *err)
{
    err_set(err, ERR_MIGRATION, "%s holds migrations of another tool: %s", dir, tool);
    err_why(err, "seedops applies Prisma's folders (NAME/migration.sql) and numbered files (N_name.up.sql)");
    err_hint(err, "apply these with %s; point --migrations elsewhere, or leave migrations.dir out", tool);
    return err_at(err, dir, 0, 0);
}

static bool choose_by_directory(struct ledger *l, struct err *err)
{
    struct stat st;
    if (!l->dir || stat(l->dir, &st) != 0) {
        err_errno(err, ERR_CONFIG, l->dir ? errno : ENOENT, "cannot read the migrations directory %s",
                  l->dir ? l->dir : "(none given)");
        return err_hint(err, "name it with --migrations DIR, or migrations.dir in seedops.yaml");
    }
    if (looks_like_prisma(l->dir)) {
        l->tool = &ledger_prisma;
        return true;
    }
    const char *foreign = looks_numbered(l->dir) ? NULL : foreign_directory(l->dir);
    if (foreign)
        return refuse_directory(l->dir, foreign, err);
    size_t length = strlen(l->dir);
    bool prisma_place = length >= 17 && strcmp(l->dir + length - 17, "prisma/migrations") == 0;
    l->tool = prisma_place ? &ledger_prisma : &ledger_numbered;
    return true;
}

static bool choose_tool(struct ledger *l, const char *name, struct err *err)
{
    if (!name || strcmp(name, "auto") == 0)
        return choose_by_directory(l, err);
    if (strcmp(name, "seedops") == 0)
        name = "numbered";
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(tools[i]->name, name) == 0) {
            l->tool = tools[i];
            return true;
        }
    char shown[64];
    text_visible_buf(shown, sizeof shown, name);
    err_set(err, ERR_CONFIG,
            foreign_named(name) ? "migrations.ledger: the ledger of %s can be named but not written"
                                : "migrations.ledger: unknown tool %s",
            shown);
    return err_hint(err, "use auto, prisma or numbered");
}

static bool choose_checksum(struct ledger *l, const char *name, struct err *err)
{
    l->checksum = -1;
    if (!name || strcmp(name, "auto") == 0)
        return true;
    l->checksum = checksum_variant(name);
    if (l->checksum >= 0)
        return true;
    struct str known = {0};
    for (size_t i = 0; checksum_variants[i]; i++)
        str_printf(&known, ", %s", checksum_variants[i]);
    char shown[64];
    err_set(err, ERR_CONFIG, "migrations.checksum: unknown variant %s",
            text_visible_buf(shown, sizeof shown, name));
    err_hint(err, "use auto%s", str_text(&known));
    str_free(&known);
    return false;
}

static void add_shown(struct str *out, const char *name)
{
    bool plain = name[0] && !strchr("0123456789", name[0]) &&
                 name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
    if (plain)
        str_add(out, name);
    else
        db_quote_identifier(out, name);
}

/* "name" or "schema.name". The URL's schema= is Prisma's. */
static void choose_relation(struct ledger *l, const struct ledger_options *options)
{
    const char *table = options->table ? options->table : l->tool->table;
    const char *dot = options->table ? strchr(table, '.') : NULL;
    bool given = l->tool == &ledger_prisma && options->schema && options->schema[0];
    l->schema = arena_strdup(&l->arena, given ? options->schema : "public");
    if (dot) {
        l->schema = arena_strndup(&l->arena, table, (size_t)(dot - table));
        table = dot + 1;
    }
    l->table = arena_strdup(&l->arena, table);
    struct str quoted = {0};
    db_quote_relation(&quoted, l->schema, l->table);
    l->relation = arena_strdup(&l->arena, str_text(&quoted));
    str_reset(&quoted);
    add_shown(&quoted, l->schema);
    str_add_char(&quoted, '.');
    add_shown(&quoted, l->table);
    l->shown = arena_strdup(&l->arena, str_text(&quoted));
    str_free(&quoted);
}

bool ledger_open(struct ledger **ledger, const struct ledger_options *options, struct err *err)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    *ledger = NULL;
    l->dir = arena_strdup(&l->arena, options->dir);
    if (!choose_tool(l, options->tool, err) || !choose_checksum(l, options->checksum, err) ||
        (l->dir && !l->tool->scan(l, err))) {
        ledger_close(l);
        return false;
    }
    choose_relation(l, options);
    ledger_make_statements(l);
    *ledger = l;
    return true;
}

void ledger_close(struct ledger *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->files[i].bytes);
    arena_free(&l->arena);
    free(l);
}

const char *ledger_tool(const struct ledger *l) { return l->tool->name; }
const char *ledger_quoted(const struct ledger *l) { return l->relation; }
const char *ledger_relation(const struct ledger *l) { return l->shown; }
const char *ledger_schema(const struct ledger *l) { return l->schema; }

bool ledger_is(const struct ledger *l, const char *schema, const char *table)
{
    return strcmp(l->schema, schema) == 0 && strcmp(l->table, table) == 0;
}

bool ledger_own_search_path(const struct ledger *l) { return l->tool == &ledger_prisma; }

const struct migration_file *ledger_file(const struct ledger *l, const char *name)
{
    size_t low = 0, high = l->count;
    while (low < high) {             /* the first that is not below it: files are in the tool's order */
        size_t middle = (low + high) / 2;
        if (l->tool->compare(l->files[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->count && strcmp(l->files[low].name, name) == 0 ? &l->files[low] : NULL;
}
