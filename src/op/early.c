/* early - a peek, a look, and a guess at the first statement. */
#include "op/early.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "diff/digest.h"
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

/* The way that the comparison will go, as far as that can be told by now: DIFF_AS_IT_PAYS if it cannot. Far from the
 * server the table's sum is asked for first, as long as the fixture's is not known. */
static enum diff_way likely(struct session *s, const struct fixture *first, enum diff_way way)
{
    if (way == DIFF_BY_ROWS)
        return way;
    bool near = digest_is_near(s->db);
    if (!ahead_reads(s->ahead))
        return DIFF_AS_IT_PAYS;
    if (near)
        return way == DIFF_AS_IT_PAYS ? DIFF_BY_ROWS : DIFF_AS_IT_PAYS;
    return first->csv ? DIFF_BY_DIGESTS : DIFF_AS_IT_PAYS;
}

static void ask_first(const struct early *e, struct session *s, const char *table, enum diff_way way)
{
    const struct bound *first = first_of(&e->set, table);
    if (!first || first->table->kind != 'r' || first->fixture->stamp.size < LARGE_FILE)
        return;
    struct diff_options options = declared_diff_options(s, first);
    options.way = likely(s, first->fixture, way);
    char *sql = diff_first_statement(first, &options);
    if (sql)
        db_send_ahead(s->db, sql);
    free(sql);
}

/* ---- values ---- */

static bool many_sure_to_be_missing(const struct bound_set *set)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].table->kind == 'r' && set->items[i].table->heap_bytes == 0)
            bytes += set->items[i].fixture->stamp.size;
    return bytes >= LARGE_FILE;
}

static bool same_columns(const struct fixture *a, const struct fixture *b)
{
    size_t i = 0;
    while (i < a->column_count && i < b->column_count && strcmp(a->columns[i], b->columns[i]) == 0)
        i++;
    return i == a->column_count && i == b->column_count;
}

/* The file that was checked is the one that was loaded. */
static bool same_fixture(const struct fixture *a, const struct fixture *b)
{
    return strcmp(a->path, b->path) == 0 && fixture_stamp_same(&a->stamp, &b->stamp) && same_columns(a, b);
}

bool early_checked(struct early *e, const struct fixture_set *fixtures)
{
    bool fine = precheck_take(e->precheck) && e->fixtures.count == fixtures->count;
    e->precheck = NULL;
    for (size_t i = 0; fine && i < fixtures->count; i++)
        fine = same_fixture(&e->fixtures.items[i], &fixtures->items[i]);
    return fine;
}

/* ---- all of it ---- */

static void look_and_ask(struct early *e, struct session *s, const char *table, enum diff_way way, bool check,
                         struct err *err)
{
    struct err_list problems = {0};
    e->peeked = true;
    if (!fixture_set_peek(&e->fixtures, s->ctx->settings->seeds_dir, &s->fixture_options) ||
        !session_look_early(s, &e->fixtures, err) || any_may_be_held(&s->catalog))
        return;
    e->bound = true;
    if (bind_fixtures(&e->set, &e->fixtures, &s->catalog, &problems)) {
        if (check && many_sure_to_be_missing(&e->set))
            e->precheck = precheck_begin(s->db, &e->set, &s->fixture_options);
        ask_first(e, s, table, way);
    }
    err_list_free(&problems);
}

bool early_begin(struct early *e, struct session *s, const char *table, enum diff_way way, bool check, struct err *err)
{
    *e = (struct early){0};
    if (s->ahead && !s->looked && !s->fixtures_loaded && has_large_file(s->ctx->settings->seeds_dir, true))
        look_and_ask(e, s, table, way, check, err);
    if (db_alive(s->db)) {
        err_clear(err);
        return true;
    }
    early_end(e);
    return false;
}

void early_settle(struct early *e, struct session *s)
{
    if (!e->precheck || session_saw_all(s))
        return;
    precheck_stop(e->precheck);
    e->precheck = NULL;
}

void early_end(struct early *e)
{
    precheck_stop(e->precheck);
    if (e->bound)
        bound_set_free(&e->set);
    if (e->peeked)
        fixture_set_free(&e->fixtures);
    *e = (struct early){0};
}
