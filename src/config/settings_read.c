/* settings_read - the keys of seedops.yaml, mapping by mapping, into struct settings.
 *
 * One table of keys a mapping (settings_reader.h walks them). Commands are carried as written, for a shell to
 * read if they are trusted. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/settings_many.h"
#include "config/settings_reader.h"

/* ---- version, migrations, tables ---- */

static bool read_version(struct reader *r, const struct yaml_node *node, void *target)
{
    (void)target;
    if (node->kind == YAML_SCALAR && strcmp(node->text, "1") == 0)
        return true;
    reader_wrong_type(r, node, "1, the version that this seedops reads");
    return err_hint(r->err, "Write \"version: 1\"; a file of a later version needs a later seedops.");
}

static bool read_ledger(struct reader *r, const struct yaml_node *node, void *target)
{
    static const char *const words[] = {"auto", "prisma", "numbered", "seedops", NULL};
    int index;
    if (!reader_word(r, node, words, &index))
        return err_hint(r->err, "Only these tools' ledgers are written to; seedops means numbered.");
    *(const char **)target = words[index];
    return true;
}

static bool read_migrations(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct reader_key keys[] = {
        {"dir", reader_path, offsetof(struct settings, migrations_dir)},
        {"ledger", read_ledger, offsetof(struct settings, ledger)},
        {"table", reader_text, offsetof(struct settings, ledger_table)},
        {"checksum", reader_text, offsetof(struct settings, checksum)},
        {"before", reader_raw, offsetof(struct settings, migrations_before)},
        {NULL, NULL, 0}};
    return reader_map(r, node, keys, target);
}

static const char *const class_words[] = {"unlisted", "context", "operational", NULL};
static const char *const role_words[] = {"local", "staging", "production", NULL};

const char *table_class_name(enum table_class class) { return class_words[class]; }
const char *role_name(enum role role) { return role_words[role]; }

static bool read_class(struct reader *r, const struct yaml_node *node, void *target)
{
    int index;
    if (!reader_word(r, node, class_words + TABLE_CONTEXT, &index))
        return err_hint(r->err, "context: the fixtures own its rows; operational: the application does.");
    *(enum table_class *)target = (enum table_class)(TABLE_CONTEXT + index);
    return true;
}

static bool read_secret(struct reader *r, const struct yaml_node *node, void *target)
{
    struct table_rule *rule = target;
    struct reader_list list = {0};
    if (!reader_list(r, node, &list))
        return false;
    rule->secret = list.items;
    rule->secret_count = list.count;
    return true;
}

static bool read_tables(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct reader_key keys[] = {
        {"class", read_class, offsetof(struct table_rule, class)},
        {"min_rows", reader_rows, offsetof(struct table_rule, min_rows)},
        {"secret", read_secret, 0},
        {NULL, NULL, 0}};
    struct settings *s = target;
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return reader_wrong_type(r, node, "a mapping of tables");
    s->tables = arena_alloc(&s->arena, (node->count + 1) * sizeof *s->tables);
    for (size_t i = 0; i < node->count; i++) {
        struct table_rule *rule = &s->tables[i];
        rule->name = arena_strdup(&s->arena, node->keys[i]->text);
        rule->min_rows = -1;
        size_t before = reader_enter(r, rule->name);
        if (!reader_map(r, node->items[i], keys, rule))
            return false;
        reader_leave(r, before);
    }
    s->table_count = node->count;
    return true;
}

/* ---- environments ---- */

static bool read_role(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    int index;
    if (!reader_word(r, node, role_words, &index))
        return false;
    env->role = (enum role)index;
    env->role_given = true;
    return true;
}

/* A text is a LIKE pattern, a list has names, and {query: SQL} asks the server. */
static bool read_databases(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct reader_key keys[] = {
        {"query", reader_raw, offsetof(struct environment, databases_query)},
        {NULL, NULL, 0}};
    struct environment *env = target;
    struct reader_list list = {0};
    if (node->kind == YAML_SCALAR)
        return reader_raw(r, node, &env->databases_like);
    if (node->kind == YAML_MAP && node->count > 0)
        return reader_map(r, node, keys, target);
    if (node->kind != YAML_LIST || node->count == 0)
        return reader_wrong_type(r, node, "a LIKE pattern, a list of names, or {query: SQL}");
    if (!reader_list(r, node, &list))
        return false;
    env->databases = list.items;
    env->database_count = list.count;
    return true;
}

static bool read_url_into(struct reader *r, const struct yaml_node *node,
                          const char *key, struct url *url, bool *has)
{
    struct environment *env = r->environment;
    struct settings *s = r->settings;
    if (!reader_want_text(r, node))
        return false;
    struct str text = {0};
    enum reader_expansion result = reader_expand(r, node, &text);
    if (result == READER_EXPANDED) {
        struct err at = {0};
        err_at(&at, r->file, node->line, node->column);
        *has = environment_put_url(s, env, url, arena_printf(&s->arena, "%s of %s", key, env->name),
                                   str_text(&text), at.at);
        if (*has && url->password && !strstr(node->text, "${"))
            env->url_literal_password = true;
    }
    if (text.text)
        secret_wipe(text.text);
    str_free(&text);
    return result != READER_MALFORMED;
}

