/* settings_read - the tree of seedops.yaml into struct settings, key by key.
 *
 * Each mapping has a table of its keys; whatever is not in it is an error with its place and the nearest
 * known key. ${VAR} is expanded here, and only here; a variable that is missing spoils the one environment
 * that wants it, not the file. Commands are carried as written, for a shell to read if they are trusted. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "base/yaml.h"
#include "config/settings_part.h"

struct reader {
    struct settings *settings;
    const char *file;                 /* as messages name it */
    struct environment *environment;  /* being read; NULL outside of one */
    struct err *err;
};

/* Where a mapping stands, for messages: "environments.production.tunnel". */
struct where { char text[192]; };

struct key {
    const char *name;
    bool (*read)(struct reader *r, const struct where *where, const struct yaml_node *node, void *target);
    size_t offset;                    /* of what `read` fills, from the mapping's target */
};

/* ---- errors ---- */

static struct where below(const struct where *where, const char *name)
{
    struct where w;
    char shown[64];
    text_visible_buf(shown, sizeof shown, name);
    snprintf(w.text, sizeof w.text, "%.*s%s%s", (int)(sizeof w.text - sizeof shown - 2), where->text,
             *where->text ? "." : "", shown);
    return w;
}

static bool wrong_type(struct reader *r, const struct where *where, const struct yaml_node *node,
                       const char *wanted)
{
    char shown[80];
    err_set(r->err, ERR_CONFIG, "%s must be %s", where->text, wanted);
    if (node->kind != YAML_SCALAR)
        err_why(r->err, node->kind == YAML_LIST ? "it is a list" : "it is a mapping");
    else if (yaml_is_null(node))
        err_why(r->err, "there is nothing behind it");
    else
        err_why(r->err, "it is \"%s\"", text_visible_buf(shown, sizeof shown, node->text));
    return err_at(r->err, r->file, node->line, node->column);
}

static bool unknown_key(struct reader *r, const struct where *where, const struct yaml_node *key,
                        const struct key *keys)
{
    char shown[64];
    const char *names[32] = {0};
    struct str list = {0};
    for (size_t i = 0; keys[i].name; i++) {
        names[i] = keys[i].name;
        str_printf(&list, "%s%s", i ? ", " : "", keys[i].name);
    }
    err_set(r->err, ERR_CONFIG, "unknown key \"%s\"%s%s", text_visible_buf(shown, sizeof shown, key->text),
            *where->text ? " in " : "", where->text);
    err_why(r->err, "known here: %s", str_text(&list));
    const char *near = settings_nearest(key->text, names);
    if (near)
        err_hint(r->err, "Did you mean \"%s\"?", near);
    else
        err_hint(r->err, "Remove it, or see seedops.yaml(5).");
    str_free(&list);
    return err_at(r->err, r->file, key->line, key->column);
}

/* ---- mappings ---- */

/* `keys` ends with a NULL name. An empty value is an empty mapping. */
static bool read_map(struct reader *r, const struct where *where, const struct yaml_node *node,
                     const struct key *keys, void *target)
{
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return wrong_type(r, where, node, "a mapping of keys to values");
    for (size_t i = 0; i < node->count; i++) {
        const struct key *key = keys;
        while (key->name && strcmp(key->name, node->keys[i]->text) != 0)
            key++;
        if (!key->name)
            return unknown_key(r, where, node->keys[i], keys);
        struct where inner = below(where, key->name);
        if (!key->read(r, &inner, node->items[i], (char *)target + key->offset))
            return false;
    }
    return true;
}

/* ---- ${VAR} ---- */

enum expansion { EXPANDED, NOT_SET, MALFORMED };

