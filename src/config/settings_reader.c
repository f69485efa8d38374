/* settings_reader - the machinery under settings_read.c.
 *
 * Each mapping has a table of its keys; whatever is not in it is an error with its place and the nearest
 * known key. ${VAR} is expanded here, and only here; a variable that is missing spoils the one environment
 * that wants it, not the file. */
#include "config/settings_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- errors ---- */

/* What stands in the wrong place may be a URL with its password: only a plain short word is repeated. */
static bool harmless(const char *text)
{
    return strlen(text) <= 20 && !strpbrk(text, ":=/@$ ");
}

bool reader_wrong_type(struct reader *r, const struct yaml_node *node, const char *wanted)
{
    char shown[80];
    err_set(r->err, ERR_CONFIG, "%s must be %s", r->where, wanted);
    if (node->kind != YAML_SCALAR)
        err_why(r->err, node->kind == YAML_LIST ? "it is a list" : "it is a mapping");
    else if (yaml_is_null(node))
        err_why(r->err, "there is nothing behind it");
    else if (!harmless(node->text))
        err_why(r->err, "it is a text of %zu bytes", node->length);
    else
        err_why(r->err, "it is \"%s\"", text_visible_buf(shown, sizeof shown, node->text));
    return err_at(r->err, r->file, node->line, node->column);
}

static bool unknown_key(struct reader *r, const struct yaml_node *key, const struct reader_key *keys)
{
    char shown[64];
    const char *names[32] = {0};
    struct str list = {0};
    for (size_t i = 0; keys[i].name; i++) {
        names[i] = keys[i].name;
        str_printf(&list, "%s%s", i ? ", " : "", keys[i].name);
    }
    err_set(r->err, ERR_CONFIG, "unknown key \"%s\"%s%s", text_visible_buf(shown, sizeof shown, key->text),
            *r->where ? " in " : "", r->where);
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

size_t reader_enter(struct reader *r, const char *name)
{
    char shown[64];
    size_t length = strlen(r->where), room = sizeof r->where - length;
    snprintf(r->where + length, room, "%s%s", length ? "." : "", text_visible_buf(shown, sizeof shown, name));
    return length;
}

void reader_leave(struct reader *r, size_t before) { r->where[before] = '\0'; }

bool reader_map(struct reader *r, const struct yaml_node *node, const struct reader_key *keys, void *target)
{
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return reader_wrong_type(r, node, "a mapping of keys to values");
    for (size_t i = 0; i < node->count; i++) {
        const struct reader_key *key = keys;
        while (key->name && strcmp(key->name, node->keys[i]->text) != 0)
            key++;
        if (!key->name)
            return unknown_key(r, node->keys[i], keys);
        size_t before = reader_enter(r, key->name);
        if (!key->read(r, node->items[i], (char *)target + key->offset))
            return false;
        reader_leave(r, before);
    }
    return true;
}

/* ---- ${VAR} ---- */

static bool name_character(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static enum reader_expansion not_set(struct reader *r, const struct yaml_node *node,
                                     const char *name, enum variable_state state, const struct err *broken)
{
    struct err *err = r->environment ? &r->environment->url_error : r->err;
    if (err && err->class != ERR_NONE && r->environment)
        return READER_NOT_SET;               /* the first one is enough */
    if (state == VARIABLE_BROKEN && err) {
        *err = *broken;
    } else {
        err_set(err, ERR_CONFIG, "%s needs the variable %s, which is %s%s", r->where, name, variable_lack(state),
                state == VARIABLE_UNSET ? "" : ": that counts as not set");
        err_hint(err, "export %s=... and run it again.", name);
    }
    err_at(err, r->file, node->line, node->column);
    return READER_NOT_SET;
}

enum reader_expansion reader_expand(struct reader *r, const struct yaml_node *node, struct str *out)
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
            err_set(r->err, ERR_CONFIG, "%s has a malformed ${...}", r->where);
            err_why(r->err, "only ${NAME} is understood: letters, digits and '_'");
            err_hint(r->err, "A \"${\" that stands for itself is written \"$${\".");
            err_at(r->err, r->file, node->line, node->column);
            return READER_MALFORMED;
        }
        char *name = xstrndup(p + 2, length);
        enum variable_state state;
        struct err broken = {0};
        const char *value = settings_variable(r->settings, name, &state, &broken);
        enum reader_expansion result = value ? READER_EXPANDED : not_set(r, node, name, state, &broken);
        free(name);
        if (!value)
            return result;
        str_add(out, value);
        p += 2 + length;
    }
    return READER_EXPANDED;
}

