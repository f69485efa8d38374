/* settings - finding the configuration, standing in for it, and choosing an environment of it.
 *
 * Found upward from the working directory as git does. Without a file, DATABASE_URL and a migrations folder
 * that can be recognised are enough. Reads files and the environment; connects to nothing, runs nothing. */
#include "config/settings.h"

#include <errno.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/text.h"
#include "config/settings_part.h"
#include "config/url_part.h"

static const char FILE_NAME[] = "seedops.yaml";

const char *const *settings_reserved(void)
{
    static const char *const names[] = {
        "boot", "capture", "completion", "console", "converge", "count", "diagnose", "diff", "envs", "help",
        "init", "mark", "migrate", "preserve", "provision", "prune", "replay", "report", "reset", "restore",
        "seed", "sessions", "status", "verify", "wait", "watch", NULL};
    return names;
}

/* ---- small parts ---- */

void settings_note(struct settings *s, const char *format, ...)
{
    char raw[600], text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    text_visible_buf(text, sizeof text, raw);
    for (size_t i = 0; i < s->note_count; i++) {
        if (strcmp(s->notes[i], text) == 0)
            return;
    }
    s->notes = arena_grow(&s->arena, s->notes, s->note_count, s->note_count + 1, sizeof *s->notes);
    s->notes[s->note_count++] = arena_strdup(&s->arena, text);
}

const char *settings_getenv(const struct settings *s, const char *name, bool *empty)
{
    const char *value = s->getenv_fn ? s->getenv_fn(name) : getenv(name);
    if (empty)
        *empty = value && !*value;
    return value && *value ? value : NULL;
}

const char *settings_variable(struct settings *s, const char *name, enum variable_state *state, struct err *err)
{
    struct str text = {0};
    const char *own = settings_getenv(s, name, NULL);
    *state = VARIABLE_SET;
    if (own)
        return own;                 /* not copied: it may hold a password */
    *state = variable_read(s->getenv_fn, name, &text, err);
    const char *kept = *state == VARIABLE_SET ? arena_strdup(&s->arena, str_text(&text)) : NULL;
    if (text.text)
        secret_wipe(text.text);
    str_free(&text);
    return kept;
}

const char *settings_path(struct settings *s, const char *dir, const char *path)
{
    char *joined = file_join(dir, path);
    const char *kept = arena_strdup(&s->arena, joined);
    free(joined);
    return kept;
}

