/* fleet_databases - which databases an environment stands for: one question to its server, or none where the
 * configuration lists them. Their names are foreign text: they are never part of a statement. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "db/pipeline.h"
#include "op/fleet.h"

enum { DATABASES_MOST = 10000, TIMEOUT_MS = 10000 };

static const char like_sql[] =
    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname LIKE $1"
    " ORDER BY datname COLLATE \"C\"";

/* Three quarters of what is free: the application that the server is there for wants to connect, too. */
static const char spare_sql[] =
    "SELECT greatest(1, (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    " - (SELECT sum(numbackends) FROM pg_stat_database)::int) * 3 / 4)";

static bool ask(struct ctx *ctx, const struct environment *many, struct db_probe *probes, struct err *err)
{
    const char *parameters[] = {many->databases_like};
    struct db *db;
    if (many->url_error.class != ERR_NONE) {
        *err = many->url_error;
        return false;
    }
    probes[0] = (struct db_probe){.name = "databases", .sql = many->databases_like ? like_sql : many->databases_query,
        .count = many->databases_like != NULL, .params = parameters, .statement_timeout_ms = TIMEOUT_MS};
    probes[1] = (struct db_probe){.name = "connections", .sql = spare_sql};
    if (!session_connect(ctx, &many->url, &db, err))
        return false;
    bool ok = db_pipeline(db, probes, 2, err);
    if (ok && !probes[0].ok) {
        *err = probes[0].err;
        ok = false;
    }
    db_close(db);
    return ok;
}

struct names { const char **items; size_t count; };

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct names *names, const char *name)
{
    if (name && *name && names->count < DATABASES_MOST && !has_name(names, name))
        names->items[names->count++] = name;
}

static void take_names(struct arena *arena, const struct db_result *result, struct names *names)
{
    size_t rows = db_columns(result) ? db_rows(result) : 0;
    names->items = arena_alloc(arena, (rows + 1) * sizeof *names->items);
    for (size_t i = 0; i < rows; i++) {
        const char *name = db_value(result, i, 0);
        add_name(names, name ? arena_strdup(arena, name) : NULL);
    }
}

static bool none_fits(const struct environment *many, const char *pattern, struct err *err)
{
    if (pattern)
        err_set(err, ERR_GENERAL, "no database of %s fits \"%s\"", many->name, pattern);
    else
        err_set(err, ERR_GENERAL, "%s stands for no database", many->name);
    if (many->databases_like)
        err_why(err, "its server has none that is like %s", many->databases_like);
    return err_hint(err, "see `databases` at %s", many->at);
}

bool fleet_databases(struct ctx *ctx, const struct environment *many, const char *pattern,
                     struct environment ***list, size_t *count, int *limit, struct err *err)
{
    struct settings *settings = ctx->settings;
    struct names names = {0};
    *count = 0;
    *limit = 0;
    if (many->database_count) {
        names.items = arena_alloc(&settings->arena, many->database_count * sizeof *names.items);
        for (size_t i = 0; i < many->database_count; i++)
            add_name(&names, many->databases[i]);
    } else {
        struct db_probe probes[2] = {0};
        if (!ask(ctx, many, probes, err)) {
            db_probes_free(probes, 2);
            return err_context(err, "which databases %s stands for", many->name);
        }
        take_names(&settings->arena, probes[0].result, &names);
        *limit = probes[1].ok ? (int)db_int(probes[1].result, 0, 0, 0) : 0;
        db_probes_free(probes, 2);
    }
    *list = arena_alloc(&settings->arena, (names.count + 1) * sizeof **list);
    for (size_t i = 0; i < names.count; i++)
        if (!pattern || strcmp(pattern, names.items[i]) == 0 || fnmatch(pattern, names.items[i], 0) == 0)
            (*list)[(*count)++] = environment_database(&settings->arena, many, names.items[i]);
    return *count || none_fits(many, pattern, err);
}