/* ---- scalars ---- */

bool reader_want_text(struct reader *r, const struct yaml_node *node)
{
    if (node->tag) {
        err_set(r->err, ERR_CONFIG, "%s has a tag, which means nothing here", r->where);
        err_hint(r->err, "A variable of the environment is written ${NAME}.");
        return err_at(r->err, r->file, node->line, node->column);
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node) || !*node->text)
        return reader_wrong_type(r, node, "a text");
    return true;
}

bool reader_raw(struct reader *r, const struct yaml_node *node, void *target)
{
    if (!reader_want_text(r, node))
        return false;
    *(const char **)target = arena_strdup(&r->settings->arena, node->text);
    return true;
}

bool reader_text(struct reader *r, const struct yaml_node *node, void *target)
{
    if (!reader_want_text(r, node))
        return false;
    struct str text = {0};
    enum reader_expansion result = reader_expand(r, node, &text);
    if (result == READER_EXPANDED)
        *(const char **)target = arena_strdup(&r->settings->arena, str_text(&text));
    str_free(&text);
    return result == READER_EXPANDED || (result == READER_NOT_SET && r->environment);
}

bool reader_path(struct reader *r, const struct yaml_node *node, void *target)
{
    const char *text = NULL;
    if (!reader_text(r, node, &text))
        return false;
    *(const char **)target = text ? settings_path(r->settings, r->settings->base_dir, text) : NULL;
    return true;
}

bool reader_bool(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct { const char *word; bool value; } words[] = {
        {"on", true}, {"true", true}, {"yes", true}, {"off", false}, {"false", false}, {"no", false}};
    for (size_t i = 0; node->kind == YAML_SCALAR && i < sizeof words / sizeof *words; i++) {
        if (strcmp(node->text, words[i].word) == 0) {
            *(bool *)target = words[i].value;
            return true;
        }
    }
    return reader_wrong_type(r, node, "on or off");
}

bool reader_rows(struct reader *r, const struct yaml_node *node, void *target)
{
    bool scalar = node->kind == YAML_SCALAR && node->length > 0 && node->length < 19;
    if (!scalar || strspn(node->text, "0123456789") != node->length)
        return reader_wrong_type(r, node, "a whole number of rows, zero or more");
    *(int64_t *)target = strtoll(node->text, NULL, 10);
    return true;
}

bool reader_size(struct reader *r, const struct yaml_node *node, void *target)
{
    static const struct { const char *name; int shift; } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    size_t digits = node->kind == YAML_SCALAR ? strspn(node->text, "0123456789") : 0;
    for (size_t i = 0; digits > 0 && digits < 9 && i < sizeof units / sizeof *units; i++) {
        const char *unit = node->text + digits;
        if (strcmp(unit + (*unit == ' '), units[i].name) == 0) {
            *(int64_t *)target = strtoll(node->text, NULL, 10) << units[i].shift;
            return true;
        }
    }
    return reader_wrong_type(r, node, "a size such as 64 MiB (KiB, MiB or GiB; 0: no limit)");
}

bool reader_list(struct reader *r, const struct yaml_node *node, struct reader_list *list)
{
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_LIST)
        return reader_wrong_type(r, node, "a list of names");
    list->items = arena_alloc(&r->settings->arena, (node->count + 1) * sizeof *list->items);
    for (size_t i = 0; i < node->count; i++) {
        if (!reader_raw(r, node->items[i], &list->items[i]))
            return false;
    }
    list->count = node->count;
    return true;
}

bool reader_word(struct reader *r, const struct yaml_node *node, const char *const *words, int *index)
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
    return reader_wrong_type(r, node, wanted);
}
