/* starter - a first seedops.yaml. Everything doubtful in it is the harmless choice: a table without a fixture
 * is operational, which no seed writes. */
#include "cmd/starter.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

/* A scalar as YAML reads it back: plain where that is safe, else double-quoted, which JSON's strings are. */
static void add_scalar(struct str *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/.-";
    static const char *const words[] = {"null", "Null", "NULL", "true", "false", "yes", "no", "on", "off"};
    bool safe = *text && strspn(text, plain) == strlen(text) && *text != '-' && *text != '.';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        safe = safe && strcmp(text, words[i]) != 0;
    if (safe) {
        str_add(out, text);
        return;
    }
    struct json_out json;
    json_begin(&json, out);
    json_text(&json, text);
}

static void add_tables(struct str *out, const struct starter *s)
{
    str_add(out, "tables:\n"
                 "  # context: the fixtures own its rows; operational: the application does, no seed writes them.\n");
    if (!s->tables_known)
        str_add(out, "  # No database was looked at; with DATABASE_URL set, init lists its tables.\n");
    if (s->table_count == 0)
        str_add(out, "  #Station: {class: context, min_rows: 7}\n"
                     "  #Measurement: {class: operational}\n");
    for (size_t i = 0; i < s->table_count; i++) {
        str_add(out, "  ");
        add_scalar(out, s->tables[i].name);
        str_add(out, s->tables[i].context ? ": {class: context" : ": {class: operational");
        if (s->tables[i].min_rows >= 0)
            str_printf(out, ", min_rows: %lld", (long long)s->tables[i].min_rows);
        str_add(out, "}\n");
    }
}

static void add_environments(struct str *out, const struct starter *s)
{
    bool production = strcmp(s->role, "production") == 0;
    str_printf(out, "environments:\n  %s:\n    url: ${%s}\n", s->environment, s->url_variable);
    if (s->direct_variable)
        str_printf(out, "    direct_url: ${%s}    # not pooled: migrations, locks\n", s->direct_variable);
    str_printf(out, "    role: %s\n", s->role);
    if (!production)
        str_add(out, "  #production:\n"
                     "  #  url: ${PROD_DATABASE_URL}\n"
                     "  #  direct_url: ${PROD_DIRECT_URL}    # if url goes through a pooler\n"
                     "  #  role: production\n");
}

void starter_write(struct str *out, const struct starter *s)
{
    str_add(out, "# Written by `seedops init`; seedops.yaml(5) explains every key.\nversion: 1\nproject: ");
    add_scalar(out, s->project);
    str_add_char(out, '\n');
    if (s->migrations) {
        str_add(out, "migrations:\n  dir: ");
        add_scalar(out, s->migrations);
        str_printf(out, "\n  ledger: %s\n", s->ledger ? s->ledger : "auto");
    } else {
        str_add(out, "#migrations: {dir: migrations, ledger: auto}    # no migrations were found\n");
    }
    if (s->seeds) {
        str_add(out, "seeds: ");
        add_scalar(out, s->seeds);
        str_add_char(out, '\n');
    } else {
        str_add(out, "#seeds: seeds                 # the folder of fixtures, once there is one\n");
    }
    add_tables(out, s);
    add_environments(out, s);
}

/* The NAME of `key = env("NAME")`, on a line that begins with `key`. */
static char *env_of(const char *schema, const char *key)
{
    for (const char *line = schema; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *p = line + strspn(line, " \t");
        size_t length = strlen(key);
        if (strncmp(p, key, length) != 0)
            continue;
        p += length;
        p += strspn(p, " \t");
        if (*p != '=')
            continue;
        p += 1 + strspn(p + 1, " \t");
        if (strncmp(p, "env(\"", 5) != 0)
            continue;
        length = strspn(p + 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        if (length && p[5 + length] == '"')
            return xstrndup(p + 5, length);
    }
    return NULL;
}

void starter_prisma_variables(const char *schema, char **url, char **direct)
{
    *url = env_of(schema, "url");
    *direct = env_of(schema, "directUrl");
}

bool starter_ignores(const char *table)
{
    static const char *const names[] = {
        "_prisma_migrations", "schema_migrations", "ar_internal_metadata", "flyway_schema_history",
        "databasechangelog", "databasechangeloglock", "alembic_version", "django_migrations",
        "knex_migrations", "knex_migrations_lock", "goose_db_version", "_sqlx_migrations",
        "__drizzle_migrations", "pgmigrations", "migrations", "__diesel_schema_migrations",
        "__EFMigrationsHistory", "SequelizeMeta", "spatial_ref_sys"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], table) == 0)
            return true;
    }
    return false;
}
