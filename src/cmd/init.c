/* init - `seedops init`: looks at the folder and, where a URL is given, at the database, and writes a starter
 * seedops.yaml. Never overwrites; a database that cannot be reached costs the tables, not the file. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/starter.h"

enum { SCHEMA_MAX = 4 * 1024 * 1024 };

struct init {
    struct face face;
    struct starter starter;
    struct starter_table *tables;
    struct arena arena;
    char cwd[PATH_MAX];
    struct str text;
};

static const char *or_null(const char *text) { return text && *text ? text : NULL; }

/* Relative to the working directory where it lies below it. */
static const char *as_written(const struct init *in, const char *path)
{
    size_t length = strlen(in->cwd);
    return path && strncmp(path, in->cwd, length) == 0 && path[length] == '/' ? path + length + 1 : path;
}

static bool below_here(const struct init *in, const char *path)
{
    return path && as_written(in, path) != path;
}

/* ---- what the folder tells ---- */

static void look_at_schema(struct init *in)
{
    char *bytes, *url = NULL, *direct = NULL;
    size_t length;
    in->starter.url_variable = "DATABASE_URL";
    in->starter.direct_variable = or_null(getenv("DIRECT_URL")) ? "DIRECT_URL" : NULL;
    if (!file_read("prisma/schema.prisma", SCHEMA_MAX, &bytes, &length, NULL))
        return;
    starter_prisma_variables(bytes, &url, &direct);
    if (url)
        in->starter.url_variable = arena_strdup(&in->arena, url);
    if (direct)
        in->starter.direct_variable = arena_strdup(&in->arena, direct);
    free(url);
    free(direct);
    free(bytes);
}

/* A project above this folder is somebody else's; only what was asked for may lie elsewhere. */
static void look_at_folders(struct init *in)
{
    const struct settings *s = &in->face.settings;
    const struct settings_options *o = &in->face.options->settings;
    const char *base = strrchr(in->cwd, '/');
    in->starter.project = base && base[1] ? base + 1 : "database";
    if (o->migrations || below_here(in, s->migrations_dir))
        in->starter.migrations = as_written(in, s->migrations_dir);
    if (o->seeds || below_here(in, s->seeds_dir))
        in->starter.seeds = as_written(in, s->seeds_dir);
    if (!in->starter.migrations)
        return;
    struct ledger *ledger;
    struct err err = {0};
    struct ledger_options options = {.dir = s->migrations_dir, .tool = "auto", .checksum = "auto"};
    if (ledger_open(&ledger, &options, &err)) {
        in->starter.ledger = arena_strdup(&in->arena, ledger_tool(ledger));
        ledger_close(ledger);
    } else {
        fprintf(stderr, "seedops: note: %s\n", err.message);
    }
}

/* ---- what the database tells ---- */

static bool wants_database(const struct init *in)
{
    return in->face.options->settings.url || or_null(getenv("DATABASE_URL"));
}

static void add_table(struct init *in, const char *name, const struct fixture *fixture)
{
    struct starter *s = &in->starter;
    in->tables = arena_grow(&in->arena, in->tables, s->table_count, s->table_count + 1, sizeof *in->tables);
    in->tables[s->table_count++] = (struct starter_table){
        .name = arena_strdup(&in->arena, name), .context = fixture != NULL,
        .min_rows = fixture ? (int64_t)fixture->row_count : -1};
    s->tables = in->tables;
}

/* The live tables, those with a fixture as context; without a database the fixtures' tables alone. What is
 * wrong with a fixture is not init's to report. */
static void list_tables(struct init *in, const struct db_catalog *catalog)
{
    struct fixture_set fixtures = {0};
    struct fixture_options options = {.base_dir = in->cwd};      /* no name: every fixture is for it */
    struct err_list problems = {0};
    fixture_set_load(&fixtures, in->face.settings.seeds_dir, &options, &problems);
    for (size_t i = 0; !catalog && i < fixtures.count; i++)
        add_table(in, fixtures.items[i].table, &fixtures.items[i]);
    for (size_t i = 0; catalog && i < catalog->count; i++) {
        const struct db_table *t = &catalog->tables[i];
        if ((t->kind == 'r' || t->kind == 'p') && t->on_path && !starter_ignores(t->name))
            add_table(in, t->name, fixture_find(&fixtures, t->name));
    }
    in->starter.tables_known = catalog != NULL;
    fixture_set_free(&fixtures);
    err_list_free(&problems);
}

