/* fixture_driver SOCKETS USER DATABASE SEEDS - what a seed does before its plan: load, look at the catalogue, bind,
 * validate. Prints a line a problem ("place: message | why | hint"), then the tables in writing order. Exit 0:
 * nothing wrong, 1: problems, 2: could not look. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "bind/validate.h"
#include "db/conn.h"

static void print(const struct err *e)
{
    struct str line = {0}, shown = {0};
    str_printf(&line, "%s: %s | %s | %s", e->at, e->message, e->why, e->hint);
    text_visible(&shown, str_text(&line), line.length);
    puts(str_text(&shown));
    str_free(&line);
    str_free(&shown);
}

static int look(struct db *db, const struct fixture_set *fixtures, const struct fixture_options *options,
                struct err_list *problems, struct err *err)
{
    struct db_catalog catalog;
    struct bound_set set;
    struct arena arena = {0};
    const char **names;
    size_t count = fixture_tables(fixtures, &arena, &names);
    bool ok = db_catalog_load(db, &catalog, names, count, false, err);
    arena_free(&arena);
    if (!ok)
        return 2;
    bool bound = bind_fixtures(&set, fixtures, &catalog, problems);
    bool valid = validate_rows(&set, &catalog, options, db, problems, err);
    for (size_t i = 0; i < problems->count; i++)
        print(&problems->items[i]);
    for (size_t i = 0; i < set.count; i++)
        printf("%s%s%s", i ? " " : "order: ", set.items[i].table->name, i + 1 == set.count ? "\n" : "");
    if (set.deferred)
        puts("deferred");
    bound_set_free(&set);
    db_catalog_free(&catalog);
    return err->class != ERR_NONE ? 2 : bound && valid ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char *const keywords[] = {"host", "user", "dbname"};
    if (argc < 5)
        return 2;
    struct db_options where = {.keywords = keywords, .values = (const char *const *)argv + 1, .count = 3,
                               .cancel_fd = -1};
    struct fixture_options options = {.environment = "local", .base_dir = argv[4],
                                      .production = getenv("PRODUCTION") != NULL};
    struct fixture_set fixtures;
    struct err_list problems = {0};
    struct err err = {0};
    struct db *db;
    int result = 2;
    if (!fixture_set_load(&fixtures, argv[4], &options, &problems)) {
        for (size_t i = 0; i < problems.count; i++)
            print(&problems.items[i]);
        result = 1;
    } else if (db_open(&db, &where, &err)) {
        result = look(db, &fixtures, &options, &problems, &err);
        db_close(db);
    }
    if (result == 2)
        print(&err);
    err_list_free(&problems);
    fixture_set_free(&fixtures);
    return result;
}
