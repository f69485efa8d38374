/* settings_choose - which environment a command means (SAFETY 2), and what its operator should be told of it.
 *
 * Nothing is guessed where a file declares several: worse than a question is only the wrong database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"
#include "base/text.h"
#include "config/settings_many.h"
#include "config/settings_part.h"

static void add_names(const struct settings *s, struct str *out)
{
    for (size_t i = 0; i < s->environment_count; i++) {
        str_add(out, i ? ", " : "");
        text_visible(out, s->environments[i].name, strlen(s->environments[i].name));
    }
}

const char *settings_show_word(char *out, size_t size, const char *word)
{
    static const char *const signs[] = {"://", "@", "password=", "//"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(word, signs[i]))
            return text_visible_buf(out, size, "[REDACTED]");
    return text_visible_buf(out, size, word);
}

static bool is_group(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->group_count; i++)
        if (strcmp(s->groups[i].name, name) == 0)
            return true;
    return false;
}

static bool no_such(const struct settings *s, const char *name, struct err *err)
{
    char shown[80];
    if (is_group(s, name)) {
        err_set(err, ERR_USAGE, "%s is a group of environments", name);
        err_why(err, "this is done to one database at a time");
        return err_hint(err, "Name one of them.");
    }
    err_set(err, ERR_USAGE, "there is no environment \"%s\"", settings_show_word(shown, sizeof shown, name));
    if (strcmp(shown, "[REDACTED]") == 0) {
        err_why(err, "it looks like a URL, which is no environment's name");
        return err_hint(err, "Put it into DATABASE_URL: on a command line others can read its password.");
    }
    if (!s->file) {
        err_why(err, "no seedops.yaml was found from the working directory upward");
        return err_hint(err, "`seedops init` writes one; without, give no name and set DATABASE_URL.");
    }
    const char **names = xcalloc(s->environment_count + 1, sizeof *names);
    for (size_t i = 0; i < s->environment_count; i++)
        names[i] = s->environments[i].name;
    const char *near = settings_nearest(name, names);
    struct str list = {0};
    add_names(s, &list);
    err_why(err, "%s declares %s", s->file, s->environment_count ? str_text(&list) : "none");
    if (near)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "`seedops envs` lists them with what they point to.");
    str_free(&list);
    free(names);
    return false;
}

static bool must_name(const struct settings *s, struct err *err)
{
    struct str list = {0};
    add_names(s, &list);
    err_set(err, ERR_USAGE, "which environment?");
    err_why(err, "%s declares %zu: %s", s->file, s->environment_count, str_text(&list));
    str_free(&list);
    return err_hint(err, "Name one of them after the command.");
}

static bool nothing_to_choose(struct settings *s, struct err *err)
{
    enum variable_state state;
    if (s->file) {
        err_set(err, ERR_CONFIG, "%s declares no environment", s->file);
        return err_hint(err, "Add one under \"environments\", or give --url.");
    }
    settings_variable(s, "DATABASE_URL", &state, NULL);
    err_set(err, ERR_CONFIG, "there is no database to work on");
    err_why(err, "no seedops.yaml was found, and DATABASE_URL is %s%s",
            state == VARIABLE_EMPTY ? "set to the empty string" : variable_lack(state),
            state == VARIABLE_UNSET ? "" : ", which counts as not set");
    if (access(".env", F_OK) == 0)
        return err_hint(err, "There is a .env here, which seedops does not read by itself: "
                        "`set -a; . ./.env`, or `seedops init`.");
    return err_hint(err, "Set DATABASE_URL, give --url, or let `seedops init` write a seedops.yaml.");
}

/* "tenants/acme", where tenants stands for many databases. */
static struct environment *many_named(struct settings *s, const char *name, const char **database)
{
    const char *slash = strchr(name, '/');
    for (size_t i = 0; slash && slash[1] && i < s->environment_count; i++) {
        struct environment *env = &s->environments[i];
        if (environment_is_many(env) && strlen(env->name) == (size_t)(slash - name) &&
            memcmp(env->name, name, (size_t)(slash - name)) == 0) {
            *database = slash + 1;
            return env;
        }
    }
    return NULL;
}

static bool one_of_many(struct settings *s, struct environment *many, const char *database,
                        struct environment **environment, struct err *err)
{
    if (environment_allows(many, database)) {
        *environment = environment_database(&s->arena, many, database);
        return true;
    }
    char shown[80];
    err_set(err, ERR_USAGE, "%s has no database \"%s\"", many->name, settings_show_word(shown, sizeof shown, database));
    if (many->databases_like)
        err_why(err, "its databases are those like %s", many->databases_like);
    else
        err_why(err, "it is none of the %zu that %s lists", many->database_count, many->at);
    return err_hint(err, "`seedops status %s` shows them all.", many->name);
}