static bool name_character(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static enum expansion not_set(struct reader *r, const struct where *where, const struct yaml_node *node,
                              const char *name, bool empty)
{
    struct err *err = r->environment ? &r->environment->url_error : r->err;
    if (err && err->class != ERR_NONE && r->environment)
        return NOT_SET;               /* the first one is enough */
    err_set(err, ERR_CONFIG, "%s needs the variable %s, which is %s", where->text, name,
            empty ? "empty: that counts as not set" : "not set");
    err_hint(err, "export %s=... and run it again.", name);
    err_at(err, r->file, node->line, node->column);
    return NOT_SET;
}

/* `text` with ${NAME} replaced; "$${" stands for "${", any other '$' for itself. */
static enum expansion expand(struct reader *r, const struct where *where, const struct yaml_node *node,
                             struct str *out)
{
    for (const char *p = node->text; *p; p++) {
        if (strncmp(p, "$${", 3) == 0) {
            str_add(out, "${");
            p += 2;
            continue;
        }
        if (p[0] != '$' || p[1] != '{') {
            str_add_char(out, *p);
            continue;
        }
        size_t length = 0;
        while (name_character(p[2 + length], length == 0))
            length++;
        if (!length || p[2 + length] != '}') {
            err_set(r->err, ERR_CONFIG, "%s has a malformed ${...}", where->text);
            err_why(r->err, "only ${NAME} is understood: letters, digits and '_'");
            err_hint(r->err, "A \"${\" that stands for itself is written \"$${\".");
            err_at(r->err, r->file, node->line, node->column);
            return MALFORMED;
        }
        char *name = xstrndup(p + 2, length);
        bool empty;
        const char *value = settings_getenv(r->settings, name, &empty);
        enum expansion result = value ? EXPANDED : not_set(r, where, node, name, empty);
        free(name);
        if (!value)
            return result;
        str_add(out, value);
        p += 2 + length;
    }
    return EXPANDED;
}

/* ---- scalars ---- */

static bool want_text(struct reader *r, const struct where *where, const struct yaml_node *node)
{
    if (node->tag) {
        err_set(r->err, ERR_CONFIG, "%s has a tag, which means nothing here", where->text);
        err_hint(r->err, "A variable of the environment is written ${NAME}.");
        return err_at(r->err, r->file, node->line, node->column);
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node) || !*node->text)
        return wrong_type(r, where, node, "a text");
    return true;
}

/* A command, or any text that is nobody's to expand. */
static bool read_raw(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    if (!want_text(r, where, node))
        return false;
    *(const char **)target = arena_strdup(&r->settings->arena, node->text);
    return true;
}

static bool read_text(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    if (!want_text(r, where, node))
        return false;
    struct str text = {0};
    enum expansion result = expand(r, where, node, &text);
    if (result == EXPANDED)
        *(const char **)target = arena_strdup(&r->settings->arena, str_text(&text));
    str_free(&text);
    return result == EXPANDED || (result == NOT_SET && r->environment);
}

static bool read_path(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    const char *text = NULL;
    if (!read_text(r, where, node, &text))
        return false;
    *(const char **)target = text ? settings_path(r->settings, r->settings->base_dir, text) : NULL;
    return true;
}

static bool read_bool(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    static const struct { const char *word; bool value; } words[] = {
        {"on", true}, {"true", true}, {"yes", true}, {"off", false}, {"false", false}, {"no", false}};
    for (size_t i = 0; node->kind == YAML_SCALAR && i < sizeof words / sizeof *words; i++) {
        if (strcmp(node->text, words[i].word) == 0) {
            *(bool *)target = words[i].value;
            return true;
        }
    }
    return wrong_type(r, where, node, "on or off");
}

static bool read_rows(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    bool scalar = node->kind == YAML_SCALAR && node->length > 0 && node->length < 19;
    if (!scalar || strspn(node->text, "0123456789") != node->length)
        return wrong_type(r, where, node, "a whole number of rows, zero or more");
    *(int64_t *)target = strtoll(node->text, NULL, 10);
    return true;
}

struct list { const char **items; size_t count; };

static bool read_list(struct reader *r, const struct where *where, const struct yaml_node *node,
                      struct list *list)
{
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_LIST)
        return wrong_type(r, where, node, "a list of names");
    list->items = arena_alloc(&r->settings->arena, (node->count + 1) * sizeof *list->items);
    for (size_t i = 0; i < node->count; i++) {
        if (!read_raw(r, where, node->items[i], &list->items[i]))
            return false;
    }
    list->count = node->count;
    return true;
}

/* One of a list of words: its index, or an error that names them. */
static bool read_word(struct reader *r, const struct where *where, const struct yaml_node *node,
                      const char *const *words, int *index)
{
    if (node->kind == YAML_SCALAR && !node->tag) {
        for (int i = 0; words[i]; i++) {
            if (strcmp(words[i], node->text) == 0) {
                *index = i;
                return true;
            }
        }
    }
    char wanted[160] = "";
    for (int i = 0; words[i]; i++)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%s",
                 i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    return wrong_type(r, where, node, wanted);
}

/* ---- version, migrations, tables ---- */

static bool read_version(struct reader *r, const struct where *where,
                         const struct yaml_node *node, void *target)
{
    (void)target;
    if (node->kind == YAML_SCALAR && strcmp(node->text, "1") == 0)
        return true;
    wrong_type(r, where, node, "1, the version that this seedops reads");
    return err_hint(r->err, "Write \"version: 1\"; a file of a later version needs a later seedops.");
}

static bool read_ledger(struct reader *r, const struct where *where,
                        const struct yaml_node *node, void *target)
{
    static const char *const words[] = {"auto", "prisma", "numbered", "seedops", NULL};
    int index;
    if (!read_word(r, where, node, words, &index))
        return err_hint(r->err, "Only these tools' ledgers are written to; seedops means numbered.");
    *(const char **)target = words[index];
    return true;
}

