/* yaml_core - the few words of the core schema that matter, and looking into a tree. */
#include <string.h>

#include "base/yaml.h"

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "null", "Null", "NULL", "~", NULL};
    return node && node->kind == YAML_SCALAR && node->plain && !node->tag && strchr("nN~", node->text[0]) &&
           is_one_of(node->text, words);   /* strchr: "" too */
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

bool yaml_core_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    *value = is_one_of(text, yes);
    return *value || is_one_of(text, no);
}

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, 0o[0-7]+, 0x[0-9a-fA-F]+ - without the
 * core schema's .inf and .nan, which JSON has no numbers for. */
bool yaml_core_number(const char *text)
{
    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        const char *set = text[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";
        return text[2] && text[2 + strspn(text + 2, set)] == '\0';
    }
    if (*text == '-' || *text == '+')
        text++;
    size_t whole = digits(text), fraction = 0;
    text += whole;
    if (*text == '.') {
        text++;
        fraction = digits(text);
        text += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        size_t exponent = digits(text);
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}
