/* settings_many - what the words for many mean. Pure but for the settings' arena. */
#include "config/settings_many.h"

#include <fnmatch.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "config/settings_part.h"

bool settings_is_pattern(const char *word) { return strpbrk(word, "*?[") != NULL; }

bool environment_is_many(const struct environment *env)
{
    return env->database_count > 0 || env->databases_like || env->databases_query;
}

const char *environment_declared(const struct environment *env) { return env->of ? env->of->name : env->name; }

/* ---- names ---- */

static size_t character_length(const char *at)
{
    size_t length = *at != '\0';
    while (length && ((unsigned char)at[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* The pattern's next unit against the text's next character: how long that is, 0 if they differ; *used of the pattern. */
static size_t like_one(const char *pattern, const char *text, size_t *used)
{
    *used = 1;
    if (!*text)
        return 0;
    if (*pattern == '_')
        return character_length(text);
    if (*pattern == '\\' && pattern[1])
        *used = 2;
    return pattern[*used - 1] == *text;
}

/* Only the last % ever needs another try, so the time is that of pattern times text at most. */
bool settings_like(const char *pattern, const char *text)
{
    const char *again_pattern = NULL, *again_text = NULL;
    while (*text || *pattern) {
        size_t used, length;
        if (*pattern == '%') {
            again_pattern = ++pattern;
            again_text = text;
        } else if (*pattern && (length = like_one(pattern, text, &used)) > 0) {
            pattern += used;
            text += length;
        } else if (again_pattern && *again_text) {
            pattern = again_pattern;
            text = again_text += character_length(again_text);
        } else {
            return false;
        }
    }
    return true;
}

bool environment_allows(const struct environment *many, const char *database)
{
    if (many->databases_like)
        return settings_like(many->databases_like, database);
    for (size_t i = 0; i < many->database_count; i++)
        if (strcmp(many->databases[i], database) == 0)
            return true;
    return many->databases_query != NULL;
}

/* ---- one of many ---- */

struct environment *environment_database(struct arena *arena, const struct environment *many, const char *database)
{
    struct environment *env = arena_alloc(arena, sizeof *env);
    struct str name = {0};
    str_printf(&name, "%s/", many->name);
    text_visible(&name, database, strlen(database));
    *env = *many;
    env->name = arena_strdup(arena, str_text(&name));
    env->database = arena_strdup(arena, database);
    env->of = many;
    env->databases = NULL;
    env->database_count = 0;
    env->databases_like = env->databases_query = NULL;
    url_with_database(&env->url, &many->url, arena, env->database);
    if (many->has_direct)
        url_with_database(&env->direct, &many->direct, arena, env->database);
    else
        env->direct = env->url;
    str_free(&name);
    return env;
}

/* ---- words ---- */

/* "tenants/a*": the part before the slash into *name (in the arena), the part behind it given; NULL: there is none. */
static const char *cut(struct arena *arena, const char *word, const char **name)
{
    const char *slash = strchr(word, '/');
    *name = slash ? arena_strndup(arena, word, (size_t)(slash - word)) : word;
    return slash && slash[1] ? slash + 1 : NULL;
}

static bool fits(const char *pattern, const char *name)
{
    return strcmp(pattern, name) == 0 || (settings_is_pattern(pattern) && fnmatch(pattern, name, 0) == 0);
}

bool settings_any_fits(const struct settings *s, const char *word)
{
    struct arena arena = {0};
    const char *name, *database = cut(&arena, word, &name);
    bool any = false;
    for (size_t i = 0; i < s->environment_count && !any; i++) {
        const struct environment *env = &s->environments[i];
        any = strcmp(env->name, word) == 0 || (fits(name, env->name) && (!database || environment_is_many(env)));
    }
    arena_free(&arena);
    return any;
}

static void add(struct settings *s, struct selection *selection, struct environment *env, const char *database)
{
    selection->items = arena_grow(&s->arena, selection->items, selection->count, selection->count + 1,
                                  sizeof *selection->items);
    selection->items[selection->count++] = (struct selected){env, database};
    selection->several |= environment_is_many(env) && (!database || settings_is_pattern(database));
}

/* False: the word fits nothing. */
static bool add_word(struct settings *s, struct selection *selection, const char *word)
{
    const char *name, *database = cut(&s->arena, word, &name);
    size_t before = selection->count;
    selection->several |= settings_is_pattern(word);
    for (size_t i = 0; i < s->environment_count; i++) {
        struct environment *env = &s->environments[i];
        if (strcmp(env->name, word) == 0)       /* a URL's own name may have a slash in it */
            add(s, selection, env, NULL);
        else if (fits(name, env->name) && (!database || environment_is_many(env)))
            add(s, selection, env, database);
    }
    return selection->count > before;
}

static const struct environment_group *find_group(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->group_count; i++)
        if (strcmp(s->groups[i].name, name) == 0)
            return &s->groups[i];
    return NULL;
}

static bool nothing_fits(const struct settings *s, const char *word, struct err *err)
{
    struct environment *none;
    if (!settings_is_pattern(word))
        return settings_choose((struct settings *)s, NULL, word, &none, err);     /* says what there is */
    char shown[80];
    err_set(err, ERR_USAGE, "no environment fits \"%s\"", settings_show_word(shown, sizeof shown, word));
    return err_hint(err, "`seedops envs` lists them; a pattern of databases follows a slash: tenants/a*");
}

bool settings_select(struct settings *s, const char *const *words, size_t count, struct selection *selection,
                     struct err *err)
{
    *selection = (struct selection){.several = count > 1};
    for (size_t i = 0; i < count; i++) {
        const struct environment_group *group = find_group(s, words[i]);
        if (!group && !add_word(s, selection, words[i]))
            return nothing_fits(s, words[i], err);
        selection->several |= group != NULL;
        for (size_t m = 0; group && m < group->member_count; m++)
            add_word(s, selection, group->members[m]);
    }
    /* without a word: the only one there is, if it stands for many */
    if (count == 0 && s->environment_count == 1 && !s->url_environment && environment_is_many(s->environments))
        add(s, selection, s->environments, NULL);
    return true;
}

static bool member_fits(const struct environment *env, const char *member)
{
    struct arena arena = {0};
    const char *name, *database = cut(&arena, member, &name), *declared = environment_declared(env);
    bool fit = strcmp(declared, member) == 0 || strcmp(env->name, member) == 0 ||
               (fits(name, declared) && (!database || (env->database && fits(database, env->database))));
    arena_free(&arena);
    return fit;
}

void settings_groups_of(const struct settings *s, const struct environment *env, struct str *out)
{
    size_t before = out->length;
    for (size_t g = 0; g < s->group_count; g++)
        for (size_t i = 0; i < s->groups[g].member_count; i++)
            if (member_fits(env, s->groups[g].members[i])) {
                str_printf(out, "%s%s", out->length > before ? " " : "", s->groups[g].name);
                break;
            }
}

void settings_select_all(struct settings *s, struct selection *selection)
{
    *selection = (struct selection){.several = true};
    for (size_t i = 0; i < s->environment_count; i++)
        add(s, selection, &s->environments[i], NULL);
}