static void set_role(struct init *in, bool local)
{
    in->starter.environment = in->starter.role = local ? "local" : "production";
}

/* Before connecting: a socket or a loopback name promises a local server, anything else does not. */
static bool looks_local(const struct url *url)
{
    return !*url->host || *url->host == '/' || strcmp(url->host, "localhost") == 0
        || strncmp(url->host, "127.", 4) == 0 || strcmp(url->host, "::1") == 0;
}

static void look_at_database(struct init *in, const struct command *command, struct options *options)
{
    struct err err = {0};
    struct guard_facts facts;
    if (face_open(&in->face, command, options, &err) && session_look(&in->face.session, false, &err)) {
        session_guard_facts(&in->face.session, &facts);
        set_role(in, guard_is_local(&facts, NULL));
        list_tables(in, &in->face.session.catalog);
        return;
    }
    fprintf(stderr, "seedops: note: the database's tables are not listed\n");
    face_print_error(&err, false);
    const struct environment *env = in->face.ctx.environment;
    set_role(in, env && env->has_url && looks_local(&env->url));
    list_tables(in, NULL);
}

/* ---- the file ---- */

static bool check_free(const char *path, struct err *err)
{
    if (access(path, F_OK) != 0)
        return true;
    err_set(err, ERR_CONFIG, "%s exists already", path);
    err_why(err, "init writes a first configuration and never overwrites one");
    return err_hint(err, "Edit it (seedops.yaml(5)), or move it away first.");
}

static void report_json(const struct starter *s, const char *path)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_text(&o, "file", path);
    json_put_text(&o, "environment", s->environment);
    json_put_text(&o, "migrations", s->migrations);
    json_put_text(&o, "ledger", s->ledger);
    json_put_text(&o, "seeds", s->seeds);
    json_put_int(&o, "tables", (int64_t)s->table_count);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void report(const struct starter *s, const char *path)
{
    struct str out = {0};
    str_add(&out, "Wrote ");
    text_visible(&out, path, strlen(path));
    str_printf(&out, ": environment %s, ", s->environment);
    if (s->migrations) {
        str_printf(&out, "%s migrations in ", s->ledger ? s->ledger : "unrecognised");
        text_visible(&out, s->migrations, strlen(s->migrations));
    } else {
        str_add(&out, "no migrations found");
    }
    str_printf(&out, ", %zu table%s.\n", s->table_count, s->table_count == 1 ? "" : "s");
    str_printf(&out, "Next: look it over, set %s, then `seedops status %s`.\n", s->url_variable,
               s->environment);
    fputs(str_text(&out), stdout);
    str_free(&out);
}

int cmd_init(const struct command *command, struct options *options)
{
    struct init in = {.face = {.command = command, .options = options}};
    struct err err = {0};
    const char *path = options->output ? options->output : "seedops.yaml";
    bool ok = face_refuse_operands(&in.face, &err) && check_free(path, &err);
    if (ok && !getcwd(in.cwd, sizeof in.cwd))
        ok = err_set(&err, ERR_CONFIG, "cannot tell the working directory");
    if (ok && wants_database(&in)) {
        look_at_database(&in, command, options);
    } else if (ok) {
        set_role(&in, true);
        settings_load(&in.face.settings, &options->settings, NULL, NULL);   /* only for its folders */
        list_tables(&in, NULL);
    }
    if (ok) {
        look_at_schema(&in);
        look_at_folders(&in);
        starter_write(&in.text, &in.starter);
        ok = file_write_atomic(path, str_text(&in.text), in.text.length, 0644, &err);
    }
    if (ok)
        (options->json ? report_json : report)(&in.starter, path);
    str_free(&in.text);
    arena_free(&in.arena);
    return face_close(&in.face, ok, &err);
}
