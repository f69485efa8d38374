/* foreign - migration tools that are recognised and named, by their ledger's columns or their files, but not
 * driven. Table names are configurable in almost all of them, so columns decide; where columns alone say
 * too little (`exact`, `pattern`), the relation's name must fit as well. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "ledger/tool.h"

/* The first column is the rarest, unless the relation's name is asked for: tables without either are not looked at. */
static const struct {
    const char *tool, *columns;
    bool exact;                      /* these columns and no other */
    const char *name;                /* contained in the relation's name; "^x": all of it; NULL: any */
} relations[] = {
    {"prisma", "migration_name,checksum,finished_at,rolled_back_at", false, NULL},
    {"golang-migrate (or Encore)", "dirty,version", false, NULL},
    {"Rails or dbmate", "version", true, "schema_migrations"},
    {"Ecto", "version,inserted_at", true, "migrations"},
    {"Flyway", "installed_rank,success", false, NULL},
    {"Liquibase", "md5sum,author,filename,exectype", false, NULL},
    {"goose", "version_id,is_applied", false, NULL},
    {"Sqitch", "script_hash,change_id,project", false, NULL},
    {"node-pg-migrate", "id,name,run_on", true, "^pgmigrations"},
    {"db-migrate", "id,name,run_on", true, "^migrations"},
    {"Knex", "migration_time,name,batch", false, NULL},
    {"Laravel", "migration,id,batch", true, NULL},
    {"Drizzle", "id,hash,created_at", false, "drizzle"},
    {"Django", "app,name,applied", false, NULL},
    {"Alembic", "version_num", true, NULL},
    {"Atlas", "applied,version,total,hash", false, NULL},
    {"graphile-migrate", "previous_hash,hash,filename,date", false, NULL},
    {"pgroll", "migration,schema,name,done,parent", false, NULL},
    {"postgrator", "run_at,version,name,md5", false, NULL},
    {"sqlx", "execution_time,version,success,checksum", false, NULL},
    {"Diesel", "run_on,version", true, NULL},
    {"Sequelize", "name", true, "^SequelizeMeta"},
    {"TypeORM", "id,timestamp,name", true, "migration"},
    {"numbered", "filename,checksum", false, "migration"},
};
enum { RELATIONS = sizeof relations / sizeof *relations };

/* Signs on disk: a file's name, and text in its first bytes where the name says too little. */
static const struct { const char *tool, *glob, *marker; } signs[] = {
    {"Rails", "*.rb", NULL},
    {"Flyway", "[VRUB]*__*.sql", NULL},
    {"Atlas", "atlas.sum", NULL},
    {"Sqitch", "sqitch.plan", NULL},
    {"dbmate", "*.sql", "-- migrate:up"},
    {"goose", "*.sql", "-- +goose Up"},
    {"Liquibase", "*.sql", "--liquibase formatted sql"},
    {"Liquibase", "*changelog*.*", NULL},
    {"node-pg-migrate", "*.sql", "-- Up Migration"},
    {"graphile-migrate", "committed", NULL},
    {"Drizzle", "meta", NULL},
    {"postgrator", "*.do.*.sql", NULL},
    {"Alembic", "env.py", NULL},
    {"Django", "[0-9]*.py", NULL},
    {"a JavaScript tool (Knex, TypeORM, Sequelize ...)", "*.[cm]js", NULL},
    {"a JavaScript tool (Knex, TypeORM, Sequelize ...)", "*.js", NULL},
    {"a JavaScript tool (Knex, TypeORM, Sequelize ...)", "*.ts", NULL},
};

static const char *const names[] = {
    "golang-migrate", "encore", "rails", "dbmate", "flyway", "liquibase", "goose", "sqitch",
    "node-pg-migrate", "db-migrate", "knex", "laravel", "drizzle", "django", "alembic", "atlas",
    "graphile-migrate", "pgroll", "postgrator", "sqlx", "diesel", "sequelize", "typeorm", "ecto", NULL};

/* Lists are "a,b"; an array's braces are no part of its names. */
static size_t name_length(const char *at) { return strcspn(at, ",}"); }

