/* Saves rows and takes them, in one transaction, as prune does: what restore's tests start from.
 *
 *   safepoint_driver HOST DATABASE DIR SQL SECTION...    prints the safepoint's path
 *     deleted:SCHEMA.TABLE:FROM                     FROM: "" is the whole table
 *     changed:SCHEMA.TABLE:COLUMN=VALUE:FROM        VALUE "\N": SQL NULL; "": not known
 *
 * With STOP=finish in the environment it kills itself just before the file is finished. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/identity.h"
#include "plan/safepoint.h"

static int fail(const struct err *err)
{
    fprintf(stderr, "safepoint_driver: %s: %s %s\n", err->message, err->why, err->hint);
    return 1;
}

static char *cut(char **text)
{
    char *part = *text, *colon = strchr(part, ':');
    *text = colon ? colon + 1 : part + strlen(part);
    if (colon)
        *colon = '\0';
    return part;
}

static bool save(struct safepoint *s, struct db *db, const struct db_catalog *catalog, char *text, struct err *err)
{
    char *kind = cut(&text), *name = cut(&text), *value = NULL;
    struct safepoint_change change = {0};
    struct safepoint_section section = {.table = db_catalog_find(catalog, name, NULL)};
    if (!section.table)
        return err_set(err, ERR_USAGE, "no table %s", name);
    if (strcmp(kind, "changed") == 0) {
        char *column = cut(&text);
        value = strchr(column, '=');
        *value++ = '\0';
        change.column = (size_t)(db_table_column(section.table, column) - section.table->columns);
        change.known = *value;
        change.after = strcmp(value, "\\N") == 0 ? NULL : value;
        section.kind = SAFEPOINT_CHANGED;
        section.changes = &change;
        section.change_count = 1;
    }
    section.from = *text ? text : NULL;
    return safepoint_copy(s, db, &section, NULL, NULL, err);
}

int main(int argc, char **argv)
{
    struct db *db;
    struct db_catalog catalog;
    struct db_identity identity;
    struct safepoint *s = NULL;
    struct err err = {0};
    if (argc < 5)
        return 64;
    const char *keywords[] = {"host", "user", "dbname"}, *values[] = {argv[1], "postgres", argv[2]};
    struct db_options options = {.keywords = keywords, .values = values, .count = 3, .cancel_fd = -1};
    if (!db_open(&db, &options, &err) || !db_catalog_load(db, &catalog, NULL, 0, true, &err) ||
        !db_identity_read(db, false, &identity, &err))
        return fail(&err);
    struct safepoint_options where = {.dir = argv[3], .facts = {.action = "prune", .environment = "test",
        .system_identifier = identity.system_identifier, .database = identity.database,
        .database_oid = identity.database_oid}};
    bool ok = db_run(db, "BEGIN ISOLATION LEVEL REPEATABLE READ", 0, NULL, NULL, &err) &&
              safepoint_create(&s, &where, &err);
    for (int i = 5; ok && i < argc; i++)
        ok = save(s, db, &catalog, argv[i], &err);
    ok = ok && db_run(db, argv[4], 0, NULL, NULL, &err);
    if (ok && getenv("STOP"))
        raise(SIGKILL);
    ok = ok && safepoint_finish(s, &err) && db_run(db, "COMMIT", 0, NULL, NULL, &err);
    if (ok)
        printf("%s\n", safepoint_path(s));
    else
        fail(&err);
    if (ok)
        safepoint_free(s);
    else
        safepoint_discard(s);
    db_catalog_free(&catalog);
    db_close(db);
    return ok ? 0 : 1;
}