static bool read_migrations(struct reader *r, const struct where *where, const struct yaml_node *node,
                            void *target)
{
    static const struct key keys[] = {
        {"dir", read_path, offsetof(struct settings, migrations_dir)},
        {"ledger", read_ledger, offsetof(struct settings, ledger)},
        {"table", read_text, offsetof(struct settings, ledger_table)},
        {"checksum", read_text, offsetof(struct settings, checksum)},
        {"before", read_raw, offsetof(struct settings, migrations_before)},
        {NULL, NULL, 0}};
    return read_map(r, where, node, keys, target);
}

static const char *const class_words[] = {"unlisted", "context", "operational", NULL};
static const char *const role_words[] = {"local", "staging", "production", NULL};

const char *table_class_name(enum table_class class) { return class_words[class]; }
const char *role_name(enum role role) { return role_words[role]; }

static bool read_class(struct reader *r, const struct where *where,
                       const struct yaml_node *node, void *target)
{
    int index;
    if (!read_word(r, where, node, class_words + TABLE_CONTEXT, &index))
        return err_hint(r->err, "context: the fixtures own its rows; operational: the application does.");
    *(enum table_class *)target = (enum table_class)(TABLE_CONTEXT + index);
    return true;
}

static bool read_secret(struct reader *r, const struct where *where,
                        const struct yaml_node *node, void *target)
{
    struct table_rule *rule = target;
    struct list list = {0};
    if (!read_list(r, where, node, &list))
        return false;
    rule->secret = list.items;
    rule->secret_count = list.count;
    return true;
}

static bool read_tables(struct reader *r, const struct where *where,
                        const struct yaml_node *node, void *target)
{
    static const struct key keys[] = {
        {"class", read_class, offsetof(struct table_rule, class)},
        {"min_rows", read_rows, offsetof(struct table_rule, min_rows)},
        {"secret", read_secret, 0},
        {NULL, NULL, 0}};
    struct settings *s = target;
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return wrong_type(r, where, node, "a mapping of tables");
    s->tables = arena_alloc(&s->arena, (node->count + 1) * sizeof *s->tables);
    for (size_t i = 0; i < node->count; i++) {
        struct table_rule *rule = &s->tables[i];
        rule->name = arena_strdup(&s->arena, node->keys[i]->text);
        rule->min_rows = -1;
        struct where inner = below(where, rule->name);
        if (!read_map(r, &inner, node->items[i], keys, rule))
            return false;
    }
    s->table_count = node->count;
    return true;
}

/* ---- environments ---- */

static bool read_role(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    int index;
    if (!read_word(r, where, node, role_words, &index))
        return false;
    env->role = (enum role)index;
    env->role_given = true;
    return true;
}

static bool read_tunnel(struct reader *r, const struct where *where,
                        const struct yaml_node *node, void *target)
{
    static const struct key keys[] = {
        {"ssh", read_text, offsetof(struct environment, ssh)},
        {"forward", read_text, offsetof(struct environment, forward)},
        {"socket", read_text, offsetof(struct environment, socket)},
        {"container", read_text, offsetof(struct environment, container)},
        {"command", read_raw, offsetof(struct environment, command)},
        {NULL, NULL, 0}};
    if (!read_map(r, where, node, keys, target))
        return false;
    const char *first = NULL;
    for (size_t i = 0; node->kind == YAML_MAP && i < node->count; i++) {
        const char *key = node->keys[i]->text;
        if (strcmp(key, "ssh") == 0)
            continue;
        if (first) {
            err_set(r->err, ERR_CONFIG, "%s has both \"%s\" and \"%s\"", where->text, first, key);
            err_why(r->err, "forward, socket, container and command are different ways to the same server");
            err_hint(r->err, "Keep the one that works by hand.");
            return err_at(r->err, r->file, node->keys[i]->line, node->keys[i]->column);
        }
        first = key;
    }
    if (!yaml_is_null(node) && !yaml_get(node, "ssh")) {
        err_set(r->err, ERR_CONFIG, "%s needs \"ssh\"", where->text);
        err_hint(r->err, "ssh: user@host, or a Host alias of ~/.ssh/config.");
        return err_at(r->err, r->file, node->line, node->column);
    }
    return true;
}

static bool read_databases(struct reader *r, const struct where *where, const struct yaml_node *node,
                           void *target)
{
    struct environment *env = target;
    struct list list = {0};
    if (!read_list(r, where, node, &list))
        return false;
    env->databases = list.items;
    env->database_count = list.count;
    return true;
}

