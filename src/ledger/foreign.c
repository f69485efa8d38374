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
#include "db/conn.h"
#include "ledger/tool.h"

static const struct {
    const char *tool, *columns;
    bool exact;                      /* these columns and no other */
    const char *pattern;             /* of the relation's name, or NULL */
} relations[] = {
    {"prisma", "migration_name,checksum,finished_at,rolled_back_at", false, NULL},
    {"golang-migrate (or Encore)", "version,dirty", false, NULL},
    {"Rails or dbmate", "version", true, "schema_migrations"},
    {"Ecto", "version,inserted_at", true, "migrations"},
    {"Flyway", "installed_rank,success", false, NULL},
    {"Liquibase", "author,filename,md5sum,exectype", false, NULL},
    {"goose", "version_id,is_applied", false, NULL},
    {"Sqitch", "change_id,script_hash,project", false, NULL},
    {"node-pg-migrate", "id,name,run_on", true, "^pgmigrations$"},
    {"db-migrate", "id,name,run_on", true, "^migrations$"},
    {"Knex", "name,batch,migration_time", false, NULL},
    {"Laravel", "id,migration,batch", true, NULL},
    {"Drizzle", "id,hash,created_at", false, "drizzle"},
    {"Django", "app,name,applied", false, NULL},
    {"Alembic", "version_num", true, NULL},
    {"Atlas", "version,applied,total,hash", false, NULL},
    {"graphile-migrate", "hash,previous_hash,filename,date", false, NULL},
    {"pgroll", "schema,name,migration,done,parent", false, NULL},
    {"postgrator", "version,name,md5,run_at", false, NULL},
    {"sqlx", "version,success,checksum,execution_time", false, NULL},
    {"Diesel", "version,run_on", true, NULL},
    {"Sequelize", "name", true, "^SequelizeMeta$"},
    {"TypeORM", "id,timestamp,name", true, "migration"},
    {"numbered", "filename,checksum", false, "migration"},
};

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

void foreign_values(struct str *out)
{
    for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
        str_printf(out, "%s(%zu,", i ? "," : "", i);
        db_quote_literal(out, relations[i].tool);
        str_printf(out, ",'{%s}'::text[],%s,", relations[i].columns, relations[i].exact ? "true" : "false");
        db_quote_literal(out, relations[i].pattern);
        str_add(out, "::text)");
    }
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