const char *settings_nearest(const char *name, const char *const *names)
{
    const char *best = NULL;
    int least = strlen(name) < 4 ? 2 : 4;
    for (; *names; names++) {
        int distance = text_distance(name, *names);
        if (distance < least) {
            least = distance;
            best = *names;
        }
    }
    return best;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_there(const char *dir, const char *name)
{
    char *path = file_join(dir, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* ---- environments made of a URL ---- */

bool environment_put_url(struct settings *s, struct environment *env, struct url *url, const char *source,
                         const char *text, const char *at)
{
    struct err err = {0};
    if (url_parse(url, &s->arena, text, &err))
        return true;
    err_context(&err, "%s", source);
    snprintf(err.at, sizeof err.at, "%s", at);
    if (env->url_error.class == ERR_NONE)
        env->url_error = err;
    return false;
}

void environment_from_url(struct settings *s, struct environment *env, const char *source, const char *url,
                          const char *direct_source, const char *direct)
{
    *env = (struct environment){.name = source, .at = "", .url_source = source, .journal = true,
                                .from_url = true};
    env->has_url = environment_put_url(s, env, &env->url, source, url, "");
    env->direct = env->url;
    if (direct) {
        env->has_direct = environment_put_url(s, env, &env->direct, direct_source, direct, "");
        if (!env->has_direct)
            env->direct = env->url;
    }
    if (env->has_url) {
        const char *database = *env->url.database ? env->url.database : env->url.user;
        const char *host = *env->url.host ? env->url.host : url_value(&env->url, "service");
        env->name = arena_printf(&s->arena, "%s@%s", *database ? database : "database",
                                 *host ? host : "localhost");
    }
}

static void environment_free(struct environment *env)
{
    url_free(&env->url);
    if (env->has_direct)
        url_free(&env->direct);
}

/* ---- finding ---- */

/* The directory of the nearest seedops.yaml from `cwd` upward; gives, NULL: none. *shown gets the way there
 * from the working directory ("../seedops.yaml"), which is how messages name it. */
static char *find_upward(const char *cwd, struct str *shown)
{
    char *dir = xstrdup(cwd);
    for (;;) {
        char *path = file_join(dir, FILE_NAME);
        struct stat st;
        bool found = lstat(path, &st) == 0;     /* a broken link is a file that cannot be read, not none */
        free(path);
        if (found) {
            str_add(shown, FILE_NAME);
            return dir;
        }
        if (strcmp(dir, "/") == 0) {
            free(dir);
            return NULL;
        }
        char *up = file_dirname(dir);
        free(dir);
        dir = up;
        str_add(shown, "../");
    }
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcmp(name + n - s, suffix) == 0;
}

/* Prisma's folders or numbered files, as the ledgers recognise them. */
static bool looks_like_migrations(const char *dir)
{
    if (is_there(dir, "migration_lock.toml"))
        return true;
    DIR *d = opendir(dir);
    bool found = false;
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        if (has_suffix(e->d_name, ".up.sql")) {
            found = true;
        } else if (e->d_name[0] != '.') {
            char *inner = file_join(dir, e->d_name);
            found = is_there(inner, "migration.sql");
            free(inner);
        }
    }
    if (d)
        closedir(d);
    return found;
}

/* prisma/migrations or migrations in `dir`, into *found. */
static bool migrations_in(struct settings *s, const char *dir, const char **found)
{
    static const char *const names[] = {"prisma/migrations", "migrations"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_join(dir, names[i]);
        bool yes = is_dir(path) && looks_like_migrations(path);
        if (yes)
            *found = arena_strdup(&s->arena, path);
        free(path);
        if (yes)
            return true;
    }
    return false;
}

/* Without a file: the project is where the migrations are. */
static void guess_project(struct settings *s, const char *cwd)
{
    char *dir = xstrdup(cwd);
    while (!migrations_in(s, dir, &s->migrations_dir) && strcmp(dir, "/") != 0) {
        char *up = file_dirname(dir);
        free(dir);
        dir = up;
    }
    s->base_dir = arena_strdup(&s->arena, s->migrations_dir ? dir : cwd);
    free(dir);
}

static void default_dirs(struct settings *s)
{
    if (!s->migrations_dir)
        migrations_in(s, s->base_dir, &s->migrations_dir);
    if (!s->seeds_dir) {
        const char *seeds = settings_path(s, s->base_dir, "seeds");
        s->seeds_dir = is_dir(seeds) ? seeds : NULL;
    }
}

/* ---- loading ---- */

static bool from_own_directory(const char *file)
{
    char dir[PATH_MAX], own[PATH_MAX], real[PATH_MAX];
    if (!file_config_dir(dir, sizeof dir, NULL) || !realpath(dir, own) || !realpath(file, real))
        return false;
    size_t length = strlen(own);
    return strncmp(real, own, length) == 0 && real[length] == '/';
}

/* A name of a file that someone gave: say more than the system does. */
static bool cannot_read(const char *path, const char *source, struct err *err)
{
    if (!err)
        return false;
    err->class = ERR_CONFIG;
    if (is_dir(path) && is_there(path, FILE_NAME))
        err_hint(err, "The file itself is wanted: %s/%s.", path, FILE_NAME);
    else if (access(path, F_OK) != 0)
        err_hint(err, "Check %s; `seedops init` writes a starter file.", source);
    else
        err_hint(err, "Check what %s names, and its permissions.", source);
    return false;
}

static bool load_file(struct settings *s, const char *shown, const char *path, const char *source,
                      const char *(*getenv_fn)(const char *), struct err *err)
{
    char *bytes, *dir, *real = realpath(path, NULL);
    size_t length;
    if (!file_read(path, SETTINGS_FILE_MAX, &bytes, &length, err)) {
        free(real);
        return cannot_read(path, source, err);
    }
    dir = file_dirname(real ? real : path);
    bool ok = settings_parse(s, shown, dir, bytes, length, getenv_fn, err);
    s->file = arena_strdup(&s->arena, real ? real : path);
    hash_hex_of(bytes, length, s->file_digest);
    s->trusted = from_own_directory(s->file);
    free(dir);
    free(real);
    secret_wipe(bytes);
    free(bytes);
    return ok;
}

void settings_begin(struct settings *s, const char *(*getenv_fn)(const char *))
{
    *s = (struct settings){.project = "", .ledger = "auto", .checksum = "auto", .journal = true, .cache = true,
                           .journal_segment = INT64_C(64) << 20, .journal_session = INT64_C(512) << 20,
                           .journal_directory = INT64_C(4) << 30, .getenv_fn = getenv_fn};
}

static bool load_environment(struct settings *s, const char *cwd, const char *(*getenv_fn)(const char *), struct err *err)
{
    enum variable_state found, found_direct = VARIABLE_UNSET;
    settings_begin(s, getenv_fn);
    guess_project(s, cwd);
    const char *url = settings_variable(s, "DATABASE_URL", &found, err), *direct = NULL;
    if (url)
        direct = settings_variable(s, "DIRECT_URL", &found_direct, err);
    if (found == VARIABLE_BROKEN || found_direct == VARIABLE_BROKEN)
        return false;
    if (!url)
        return true;
    s->environments = arena_alloc(&s->arena, sizeof *s->environments);
    s->environment_count = 1;
    environment_from_url(s, s->environments, "DATABASE_URL", url, "DIRECT_URL", direct);
    return true;
}

static void apply_options(struct settings *s, const struct settings_options *o, const char *cwd)
{
    if (o->migrations)
        s->migrations_dir = settings_path(s, cwd, o->migrations);
    if (o->seeds)
        s->seeds_dir = settings_path(s, cwd, o->seeds);
    if (!o->url)
        return;
    s->url_environment = arena_alloc(&s->arena, sizeof *s->url_environment);
    environment_from_url(s, s->url_environment, "--url", o->url, "--direct-url", o->direct_url);
    if (s->url_environment->url.password)
        settings_note(s, "--url holds a password, which other users of this machine may have seen: "
                      "DATABASE_URL or ~/.pgpass keeps it to yourself.");
}

static bool check_options(const struct settings_options *o, struct err *err)
{
    const struct { const char *name, *value; } options[] = {
        {"--config", o->config}, {"--url", o->url}, {"--direct-url", o->direct_url},
        {"--migrations", o->migrations}, {"--seeds", o->seeds}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].value && !*options[i].value) {
            err_set(err, ERR_USAGE, "%s is empty", options[i].name);
            err_why(err, "a variable that is not set may stand behind it");
            return err_hint(err, "Leave %s away, or give it a value.", options[i].name);
        }
    }
    return true;
}

