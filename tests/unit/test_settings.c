/* seedops.yaml and what stands in for it: every key, every wrong one with its place, variables, and the choice
 * of an environment. Works in a directory of its own; the environment is a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "config/settings.h"
#include "config/trust.h"
#include "scratch.h"

static char root[64];

/* ---- a world to read in ---- */

static const char *variables[16][2];

static const char *get(const char *name)
{
    for (size_t i = 0; variables[i][0]; i++) {
        if (strcmp(variables[i][0], name) == 0)
            return variables[i][1];
    }
    return NULL;
}

static void let(const char *name, const char *value)
{
    size_t i = 0;
    while (variables[i][0] && strcmp(variables[i][0], name) != 0)
        i++;
    variables[i][0] = name;
    variables[i][1] = value;
}

static void make(const char *path, const char *text)
{
    char *dir = file_dirname(path);
    struct err err = {0};
    if (!file_make_dirs(dir, 0755, &err) || !file_write_atomic(path, text, strlen(text), 0644, &err))
        fail_msg("%s: %s", err.message, err.why);
    free(dir);
}

static int enter(void **state)
{
    (void)state;
    memset(variables, 0, sizeof variables);
    snprintf(root, sizeof root, "/tmp/seedops-settings.XXXXXX");
    if (!mkdtemp(root) || chdir(root) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", root, 1);
    setenv("XDG_STATE_HOME", root, 1);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(root) : -1;
}

/* ---- reading ---- */

static bool parse(struct settings *s, const char *text, struct err *err)
{
    return settings_parse(s, "seedops.yaml", "/base", text, strlen(text), get, err);
}

/* Wrong text, and "message | why | hint | place" of its error; why and hint "*" are not looked at. */
static void wrong(const char *text, const char *message, const char *why, const char *hint, const char *at)
{
    struct settings s;
    struct err err = {0};
    bool ok = parse(&s, text, &err);
    if (ok || strcmp(err.message, message) != 0 || (*why != '*' && strcmp(err.why, why) != 0)
        || (*hint != '*' && strcmp(err.hint, hint) != 0) || strcmp(err.at, at) != 0)
        fail_msg("%s\n gives %s | %s | %s | %s", text, err.message, err.why, err.hint, err.at);
    assert_int_equal(err.class, ERR_CONFIG);
    settings_free(&s);
}

static void every_key(void **state)
{
    (void)state;
    let("PROD", "postgresql://app:s3cret@db:6543/alpi?pgbouncer=true");
    let("PROD_DIRECT", "postgresql://app:s3cret@db:5432/alpi");
    let("JUMP", "vps.example.org");
    struct settings s;
    struct err err = {0};
    bool ok = parse(&s,
        "version: 1\n"
        "project: alpimonitor\n"
        "migrations: {dir: db/migrations, ledger: numbered, table: migs, checksum: sha256, before: 'backup ${X}'}\n"
        "seeds: /abs/seeds\n"
        "state_dir: state\n"
        "tables:\n"
        "  Station: {class: context, min_rows: 7, secret: [token, phone]}\n"
        "  Measurement: {class: operational}\n"
        "  Other:\n"
        "environments:\n"
        "  local: {url: 'postgresql:///alpimonitor'}\n"
        "  production:\n"
        "    url: ${PROD}\n"
        "    direct_url: ${PROD_DIRECT}\n"
        "    role: production\n"
        "    tunnel: {ssh: 'ops@${JUMP}', command: 'nc ${HOST} 5432'}\n"
        "    password_command: pass show db/$X\n"
        "    journal: off\n"
        "    state_dir: /var/lib/seedops\n"
        "    databases: [a, b]\n", &err);
    if (!ok)
        fail_msg("%s %s at %s", err.message, err.why, err.at);
    assert_string_equal(s.project, "alpimonitor");
    assert_string_equal(s.migrations_dir, "/base/db/migrations");
    assert_string_equal(s.ledger, "numbered");
    assert_string_equal(s.ledger_table, "migs");
    assert_string_equal(s.checksum, "sha256");
    assert_string_equal(s.migrations_before, "backup ${X}");     /* a shell's to expand */
    assert_string_equal(s.seeds_dir, "/abs/seeds");
    assert_int_equal(s.table_count, 3);
    const struct table_rule *station = settings_table(&s, "Station");
    assert_int_equal(station->class, TABLE_CONTEXT);
    assert_int_equal(station->min_rows, 7);
    assert_int_equal(station->secret_count, 2);
    assert_string_equal(station->secret[1], "phone");
    assert_int_equal(settings_table(&s, "Measurement")->min_rows, -1);
    assert_int_equal(settings_table(&s, "Other")->class, TABLE_UNLISTED);
    assert_null(settings_table(&s, "station"));
    assert_int_equal(s.environment_count, 2);
    const struct environment *local = &s.environments[0], *production = &s.environments[1];
    assert_int_equal(local->role, ROLE_LOCAL);
    assert_false(local->role_given);
    assert_true(local->journal);
    assert_string_equal(local->state_dir, "/base/state");
    assert_string_equal(local->at, "seedops.yaml:11:3");
    assert_false(local->has_direct);
    assert_string_equal(local->direct.database, "alpimonitor");
    assert_int_equal(production->role, ROLE_PRODUCTION);
    assert_true(production->role_given && production->has_url && production->has_direct);
    assert_string_equal(secret_text(production->url.password), "s3cret");
    assert_true(production->url.pooled_hint);
    assert_string_equal(production->direct.port, "5432");
    assert_string_equal(production->ssh, "ops@vps.example.org");
    assert_string_equal(production->command, "nc ${HOST} 5432");
    assert_string_equal(production->password_command, "pass show db/$X");
    assert_false(production->journal);
    assert_string_equal(production->state_dir, "/var/lib/seedops");
    assert_int_equal(production->database_count, 2);
    assert_false(s.trusted);
    settings_free(&s);
}

static void defaults(void **state)
{
    (void)state;
    struct settings s;
    assert_true(parse(&s, "", NULL));
    assert_string_equal(s.ledger, "auto");
    assert_string_equal(s.checksum, "auto");
    assert_string_equal(s.project, "");
    assert_int_equal(s.environment_count, 0);
    assert_null(s.migrations_before);
    settings_free(&s);
    assert_true(parse(&s, "tables:\nenvironments:\nmigrations:\n", NULL));
    settings_free(&s);
    assert_true(parse(&s, "journal: off\nenvironments: {a: {url: 'postgresql:///x'}}", NULL));
    assert_false(s.environments[0].journal);
    settings_free(&s);
}

static void a_name_suggests_a_role(void **state)
{
    (void)state;
    static const struct { const char *name; enum role role; } rows[] = {
        {"production", ROLE_PRODUCTION}, {"prod", ROLE_PRODUCTION}, {"live", ROLE_PRODUCTION},
        {"staging", ROLE_STAGING}, {"dev", ROLE_LOCAL}, {"products", ROLE_LOCAL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s;
        char text[100];
        snprintf(text, sizeof text, "environments: {%s: {url: 'postgresql:///x'}}", rows[i].name);
        assert_true(parse(&s, text, NULL));
        assert_int_equal(s.environments[0].role, rows[i].role);
        assert_false(s.environments[0].role_given);
        settings_free(&s);
    }
    struct settings s;
    assert_true(parse(&s, "environments: {prod: {url: 'postgresql:///x', role: local}}", NULL));
    assert_int_equal(s.environments[0].role, ROLE_LOCAL);
    settings_free(&s);
}

static void unknown_keys(void **state)
{
    (void)state;
    wrong("version: 1\nmigration: {dir: x}\n", "unknown key \"migration\"",
          "known here: version, project, migrations, seeds, tables, environments, groups, state_dir, journal, "
          "journals, cache, restore_triggers", "Did you mean \"migrations\"?", "seedops.yaml:2:1");
    wrong("tables:\n  Station: {clas: context}\n", "unknown key \"clas\" in tables.Station",
          "known here: class, min_rows, secret", "Did you mean \"class\"?", "seedops.yaml:2:13");
    wrong("environments:\n  prod:\n    url: x\n    passwort_command: y\n",
          "unknown key \"passwort_command\" in environments.prod", "*", "Did you mean \"password_command\"?",
          "seedops.yaml:4:5");
    wrong("environments:\n  prod:\n    tunnel: {ssh: x, hots: y}\n", "unknown key \"hots\" in "
          "environments.prod.tunnel", "*", "Remove it, or see seedops.yaml(5).", "seedops.yaml:3:22");
    wrong("\"ver\\x1b\": 1\n", "unknown key \"ver\\e\"", "*", "*", "seedops.yaml:1:1");
}

static void wrong_types(void **state)
{
    (void)state;
    wrong("version: 2\n", "version must be 1, the version that this seedops reads", "it is \"2\"", "*",
          "seedops.yaml:1:10");
    wrong("version:\n", "version must be 1, the version that this seedops reads", "there is nothing behind it", "*",
          "seedops.yaml:1:9");
    wrong("- a\n", "seedops.yaml must be a mapping of keys to values", "it is a list", "*", "seedops.yaml:1:1");
    wrong("migrations: dir\n", "migrations must be a mapping of keys to values", "it is \"dir\"", "*",
          "seedops.yaml:1:13");
    wrong("seeds: [a]\n", "seeds must be a text", "it is a list", "*", "seedops.yaml:1:8");
    wrong("seeds: ''\n", "seeds must be a text", "it is \"\"", "*", "seedops.yaml:1:8");
    wrong("tables: [Station]\n", "tables must be a mapping of tables", "it is a list", "*", "seedops.yaml:1:9");
    wrong("tables: {S: context}\n", "tables.S must be a mapping of keys to values", "it is \"context\"", "*",
          "seedops.yaml:1:13");
    wrong("tables: {S: {min_rows: seven}}\n", "tables.S.min_rows must be a whole number of rows, zero or more",
          "it is \"seven\"", "*", "seedops.yaml:1:24");
    wrong("tables: {S: {min_rows: -1}}\n", "tables.S.min_rows must be a whole number of rows, zero or more",
          "it is \"-1\"", "*", "seedops.yaml:1:24");
    wrong("tables: {S: {min_rows: 9999999999999999999}}\n",
          "tables.S.min_rows must be a whole number of rows, zero or more", "*", "*", "seedops.yaml:1:24");
    wrong("tables: {S: {class: kontext}}\n", "tables.S.class must be context or operational", "it is \"kontext\"",
          "*", "seedops.yaml:1:21");
    wrong("tables: {S: {secret: a}}\n", "tables.S.secret must be a list of names", "it is \"a\"", "*",
          "seedops.yaml:1:22");
    wrong("tables: {S: {secret: [[a]]}}\n", "tables.S.secret must be a text", "it is a list", "*",
          "seedops.yaml:1:23");
    wrong("migrations: {ledger: dbmate}\n", "migrations.ledger must be auto, prisma, numbered or seedops",
          "it is \"dbmate\"", "*", "seedops.yaml:1:22");
    wrong("environments: {p: {url: x, role: prod}}\n", "environments.p.role must be local, staging or production",
          "it is \"prod\"", "*", "seedops.yaml:1:34");
    wrong("environments: {p: {url: x, journal: maybe}}\n", "environments.p.journal must be on or off",
          "it is \"maybe\"", "*", "seedops.yaml:1:37");
    wrong("environments: {p: {url: !env X}}\n", "environments.p.url has a tag, which means nothing here", "",
          "A variable of the environment is written ${NAME}.", "seedops.yaml:1:25");
    wrong("environments: {p: {role: local}}\n", "environments.p has no url", "*", "*", "seedops.yaml:1:16");
    wrong("environments: {p: }\n", "environments.p has no url", "*", "*", "seedops.yaml:1:16");
    wrong("environments: [a]\n", "environments must be a mapping of environments", "*", "*", "seedops.yaml:1:15");
}

static void broken_yaml_has_its_place(void **state)
{
    (void)state;
    static const char *const texts[] = {"a: b: c\n", "version: 1\nversion: 1\n", "tables: {S: {}\n", "\xff: 1\n",
                                        "a: &x 1\nb: *x\n", "version: 1\n---\nversion: 1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct settings s;
        struct err err = {0};
        assert_false(parse(&s, texts[i], &err));
        assert_int_equal(err.class, ERR_CONFIG);
        if (strncmp(err.at, "seedops.yaml:", 13) != 0)
            fail_msg("%s: %s at \"%s\"", texts[i], err.message, err.at);
        settings_free(&s);
    }
}

static void tunnels(void **state)
{
    (void)state;
    static const char *const ways[] = {"forward", "socket", "container", "command"};
    static const char *const values[] = {"'db:1'", "/x", "x", "y"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            char text[160], message[160];
            snprintf(text, sizeof text, "environments: {p: {url: 'postgresql:///x', tunnel: {ssh: a, %s: %s, %s: %s}}}",
                     ways[i], values[i], ways[j], values[j]);
            snprintf(message, sizeof message, "environments.p.tunnel has both \"%s\" and \"%s\"", ways[i], ways[j]);
            char second[32], at[64];
            snprintf(second, sizeof second, "%s: %s", ways[j], values[j]);
            snprintf(at, sizeof at, "seedops.yaml:1:%d", (int)(strstr(text, second) - text) + 1);
            if (i != j)
                wrong(text, message, "forward, socket, container and command are different ways to the same server",
                      "*", at);
        }
    }
    wrong("environments: {p: {url: 'postgresql:///x', tunnel: {socket: /x}}}", "environments.p.tunnel needs \"ssh\"",
          "", "ssh: user@host, or a Host alias of ~/.ssh/config.", "seedops.yaml:1:52");
}

/* One key of a tunnel, at its place; the value is taken when `message` is NULL. */
static void tunnel_key(const char *key, const char *value, const char *message)
{
    char text[400], whole[200];
    struct settings s;
    struct err err = {0};
    bool ssh = strcmp(key, "ssh") == 0;
    snprintf(text, sizeof text, "environments:\n p:\n  url: postgresql:///x\n  tunnel:\n   %s: '%s'\n%s", key, value,
             ssh ? "" : "   ssh: vps\n");
    bool ok = parse(&s, text, &err);
    if (!message && !ok)
        fail_msg("%s: %s | %s", value, err.message, err.why);
    settings_free(&s);
    if (!message)
        return;
    char at[40];
    snprintf(whole, sizeof whole, "environments.p.tunnel.%s must be %s", key, message);
    snprintf(at, sizeof at, "seedops.yaml:5:%d", (int)strlen(key) + 6);
    wrong(text, whole, "*", "*", at);
}

static void tunnel_values(void **state)
{
    (void)state;
    static const char ssh[] = "user@host, user@host:port or a Host alias", place[] = "host:port, as seen from the far side";
    static const char path[] = "the path of a Unix socket on the far side", name[] = "a container's name or id";
    static const struct { const char *key, *value, *message; } table[] = {
        {"ssh", "vps", NULL}, {"ssh", "ops@vps.example.org", NULL}, {"ssh", "ops@vps:2222", NULL},
        {"ssh", "ops@[::1]:22", NULL}, {"ssh", "a@b@vps", NULL}, {"ssh", "-oProxyCommand=x", ssh}, {"ssh", "vps; reboot", ssh},
        {"ssh", "ops@", ssh}, {"ssh", "@vps", ssh}, {"ssh", "ops@vps:0", ssh}, {"ssh", "ops@vps:99999", ssh},
        {"ssh", "-l x@vps", ssh}, {"ssh", "ops@$(id)", ssh},
        {"forward", "postgres:5432", NULL}, {"forward", "127.0.0.1:1", NULL}, {"forward", "[fd00::1]:65535", NULL},
        {"forward", "5432", place}, {"forward", "postgres", place}, {"forward", "postgres:", place},
        {"forward", "postgres:0", place}, {"forward", "postgres:65536", place}, {"forward", "::1:5432", place},
        {"forward", "[]:5432", place}, {"forward", ":5432", place}, {"forward", "a b:5432", place},
        {"forward", "postgres:54x2", place},
        {"socket", "/var/run/postgresql/.s.PGSQL.5432", NULL}, {"socket", "var/run/x", path}, {"socket", "/run/", path},
        {"container", "alpi-postgres_1", NULL}, {"container", "a b", name}, {"container", "--all", name},
        {"container", "a;b", name},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        tunnel_key(table[i].key, table[i].value, table[i].message);
    char longest[160] = "/";
    memset(longest + 1, 'x', 107);
    tunnel_key("socket", longest, "a path of at most 107 bytes, which is all that a socket's name can have");
    longest[107] = '\0';
    tunnel_key("socket", longest, NULL);
    let("PLACE", "[::1]:5433");
    struct settings s;
    struct err err = {0};
    assert_true(parse(&s, "environments: {p: {url: 'postgresql:///x', tunnel: {ssh: vps, forward: '${PLACE}'}}}", &err));
    assert_string_equal(s.environments[0].forward_host, "::1");
    assert_string_equal(s.environments[0].forward_port, "5433");
    assert_true(s.environments[0].tunnel);
    settings_free(&s);
}

static void names_of_environments(void **state)
{
    (void)state;
    char text[200];
    for (const char *const *name = settings_reserved(); *name; name++) {
        char message[100];
        snprintf(text, sizeof text, "environments: {%s: {url: 'postgresql:///x'}}", *name);
        snprintf(message, sizeof message, "an environment cannot be named \"%s\"", *name);
        wrong(text, message, "it is the name of a command", "*", "seedops.yaml:1:16");
    }
    static const char *const bad[] = {"'a b'", "'-x'", "''", "\"a\\tb\"", "a/b", "\"a\\u202eb\"",
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct settings s;
        snprintf(text, sizeof text, "environments: {%s: {url: 'postgresql:///x'}}", bad[i]);
        if (parse(&s, text, NULL))
            fail_msg("%s is taken", bad[i]);
        settings_free(&s);
    }
    struct settings s;
    assert_true(parse(&s, "environments: {café-1.eu_west: {url: 'postgresql:///x'}}", NULL));
    settings_free(&s);
}

static void variables_in_values(void **state)
{
    (void)state;
    let("EMPTY", "");
    let("DB", "alpi");
    let("PASS", "a$b");
    struct settings s;
    struct err err = {0};
    struct environment *env;
    assert_true(parse(&s, "environments:\n"
        "  missing: {url: '${NOPE}'}\n"
        "  empty: {url: 'postgresql://h/${EMPTY}'}\n"
        "  direct: {url: 'postgresql:///x', direct_url: '${NOPE}'}\n"
        "  tunnel: {url: 'postgresql:///x', tunnel: {ssh: '${NOPE}'}}\n"
        "  bad: {url: 'postgresql://u:hunter2@h:x/d'}\n"
        "  good: {url: 'postgresql://u:${PASS}@h/${DB}_$${x}_$y'}\n", &err));
    assert_false(settings_choose(&s, NULL, "missing", &env, &err));
    assert_int_equal(err.class, ERR_CONFIG);
    assert_string_equal(err.message, "environments.missing.url needs the variable NOPE, which is not set");
    assert_string_equal(err.at, "seedops.yaml:2:18");
    assert_false(settings_choose(&s, NULL, "empty", &env, &err));
    assert_string_equal(err.message, "environments.empty.url needs the variable EMPTY, which is empty: that counts "
                                     "as not set");
    assert_false(settings_choose(&s, NULL, "direct", &env, &err));
    assert_string_equal(err.message, "environments.direct.direct_url needs the variable NOPE, which is not set");
    assert_false(settings_choose(&s, NULL, "tunnel", &env, &err));
    assert_string_equal(err.message, "environments.tunnel.tunnel.ssh needs the variable NOPE, which is not set");
    assert_false(settings_choose(&s, NULL, "bad", &env, &err));
    assert_string_equal(err.message, "url of bad: the URL has a bad port \"x\"");
    assert_string_equal(err.at, "seedops.yaml:6:14");
    assert_true(settings_choose(&s, NULL, "good", &env, &err));
    assert_string_equal(env->url.database, "alpi_${x}_$y");
    assert_string_equal(secret_text(env->url.password), "a$b");
    assert_false(env->url_literal_password);
    settings_free(&s);
    wrong("project: ${NOPE}\n", "project needs the variable NOPE, which is not set", "*", "*", "seedops.yaml:1:10");
    wrong("seeds: ${EMPTY}/x\n", "seeds needs the variable EMPTY, which is empty: that counts as not set", "*", "*", "seedops.yaml:1:8");
    wrong("seeds: ${A-b}\n", "seeds has a malformed ${...}", "*", "*", "seedops.yaml:1:8");
    wrong("seeds: ${\n", "seeds has a malformed ${...}", "*", "*", "seedops.yaml:1:8");
    wrong("environments: {a: {url: '${1}'}}\n", "environments.a.url has a malformed ${...}", "*", "*",
          "seedops.yaml:1:25");
}

/* ---- finding ---- */

static bool load(struct settings *s, const struct settings_options *o, struct err *err)
{
    return settings_load(s, o, get, err);
}

static const char MINIMAL[] = "environments: {local: {url: 'postgresql:///x'}}\n";

static void found_upward(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    make("seedops.yaml", MINIMAL);
    make("a/b/keep", "");
    make("seeds/keep", "");
    make("prisma/migrations/migration_lock.toml", "");
    assert_int_equal(chdir("a/b"), 0);
    assert_true(load(&s, NULL, &err));
    assert_string_equal(s.base_dir, root);
    assert_string_equal(s.environments[0].at, "../../seedops.yaml:1:16");
    assert_string_equal(s.seeds_dir + strlen(root), "/seeds");
    assert_string_equal(s.migrations_dir + strlen(root), "/prisma/migrations");
    assert_int_equal(strlen(s.file_digest), 64);
    settings_free(&s);
    let("SEEDOPS_CONFIG", "");                                    /* empty counts as not set */
    assert_true(load(&s, NULL, &err));
    settings_free(&s);
    make("other.yaml", "project: other\n");
    let("SEEDOPS_CONFIG", "other.yaml");
    assert_true(load(&s, NULL, &err));
    assert_string_equal(s.project, "other");
    settings_free(&s);
    make("third.yaml", "project: third\n");
    assert_true(load(&s, &(struct settings_options){.config = "third.yaml", .seeds = "s", .migrations = "/m"}, &err));
    assert_string_equal(s.project, "third");
    assert_string_equal(s.seeds_dir + strlen(root), "/a/b/s");    /* relative to where we are */
    assert_string_equal(s.migrations_dir, "/m");
    settings_free(&s);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    make("d/seedops.yaml", MINIMAL);
    assert_false(load(&s, &(struct settings_options){.config = "nope.yaml"}, &err));
    assert_int_equal(err.class, ERR_CONFIG);
    assert_string_equal(err.message, "cannot read nope.yaml");
    assert_string_equal(err.hint, "Check --config; `seedops init` writes a starter file.");
    assert_false(load(&s, &(struct settings_options){.config = "d"}, &err));
    assert_string_equal(err.why, "it is a directory");
    assert_string_equal(err.hint, "The file itself is wanted: d/seedops.yaml.");
    assert_false(load(&s, &(struct settings_options){.config = ""}, &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_string_equal(err.message, "--config is empty");
    let("SEEDOPS_CONFIG", "nope.yaml");
    assert_false(load(&s, NULL, &err));
    assert_string_equal(err.hint, "Check SEEDOPS_CONFIG; `seedops init` writes a starter file.");
    let("SEEDOPS_CONFIG", NULL);
    make("seedops.yaml", "version: 1\nnope: 1\n");
    assert_false(load(&s, NULL, &err));
    assert_string_equal(err.at, "seedops.yaml:2:1");
    /* what is there but cannot be read is no reason to look elsewhere, let alone to take DATABASE_URL */
    let("DATABASE_URL", "postgresql://prod/d");
    assert_int_equal(unlink("seedops.yaml"), 0);
    assert_int_equal(symlink("nowhere", "seedops.yaml"), 0);
    assert_false(load(&s, NULL, &err));
    assert_string_equal(err.message + strlen(err.message) - 12, "seedops.yaml");
    assert_int_equal(unlink("seedops.yaml"), 0);
    assert_int_equal(mkdir("seedops.yaml", 0755), 0);
    assert_false(load(&s, NULL, &err));
    assert_string_equal(err.why, "it is a directory");
}

static void without_a_file(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    struct environment *env;
    assert_true(load(&s, NULL, &err));
    assert_false(settings_choose(&s, NULL, NULL, &env, &err));
    assert_string_equal(err.why, "no seedops.yaml was found, and DATABASE_URL is not set");
    settings_free(&s);
    let("DATABASE_URL", "");
    assert_true(load(&s, NULL, &err));
    assert_false(settings_choose(&s, NULL, NULL, &env, &err));
    assert_string_equal(err.why, "no seedops.yaml was found, and DATABASE_URL is set to the empty string, "
                                 "which counts as not set");
    settings_free(&s);
    let("DATABASE_URL", "postgresql://u:p@h:6543/d?schema=app");
    let("DIRECT_URL", "postgresql://u:p@h:5432/d");
    make("prisma/migrations/0_init/migration.sql", "");
    make("seeds/x.yaml", "");
    make("src/deep/x", "");
    assert_int_equal(chdir("src/deep"), 0);
    assert_true(load(&s, NULL, &err));
    assert_null(s.file);
    assert_string_equal(s.base_dir, root);
    assert_string_equal(s.migrations_dir + strlen(root), "/prisma/migrations");
    assert_string_equal(s.seeds_dir + strlen(root), "/seeds");
    assert_true(settings_choose(&s, NULL, NULL, &env, &err));
    assert_string_equal(env->name, "d@h");
    assert_string_equal(env->url_source, "DATABASE_URL");
    assert_true(env->from_url && env->has_direct);
    assert_string_equal(env->direct.port, "5432");
    assert_int_equal(s.note_count, 1);
    assert_string_equal(s.notes[0],
                        "DATABASE_URL: schema=app belongs to Prisma: it says where the tables are and is not sent.");
    assert_false(settings_choose(&s, NULL, "production", &env, &err));
    assert_int_equal(err.class, ERR_USAGE);
    settings_free(&s);
    let("DATABASE_URL", "postgresql://u:hunter2@h:x/d");
    assert_true(load(&s, NULL, &err));
    assert_false(settings_choose(&s, NULL, NULL, &env, &err));
    assert_string_equal(err.message, "DATABASE_URL: the URL has a bad port \"x\"");
    settings_free(&s);
}

static void migrations_are_recognised(void **state)
{
    (void)state;
    struct settings s;
    let("DATABASE_URL", "postgresql:///x");
    make("migrations/readme.md", "");                             /* a folder by that name is not enough */
    assert_true(load(&s, NULL, NULL));
    assert_null(s.migrations_dir);
    assert_null(s.seeds_dir);
    settings_free(&s);
    make("migrations/001_a.up.sql", "");
    assert_true(load(&s, NULL, NULL));
    assert_string_equal(s.migrations_dir + strlen(root), "/migrations");
    settings_free(&s);
    make("prisma/migrations/migration_lock.toml", "");            /* Prisma's own place goes first */
    assert_true(load(&s, NULL, NULL));
    assert_string_equal(s.migrations_dir + strlen(root), "/prisma/migrations");
    settings_free(&s);
}

/* ---- choosing ---- */

static void which_environment(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    struct environment *env;
    const char text[] = "environments: {local: {url: 'postgresql:///x'}, production: {url: 'postgresql://h/x'}}";
    assert_true(parse(&s, text, &err));
    assert_false(settings_choose(&s, NULL, NULL, &env, &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_int_equal(err_exit_code(err.class), 64);
    assert_non_null(strstr(err.why, "declares 2: local, production"));
    assert_false(settings_choose(&s, NULL, "prodction", &env, &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_string_equal(err.hint, "Did you mean \"production\"?");
    assert_non_null(strstr(err.why, "local, production"));
    assert_false(settings_choose(&s, NULL, "Production", &env, &err));
    assert_true(settings_choose(&s, NULL, "production", &env, &err));
    assert_ptr_equal(env, &s.environments[1]);
    settings_free(&s);
    assert_true(parse(&s, MINIMAL, &err));                         /* the only one needs no name ... */
    let("DATABASE_URL", "postgresql://elsewhere/prod");            /* ... whatever the shell says */
    assert_true(settings_choose(&s, NULL, NULL, &env, &err));
    assert_string_equal(env->name, "local");
    settings_free(&s);
    assert_true(parse(&s, "version: 1\n", &err));
    assert_false(settings_choose(&s, NULL, NULL, &env, &err));
    assert_non_null(strstr(err.message, "declares no environment"));
    settings_free(&s);
}

static void a_url_instead_of_a_name(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    struct environment *env;
    make("seedops.yaml", "tables: {S: {min_rows: 3}}\nenvironments: {local: {url: 'postgresql:///x'}}\n");
    struct settings_options o = {.url = "postgresql://u:hunter2@h/d", .direct_url = "postgresql://u@h:5433/d"};
    assert_true(load(&s, &o, &err));
    assert_true(settings_choose(&s, &o, NULL, &env, &err));
    assert_string_equal(env->name, "d@h");
    assert_string_equal(env->direct.port, "5433");
    assert_int_equal(env->role, ROLE_LOCAL);
    assert_int_equal(settings_table(&s, "S")->min_rows, 3);
    assert_int_equal(s.note_count, 1);                             /* the warning about the password, without it */
    assert_null(strstr(s.notes[0], "hunter2"));
    assert_false(settings_choose(&s, &o, "local", &env, &err));
    assert_int_equal(err.class, ERR_USAGE);
    settings_free(&s);
    o = (struct settings_options){.url = "postgresql://h:0/d"};
    assert_true(load(&s, &o, &err));
    assert_false(settings_choose(&s, &o, NULL, &env, &err));
    assert_string_equal(err.message, "--url: the URL has a bad port \"0\"");
    settings_free(&s);
    o = (struct settings_options){.direct_url = "postgresql://h:5433/d"};
    assert_true(load(&s, &o, &err));
    assert_true(settings_choose(&s, &o, "local", &env, &err));
    assert_true(settings_choose(&s, &o, "local", &env, &err));
    assert_string_equal(env->direct.port, "5433");
    settings_free(&s);
}

static void a_url_is_no_way_around_a_role(void **state)
{
    (void)state;
    static const struct { const char *url; enum role role; } rows[] = {
        {"postgresql://me@/p?host=/run/postgresql", ROLE_PRODUCTION}, {"postgresql:///p", ROLE_PRODUCTION},
        {"postgresql://direct/p", ROLE_PRODUCTION}, {"postgresql:///s", ROLE_STAGING},
        {"postgresql:///l", ROLE_LOCAL}, {"postgresql://elsewhere/p", ROLE_LOCAL},
        {"postgresql:///p?port=5433", ROLE_LOCAL}};
    make("seedops.yaml", "environments:\n  s: {url: 'postgresql:///s', role: staging}\n"
                         "  p: {url: 'postgresql:///p', direct_url: 'postgresql://direct/p', role: production}\n"
                         "  l: {url: 'postgresql:///l'}\n  gone: {url: '${NOPE}', role: production}\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s;
        struct environment *env;
        struct settings_options o = {.url = rows[i].url};
        assert_true(load(&s, &o, NULL));
        assert_true(settings_choose(&s, &o, NULL, &env, NULL));
        if (env->role != rows[i].role)
            fail_msg("%s is %s", rows[i].url, role_name(env->role));
        assert_int_equal(s.note_count, rows[i].role != ROLE_LOCAL);
        settings_free(&s);
    }
}

static void database_url_elsewhere(void **state)
{
    (void)state;
    static const struct { const char *variable; bool note; } rows[] = {
        {"postgresql://other/d", true}, {"postgresql://h:5433/d", true}, {"postgresql://h/e", true},
        {"postgresql://someone:pw@h:5432/d?sslmode=require", false}, {"postgresql://H/d", false},
        {"postgresql://h:6543/d", false}, {"", false}, {"nonsense", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s;
        struct environment *env;
        let("DATABASE_URL", rows[i].variable);
        assert_true(parse(&s, "environments: {a: {url: 'postgresql://u@h:6543/d', "
                              "direct_url: 'postgresql://u@h/d'}}", NULL));
        assert_true(settings_choose(&s, NULL, NULL, &env, NULL));
        if ((s.note_count == 1) != rows[i].note)
            fail_msg("%s: %zu notes", rows[i].variable, s.note_count);
        settings_free(&s);
    }
    struct settings s;
    struct environment *env;
    let("DATABASE_URL", "postgresql://u:hunter2@prod/d");
    assert_true(parse(&s, MINIMAL, NULL));
    assert_true(settings_choose(&s, NULL, NULL, &env, NULL));
    assert_string_equal(s.notes[0], "DATABASE_URL is set and points elsewhere: to u@prod/d. This is local, "
                                    "x on the default host.");
    settings_free(&s);
}

static void a_password_in_the_file(void **state)
{
    (void)state;
    struct settings s;
    struct environment *env;
    assert_true(parse(&s, "environments: {a: {url: 'postgresql://u:hunter2@h/d'}}", NULL));
    assert_true(settings_choose(&s, NULL, NULL, &env, NULL));
    assert_int_equal(s.note_count, 1);
    assert_non_null(strstr(s.notes[0], "the file holds a password"));
    assert_null(strstr(s.notes[0], "hunter2"));
    settings_free(&s);
}

/* ---- trust ---- */

static void a_word_that_may_hold_a_password(void **state)
{
    (void)state;
    char shown[80];
    static const char *const urls[] = {"postgresql://u:s3cret@h/x", "u:s3cret@h/x", "postgres//u:s3cret",
                                       "host=h password=s3cret", "mysql://h/x?password=s3cret"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_string_equal(settings_show_word(shown, sizeof shown, urls[i]), "[REDACTED]");
    assert_string_equal(settings_show_word(shown, sizeof shown, "prodction"), "prodction");
    assert_string_equal(settings_show_word(shown, sizeof shown, "a\x1b]0;b"), "a\\e]0;b");
}

static void commands_and_trust(void **state)
{
    (void)state;
    struct settings s;
    struct err err = {0};
    make("project/seedops.yaml", MINIMAL);
    make("seedops/seedops.yaml", MINIMAL);                         /* XDG_CONFIG_HOME/seedops: the user's own */
    make("seedops-not/seedops.yaml", MINIMAL);
    assert_true(load(&s, &(struct settings_options){.config = "seedops/seedops.yaml"}, &err));
    assert_true(s.trusted);
    settings_free(&s);
    assert_true(load(&s, &(struct settings_options){.config = "seedops-not/seedops.yaml"}, &err));
    assert_false(s.trusted);
    settings_free(&s);
    assert_int_equal(symlink("../project/seedops.yaml", "seedops/link.yaml"), 0);
    assert_true(load(&s, &(struct settings_options){.config = "seedops/link.yaml"}, &err));
    assert_false(s.trusted);                                       /* where it is, not where it was linked */
    assert_false(trust_known(s.file_digest));
    if (!trust_remember(s.file_digest, s.file, &err))
        fail_msg("%s: %s", err.message, err.why);
    assert_true(trust_known(s.file_digest));
    assert_true(trust_remember(s.file_digest, "again", &err));
    settings_free(&s);
    make("project/seedops.yaml", "project: changed\n");
    assert_true(load(&s, &(struct settings_options){.config = "project/seedops.yaml"}, &err));
    assert_false(trust_known(s.file_digest));                      /* asked again when it changes */
    assert_true(trust_remember(s.file_digest, "evil\npath\033", &err));
    settings_free(&s);
    char *bytes;
    size_t length, lines = 0;
    assert_true(file_read("seedops/trusted", 10000, &bytes, &length, &err));
    for (size_t i = 0; i < length; i++)
        lines += bytes[i] == '\n';
    assert_int_equal(lines, 2);
    assert_null(strchr(bytes, '\033'));
    free(bytes);
    assert_false(trust_known(""));
    assert_false(trust_known(NULL));
    assert_false(trust_remember("", "x", &err));
}

static void the_sample_projects_load(void **state)
{
    (void)state;
    static const char *const files[] = {"seedops.yaml", "tests/projects/case-a/seedops.yaml",
        "tests/projects/case-b/seedops.yaml", "tests/projects/case-e/seedops.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct settings s;
        struct err err = {0};
        char *path = file_join(SEEDOPS_TOP, files[i]);
        if (!load(&s, &(struct settings_options){.config = path}, &err))
            fail_msg("%s: %s at %s", path, err.message, err.at);
        assert_non_null(s.migrations_dir);
        assert_non_null(s.seeds_dir);
        settings_free(&s);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
        T(every_key), T(defaults), T(a_name_suggests_a_role), T(unknown_keys), T(wrong_types),
        T(broken_yaml_has_its_place), T(tunnels), T(tunnel_values), T(names_of_environments), T(variables_in_values),
        T(found_upward), T(files_that_cannot_be_read), T(without_a_file), T(migrations_are_recognised),
        T(which_environment), T(a_url_instead_of_a_name), T(a_url_is_no_way_around_a_role),
        T(database_url_elsewhere), T(a_password_in_the_file), T(a_word_that_may_hold_a_password), T(commands_and_trust), T(the_sample_projects_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