/* Most commands are about one database, and none of many is more likely to be meant than another. */
static bool only_one(const struct environment *env, struct err *err)
{
    if (!environment_is_many(env))
        return true;
    err_set(err, ERR_USAGE, "%s stands for many databases", env->name);
    err_why(err, "this is done to one database at a time");
    return err_hint(err, "Name one of them: %s/DATABASE.", env->name);
}

static bool find(struct settings *s, const char *name, struct environment **environment, struct err *err)
{
    if (name && s->url_environment && strcmp(name, s->url_environment->name) != 0) {
        err_set(err, ERR_USAGE, "both --url and an environment were given");
        return err_hint(err, "Leave one of them away: --url stands instead of the name.");
    }
    if (s->url_environment) {
        *environment = s->url_environment;
        return true;
    }
    for (size_t i = 0; name && i < s->environment_count; i++) {
        if (strcmp(name, s->environments[i].name) == 0) {
            *environment = &s->environments[i];
            return true;
        }
    }
    const char *database;
    struct environment *many = name ? many_named(s, name, &database) : NULL;
    if (many)
        return one_of_many(s, many, database, environment, err);
    if (name)
        return no_such(s, name, err);
    if (s->environment_count == 0)
        return nothing_to_choose(s, err);
    if (s->environment_count > 1)
        return must_name(s, err);
    *environment = s->environments;
    return true;
}

/* ---- what to tell ---- */

/* One spelling for hosts that are the same to libpq. */
static const char *plain_host(const char *host)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};
    static const char *const sockets[] = {"", "/run/postgresql", "/var/run/postgresql"};
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(host, loopback[i]) == 0)
            return "localhost";
        if (strcmp(host, sockets[i]) == 0)
            return "";
    }
    return host;
}

static bool same_place(const struct url *a, const struct url *b)
{
    const char *pa = *a->port ? a->port : "5432", *pb = *b->port ? b->port : "5432";
    const char *da = *a->database ? a->database : a->user, *db = *b->database ? b->database : b->user;
    return strcasecmp(plain_host(a->host), plain_host(b->host)) == 0 && strcmp(pa, pb) == 0
        && strcmp(da, db) == 0;
}

/* A sourced production file is case C's first suspect. */
static void note_elsewhere(struct settings *s, const struct environment *env)
{
    enum variable_state state;
    const char *text = settings_variable(s, "DATABASE_URL", &state, NULL);
    struct url url;
    if (!text || (env->from_url && env != s->url_environment))
        return;
    if (!url_parse(&url, &s->arena, text, NULL)) {
        settings_note(s, "DATABASE_URL is set but cannot be understood; %s does not use it.", env->name);
        return;
    }
    if (!same_place(&url, &env->url) && !same_place(&url, &env->direct))
        settings_note(s, "DATABASE_URL is set and points elsewhere: to %s. This is %s, %s.",
                      url_redacted(&url, &s->arena), env->name, url_redacted(&env->url, &s->arena));
    url_free(&url);
}

/* A URL that leads where a declared environment does is no way around that one's role. */
static void adopt_role(struct settings *s, struct environment *env)
{
    for (size_t i = 0; i < s->environment_count; i++) {
        const struct environment *declared = &s->environments[i];
        if (!declared->has_url || declared->role <= env->role
            || (!same_place(&env->url, &declared->url) && !same_place(&env->url, &declared->direct)))
            continue;
        env->role = declared->role;
        settings_note(s, "--url leads to the same place as %s: its role, %s, counts.", declared->name,
                      role_name(env->role));
    }
}

static void note_url(struct settings *s, const char *source, const struct url *url)
{
    for (size_t i = 0; i < url->note_count; i++)
        settings_note(s, "%s: %s", source, url->notes[i]);
}

bool settings_choose(struct settings *s, const struct settings_options *o, const char *name,
                     struct environment **environment, struct err *err)
{
    struct environment *env = NULL;
    if (!find(s, name, &env, err) || !only_one(env, err))
        return false;
    if (o && o->direct_url && env->of) {
        err_set(err, ERR_USAGE, "--direct-url names one database, %s is one of many", env->name);
        return err_hint(err, "Give direct_url of %s in the configuration.", env->of->name);
    }
    if (o && o->direct_url && env != s->url_environment) {
        if (env->has_direct)
            url_free(&env->direct);
        env->has_direct = environment_put_url(s, env, &env->direct, "--direct-url", o->direct_url, "");
    }
    if (env->url_error.class != ERR_NONE) {
        if (err)
            *err = env->url_error;
        return false;
    }
    if (env->url_literal_password)
        settings_note(s, "%s: the file holds a password; a variable, ~/.pgpass or password_command keeps "
                      "it out.", env->at);
    note_url(s, env->url_source, &env->url);
    if (env->has_direct)
        note_url(s, arena_printf(&s->arena, "direct_url of %s", env->name), &env->direct);
    note_elsewhere(s, env);
    if (env == s->url_environment)
        adopt_role(s, env);
    *environment = env;
    return true;
}