static void find_cache(struct settings *s)
{
    char dir[PATH_MAX];
    const char *word = settings_getenv(s, "SEEDOPS_CACHE", NULL);
    if (s->cache && !(word && strcmp(word, "off") == 0) && cache_dir(dir, sizeof dir))
        s->cache_dir = arena_strdup(&s->arena, dir);
}

bool settings_load(struct settings *s, const struct settings_options *options,
                   const char *(*getenv_fn)(const char *), struct err *err)
{
    static const struct settings_options none;
    const struct settings_options *o = options ? options : &none;
    *s = (struct settings){.getenv_fn = getenv_fn};
    char cwd[PATH_MAX];
    if (!check_options(o, err))
        return false;
    if (!getcwd(cwd, sizeof cwd)) {
        err_errno(err, ERR_CONFIG, errno, "cannot tell the working directory");
        return err_hint(err, "Change to a directory that exists.");
    }
    const char *config = o->config ? o->config : settings_getenv(s, "SEEDOPS_CONFIG", NULL);
    struct str shown = {0};
    bool ok = true;
    char *dir = config ? NULL : find_upward(cwd, &shown);
    if (config) {
        ok = load_file(s, config, config, o->config ? "--config" : "SEEDOPS_CONFIG", getenv_fn, err);
    } else if (dir) {
        char *path = file_join(dir, FILE_NAME);
        ok = load_file(s, str_text(&shown), path, "the file", getenv_fn, err);
        free(path);
    } else {
        ok = load_environment(s, cwd, getenv_fn, err);
    }
    free(dir);
    str_free(&shown);
    if (!ok) {
        settings_free(s);
        return false;
    }
    apply_options(s, o, cwd);
    default_dirs(s);
    find_cache(s);
    return true;
}

void settings_free(struct settings *s)
{
    for (size_t i = 0; i < s->environment_count; i++)
        environment_free(&s->environments[i]);
    if (s->url_environment)
        environment_free(s->url_environment);
    arena_free(&s->arena);
    *s = (struct settings){0};
}

bool settings_is_secret(const struct table_rule *rule, const char *column)
{
    for (size_t i = 0; rule && i < rule->secret_count; i++)
        if (strcmp(rule->secret[i], column) == 0)
            return true;
    return false;
}

const struct table_rule *settings_table(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->table_count; i++) {
        if (strcmp(s->tables[i].name, name) == 0)
            return &s->tables[i];
    }
    return NULL;
}