static bool read_url(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    return read_url_into(r, node, "url", &env->url, &env->has_url);
}

static bool read_direct(struct reader *r, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    return read_url_into(r, node, "direct_url", &env->direct, &env->has_direct);
}

static bool check_name(struct reader *r, const struct yaml_node *key, const char *what)
{
    char shown[64];
    const char *why = NULL;
    for (const char *const *name = settings_reserved(); *name; name++) {
        if (strcmp(*name, key->text) == 0)
            why = "it is the name of a command";
    }
    if (!*key->text || key->length > 63)
        why = "a name has 1 to 63 bytes";
    else if (*key->text == '-')
        why = "a name that begins with '-' cannot be told from an option";
    else if (strcmp(text_visible_buf(shown, sizeof shown, key->text), key->text) != 0
             || strpbrk(key->text, " \\\"'/"))
        why = "it must be easy to type: no spaces, quotes, slashes or invisible characters";
    if (!why)
        return true;
    err_set(r->err, ERR_CONFIG, "%s cannot be named \"%s\"", what, text_visible_buf(shown, sizeof shown, key->text));
    err_why(r->err, "%s", why);
    err_hint(r->err, "Give it another name, such as local, staging or production.");
    return err_at(r->err, r->file, key->line, key->column);
}

static const struct url no_url = {.host = "", .port = "", .database = "", .user = ""};

enum role role_of_name(const char *name)
{
    static const struct { const char *name; enum role role; } names[] = {
        {"production", ROLE_PRODUCTION}, {"prod", ROLE_PRODUCTION}, {"live", ROLE_PRODUCTION},
        {"staging", ROLE_STAGING}, {"stage", ROLE_STAGING}, {"preprod", ROLE_STAGING}, {"uat", ROLE_STAGING}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name) == 0)
            return names[i].role;
    }
    return ROLE_LOCAL;
}

static bool read_environment(struct reader *r, const struct yaml_node *key,
                             const struct yaml_node *node, struct environment *env)
{
    static const struct reader_key keys[] = {
        {"url", read_url, 0},
        {"direct_url", read_direct, 0},
        {"role", read_role, 0},
        {"tunnel", settings_read_tunnel, 0},
        {"password_command", reader_raw, offsetof(struct environment, password_command)},
        {"journal", reader_bool, offsetof(struct environment, journal)},
        {"state_dir", reader_path, offsetof(struct environment, state_dir)},
        {"databases", read_databases, 0},
        {NULL, NULL, 0}};
    struct settings *s = r->settings;
    if (!check_name(r, key, "an environment"))
        return false;
    struct err at = {0};
    err_at(&at, r->file, key->line, key->column);
    env->name = arena_strdup(&s->arena, key->text);
    env->at = arena_strdup(&s->arena, at.at);
    env->url_source = arena_printf(&s->arena, "url of %s", env->name);
    env->url = env->direct = no_url;
    env->journal = true;
    env->role = role_of_name(env->name);
    size_t before = reader_enter(r, env->name);
    if (!reader_map(r, node, keys, env))
        return false;
    if (node->kind != YAML_MAP || !yaml_get(node, "url")) {
        err_set(r->err, ERR_CONFIG, "%s has no url", r->where);
        err_hint(r->err, "Add \"url: ${DATABASE_URL}\", or a URL without its password.");
        return err_at(r->err, r->file, key->line, key->column);
    }
    if (!env->has_direct)
        env->direct = env->url;
    reader_leave(r, before);
    return true;
}

static bool read_environments(struct reader *r, const struct yaml_node *node, void *target)
{
    struct settings *s = target;
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return reader_wrong_type(r, node, "a mapping of environments");
    s->environments = arena_alloc(&s->arena, (node->count + 1) * sizeof *s->environments);
    for (size_t i = 0; i < node->count; i++) {
        r->environment = &s->environments[s->environment_count++];
        if (!read_environment(r, node->keys[i], node->items[i], r->environment))
            return false;
        r->environment = NULL;
    }
    return true;
}

/* ---- groups ---- */

/* A member that is no environment and no pattern that fits one. */
static bool no_member(struct reader *r, const struct yaml_node *node)
{
    struct settings *s = r->settings;
    char shown[64];
    const char **names = arena_alloc(&s->arena, (s->environment_count + 1) * sizeof *names);
    for (size_t i = 0; i < s->environment_count; i++)
        names[i] = s->environments[i].name;
    names[s->environment_count] = NULL;
    err_set(r->err, ERR_CONFIG, "%s: %s \"%s\"", r->where,
            settings_is_pattern(node->text) ? "no environment fits" : "there is no environment",
            text_visible_buf(shown, sizeof shown, node->text));
    const char *near = settings_nearest(node->text, names);
    if (near)
        err_hint(r->err, "Did you mean \"%s\"?", near);
    else
        err_hint(r->err, "A group has environments, ENV/DATABASE, and patterns such as tenant-*.");
    return err_at(r->err, r->file, node->line, node->column);
}