static const char *next_name(const char *at)
{
    at += name_length(at);
    return *at == ',' ? at + 1 : "";
}

static size_t count_names(const char *list)
{
    size_t count = 0;
    for (; *list; list = next_name(list))
        count++;
    return count;
}

/* Candidates only, and little to plan: on a connection that is new, planning is most of the cost. No oid of a person's
 * own table is below 16384. Where our own ledger can be read the two scans do not begin: nobody asks for another's then. */
const char *foreign_sql(const struct ledger *l, struct arena *arena)
{
    struct str sql = {0};
    str_add(&sql,
            "select (select n.nspname from pg_catalog.pg_namespace n where n.oid = c.relnamespace), c.relname,"
            " array(select a.attname from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
            " and not a.attisdropped) from pg_catalog.pg_class c where (select count(*) from pg_catalog.pg_attribute o"
            " where o.attrelid = to_regclass(");
    db_quote_literal(&sql, l->relation);
    str_printf(&sql, ") and o.attname = any ('{%s}') and not o.attisdropped) < %zu", l->tool->columns,
               count_names(l->tool->columns));
    str_add(&sql, " and c.oid >= 16384 and c.relkind in ('r', 'p') and c.relpersistence <> 't' and (c.relname ~ '");
    for (size_t i = 0, n = 0; i < RELATIONS; i++)
        if (relations[i].name)
            str_printf(&sql, "%s%s", n++ ? "|" : "", relations[i].name);
    str_add(&sql, "' or c.oid = any (array(select t.attrelid from pg_catalog.pg_attribute t"
                  " where t.attrelid >= 16384 and t.attname = any ('{");
    for (size_t i = 0, n = 0; i < RELATIONS; i++)
        if (!relations[i].name)
            str_printf(&sql, "%s%.*s", n++ ? "," : "", (int)strcspn(relations[i].columns, ","), relations[i].columns);
    str_add(&sql, "}')))) order by c.relnamespace is distinct from to_regnamespace('public'), 1, 2");
    const char *text = arena_strdup(arena, str_text(&sql));
    str_free(&sql);
    return text;
}

static bool has_name(const char *list, const char *name, size_t length)
{
    for (; *list; list = next_name(list))
        if (name_length(list) == length && strncmp(list, name, length) == 0)
            return true;
    return false;
}

static bool has_all(const char *list, const char *wanted)
{
    for (; *wanted; wanted = next_name(wanted))
        if (!has_name(list, wanted, name_length(wanted)))
            return false;
    return true;
}

static bool is_named(const char *relation, const char *name)
{
    if (!name)
        return true;
    return *name == '^' ? strcmp(relation, name + 1) == 0 : strstr(relation, name) != NULL;
}

const char *foreign_relation(const char *relation, const char *columns, size_t *place)
{
    columns += *columns == '{';
    for (size_t i = 0; i < RELATIONS; i++) {
        if (!is_named(relation, relations[i].name) || !has_all(columns, relations[i].columns) ||
            (relations[i].exact && count_names(columns) != count_names(relations[i].columns)))
            continue;
        *place = i;
        return relations[i].tool;
    }
    return NULL;
}

const char *foreign_named(const char *name)
{
    for (size_t i = 0; names[i]; i++)
        if (strcasecmp(names[i], name) == 0)
            return names[i];
    return NULL;
}

static bool has_marker(const char *dir, const char *name, const char *marker)
{
    enum { LIMIT = 1 << 20 };
    char *path = file_join(dir, name), *bytes = NULL;
    size_t length;
    struct err ignored = {0};
    bool found = file_read(path, LIMIT, &bytes, &length, &ignored) && strstr(bytes, marker);
    free(bytes);
    free(path);
    return found;
}

const char *foreign_directory(const char *dir)
{
    const char *tool = NULL;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !tool && (e = readdir(d));)
        for (size_t i = 0; !tool && i < sizeof signs / sizeof *signs; i++)
            if (e->d_name[0] != '.' && fnmatch(signs[i].glob, e->d_name, 0) == 0 &&
                (!signs[i].marker || has_marker(dir, e->d_name, signs[i].marker)))
                tool = signs[i].tool;
    if (d)
        closedir(d);
    return tool;
}
