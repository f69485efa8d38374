/* early - a peek, a look, and a guess at the first statement. */
#include "op/early.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "op/declared.h"
#include "op/held.h"

enum { LARGE_FILE = 1024 * 1024 };

/* ---- is it worth it? ---- */

static bool is_large(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= LARGE_FILE;
}

/* A large file in the directory, or in one right below it: most sets have none, and are read in no time. */
static bool has_large_file(const char *dir, bool below)
{
    DIR *entries = opendir(dir);
    bool found = false;
    for (struct dirent *e; entries && !found && (e = readdir(entries));) {
        char *path = e->d_name[0] == '.' ? NULL : file_join(dir, e->d_name);
        found = path && (is_large(path) || (below && has_large_file(path, false)));
        free(path);
    }
    if (entries)
        closedir(entries);
    return found;
}

/* ---- the first comparison ---- */

/* Whatever its fixture will say, and whatever a parent's: their rows are not counted yet. */
static bool may_be_held(const struct db_table *table)
{
    return held_unknown(table) || held_table(table, -1, INT64_MAX);
}

static bool any_may_be_held(const struct db_catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->tables[i].details && may_be_held(&catalog->tables[i]))
            return true;
    return false;
}

static const struct bound *first_of(const struct bound_set *set, const char *table)
{
    for (size_t i = 0; i < set->count; i++)
        if (!table || strcmp(set->items[i].fixture->table, table) == 0 || strcmp(set->items[i].table->name, table) == 0)
            return &set->items[i];
    return NULL;
}

static void ask_first(struct session *s, const struct fixture_set *peeked, const char *table)
{
    struct bound_set set;
    struct err_list problems = {0};
    bool bound = bind_fixtures(&set, peeked, &s->catalog, &problems);
    const struct bound *first = bound ? first_of(&set, table) : NULL;
    if (first && first->table->kind == 'r' && first->fixture->stamp.size >= LARGE_FILE) {
        struct diff_options options = declared_diff_options(s, first);
        char *sql = diff_first_statement(first, &options);
        if (sql)
            db_send_ahead(s->db, sql);
        free(sql);
    }
    bound_set_free(&set);
    err_list_free(&problems);
}

void early_begin(struct session *s, const char *table)
{
    const char *dir = s->ctx->settings->seeds_dir;
    struct fixture_set peeked;
    struct err ignored = {0};
    if (!s->ahead || s->looked || s->fixtures_loaded || !has_large_file(dir, true))
        return;
    if (fixture_set_peek(&peeked, dir, &s->fixture_options) && session_look_early(s, &peeked, &ignored) &&
        !any_may_be_held(&s->catalog))
        ask_first(s, &peeked, table);
    fixture_set_free(&peeked);
}