static bool read_group(struct reader *r, const struct yaml_node *key, const struct yaml_node *node, struct environment_group *group)
{
    struct reader_list list = {0};
    if (!check_name(r, key, "a group"))
        return false;
    for (size_t i = 0; i < r->settings->environment_count; i++)
        if (strcmp(r->settings->environments[i].name, key->text) == 0) {
            err_set(r->err, ERR_CONFIG, "group \"%s\" has the name of an environment", key->text);
            err_hint(r->err, "Give one of them another name.");
            return err_at(r->err, r->file, key->line, key->column);
        }
    if (node->kind != YAML_LIST || node->count == 0)
        return reader_wrong_type(r, node, "a list of environments");
    if (!reader_list(r, node, &list))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (!settings_any_fits(r->settings, list.items[i]))
            return no_member(r, node->items[i]);
    *group = (struct environment_group){arena_strdup(&r->settings->arena, key->text), list.items, list.count};
    return true;
}

/* Read last: what they name may stand below them in the file. */
static bool read_groups(struct reader *r, const struct yaml_node *node)
{
    struct settings *s = r->settings;
    if (!node || yaml_is_null(node))
        return true;
    size_t before = reader_enter(r, "groups");
    if (node->kind != YAML_MAP)
        return reader_wrong_type(r, node, "a mapping of groups");
    s->groups = arena_alloc(&s->arena, (node->count + 1) * sizeof *s->groups);
    for (size_t i = 0; i < node->count; i++) {
        size_t within = reader_enter(r, node->keys[i]->text);
        if (!read_group(r, node->keys[i], node->items[i], &s->groups[s->group_count++]))
            return false;
        reader_leave(r, within);
    }
    reader_leave(r, before);
    return true;
}

static bool read_later(struct reader *r, const struct yaml_node *node, void *target)
{
    (void)r, (void)node, (void)target;
    return true;
}

/* ---- the file ---- */

static bool read_journals(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct reader_key keys[] = {
        {"segment", reader_size, offsetof(struct settings, journal_segment)},
        {"session", reader_size, offsetof(struct settings, journal_session)},
        {"directory", reader_size, offsetof(struct settings, journal_directory)},
        {NULL, NULL, 0}};
    return reader_map(r, node, keys, target);
}

static bool read_root(struct reader *r, const struct yaml_node *root)
{
    static const struct reader_key keys[] = {
        {"version", read_version, 0},
        {"project", reader_text, offsetof(struct settings, project)},
        {"migrations", read_migrations, 0},
        {"seeds", reader_path, offsetof(struct settings, seeds_dir)},
        {"tables", read_tables, 0},
        {"environments", read_environments, 0},
        {"groups", read_later, 0},
        {"state_dir", reader_path, offsetof(struct settings, state_dir)},
        {"journal", reader_bool, offsetof(struct settings, journal)},
        {"journals", read_journals, 0},
        {"cache", reader_bool, offsetof(struct settings, cache)},
        {"restore_triggers", reader_text, offsetof(struct settings, restore_triggers)},
        {NULL, NULL, 0}};
    if (!yaml_is_null(root) && root->kind != YAML_MAP) {
        snprintf(r->where, sizeof r->where, "%s", r->file);
        return reader_wrong_type(r, root, "a mapping of keys to values");
    }
    if (!reader_map(r, root, keys, r->settings) ||
        (root->kind == YAML_MAP && !read_groups(r, yaml_get(root, "groups"))))
        return false;
    /* What the top says counts for every environment that does not say otherwise. */
    for (size_t i = 0; i < r->settings->environment_count; i++) {
        struct environment *env = &r->settings->environments[i];
        env->journal = env->journal && r->settings->journal;
        env->state_dir = env->state_dir ? env->state_dir : r->settings->state_dir;
    }
    return true;
}

bool settings_parse(struct settings *s, const char *file, const char *base_dir, const char *bytes,
                    size_t length, const char *(*getenv_fn)(const char *), struct err *err)
{
    struct arena tree = {0};
    struct yaml_node *root;
    struct reader r = {.settings = s, .file = file, .err = err};
    settings_begin(s, getenv_fn);
    s->base_dir = arena_strdup(&s->arena, base_dir);
    s->file = settings_path(s, base_dir, file);
    bool ok = yaml_parse(&root, &tree, file, bytes, length, err);
    if (!ok && err)
        err->class = ERR_CONFIG;
    ok = ok && read_root(&r, root);
    arena_free(&tree);
    return ok;
}