static bool read_url_into(struct reader *r, const struct where *where, const struct yaml_node *node,
                          const char *key, struct url *url, bool *has)
{
    struct environment *env = r->environment;
    struct settings *s = r->settings;
    if (!want_text(r, where, node))
        return false;
    struct str text = {0};
    enum expansion result = expand(r, where, node, &text);
    if (result == EXPANDED) {
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
    return result != MALFORMED;
}

static bool read_url(struct reader *r, const struct where *where, const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    return read_url_into(r, where, node, "url", &env->url, &env->has_url);
}

static bool read_direct(struct reader *r, const struct where *where,
                        const struct yaml_node *node, void *target)
{
    struct environment *env = target;
    return read_url_into(r, where, node, "direct_url", &env->direct, &env->has_direct);
}

static bool check_name(struct reader *r, const struct yaml_node *key)
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
    err_set(r->err, ERR_CONFIG, "an environment cannot be named \"%s\"",
            text_visible_buf(shown, sizeof shown, key->text));
    err_why(r->err, "%s", why);
    err_hint(r->err, "Give it another name, such as local, staging or production.");
    return err_at(r->err, r->file, key->line, key->column);
}

static const struct url no_url = {.host = "", .port = "", .database = "", .user = ""};

/* Without a role, the name decides, and the more careful reading counts. */
static enum role role_by_name(const char *name)
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

static bool read_environment(struct reader *r, const struct where *where, const struct yaml_node *key,
                             const struct yaml_node *node, struct environment *env)
{
    static const struct key keys[] = {
        {"url", read_url, 0},
        {"direct_url", read_direct, 0},
        {"role", read_role, 0},
        {"tunnel", read_tunnel, 0},
        {"password_command", read_raw, offsetof(struct environment, password_command)},
        {"journal", read_bool, offsetof(struct environment, journal)},
        {"state_dir", read_path, offsetof(struct environment, state_dir)},
        {"databases", read_databases, 0},
        {NULL, NULL, 0}};
    struct settings *s = r->settings;
    if (!check_name(r, key))
        return false;
    struct err at = {0};
    err_at(&at, r->file, key->line, key->column);
    env->name = arena_strdup(&s->arena, key->text);
    env->at = arena_strdup(&s->arena, at.at);
    env->url_source = arena_printf(&s->arena, "url of %s", env->name);
    env->url = env->direct = no_url;
    env->journal = true;
    env->role = role_by_name(env->name);
    struct where inner = below(where, env->name);
    if (!read_map(r, &inner, node, keys, env))
        return false;
    if (node->kind != YAML_MAP || !yaml_get(node, "url")) {
        err_set(r->err, ERR_CONFIG, "%s has no url", inner.text);
        err_hint(r->err, "Add \"url: ${DATABASE_URL}\", or a URL without its password.");
        return err_at(r->err, r->file, key->line, key->column);
    }
    if (!env->has_direct)
        env->direct = env->url;
    return true;
}

static bool read_environments(struct reader *r, const struct where *where, const struct yaml_node *node,
                              void *target)
{
    struct settings *s = target;
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return wrong_type(r, where, node, "a mapping of environments");
    s->environments = arena_alloc(&s->arena, (node->count + 1) * sizeof *s->environments);
    for (size_t i = 0; i < node->count; i++) {
        r->environment = &s->environments[s->environment_count++];
        if (!read_environment(r, where, node->keys[i], node->items[i], r->environment))
            return false;
        r->environment = NULL;
    }
    return true;
}

/* ---- the file ---- */

static bool read_root(struct reader *r, const struct yaml_node *root)
{
    static const struct key keys[] = {
        {"version", read_version, 0},
        {"project", read_text, offsetof(struct settings, project)},
        {"migrations", read_migrations, 0},
        {"seeds", read_path, offsetof(struct settings, seeds_dir)},
        {"tables", read_tables, 0},
        {"environments", read_environments, 0},
        {"state_dir", read_path, offsetof(struct settings, state_dir)},
        {"journal", read_bool, offsetof(struct settings, journal)},
        {"restore_triggers", read_text, offsetof(struct settings, restore_triggers)},
        {NULL, NULL, 0}};
    static const struct where top = {""};
    if (!yaml_is_null(root) && root->kind != YAML_MAP) {
        struct where file;
        snprintf(file.text, sizeof file.text, "%.180s", r->file);
        return wrong_type(r, &file, root, "a mapping of keys to values");
    }
    if (!read_map(r, &top, root, keys, r->settings))
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
    *s = (struct settings){.project = "", .ledger = "auto", .checksum = "auto", .journal = true,
                           .getenv_fn = getenv_fn};
    s->base_dir = arena_strdup(&s->arena, base_dir);
    s->file = settings_path(s, base_dir, file);
    bool ok = yaml_parse(&root, &tree, file, bytes, length, err);
    if (!ok && err)
        err->class = ERR_CONFIG;
    ok = ok && read_root(&r, root);
    arena_free(&tree);
    return ok;
}
