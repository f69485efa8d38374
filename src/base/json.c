/* json - JSON in: a thin skin over jansson, so that nobody else knows it. */
#include "base/json.h"

#undef json_object
#undef json_array
#undef json_null
#include <jansson.h>

/* The names jansson has as macros are functions here. */
#undef json_is_object
#undef json_is_array
#undef json_is_null

static const json_t *inner(const struct json *v) { return (const json_t *)v; }
static const struct json *outer(const json_t *v) { return (const struct json *)v; }

bool json_parse(struct json **root, const char *bytes, size_t length, struct err *err)
{
    json_error_t problem;
    *root = (struct json *)json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (*root)
        return true;
    err_set(err, ERR_GENERAL, "not valid JSON at line %d, column %d", problem.line, problem.column);
    return err_why(err, "%s", problem.text);
}

void json_free(struct json *root) { json_decref((json_t *)root); }

const struct json *json_get(const struct json *object, const char *key)
{
    return outer(json_object_get(inner(object), key));   /* takes NULL and other kinds */
}

const struct json *json_at(const struct json *array, size_t index)
{
    return outer(json_array_get(inner(array), index));
}

const struct json *json_member(const struct json *object, size_t index, const char **key)
{
    json_t *o = (json_t *)inner(object);
    void *at = json_object_iter(o);
    while (at && index-- > 0)
        at = json_object_iter_next(o, at);
    if (at && key)
        *key = json_object_iter_key(at);
    return at ? outer(json_object_iter_value(at)) : NULL;
}

size_t json_count(const struct json *v)
{
    return json_is_array(v) ? json_array_size(inner(v)) : json_object_size(inner(v));
}

static bool is(const struct json *v, json_type type) { return v && json_typeof(inner(v)) == type; }

bool json_is_object(const struct json *v) { return is(v, JSON_OBJECT); }
bool json_is_array(const struct json *v) { return is(v, JSON_ARRAY); }
bool json_is_text(const struct json *v) { return is(v, JSON_STRING); }
bool json_is_int(const struct json *v) { return is(v, JSON_INTEGER); }
bool json_is_bool(const struct json *v) { return is(v, JSON_TRUE) || is(v, JSON_FALSE); }
bool json_is_null(const struct json *v) { return is(v, JSON_NULL); }

const char *json_text_of(const struct json *v) { return json_string_value(inner(v)); }

int64_t json_int_of(const struct json *v, int64_t otherwise)
{
    return json_is_int(v) ? json_integer_value(inner(v)) : otherwise;
}

bool json_bool_of(const struct json *v, bool otherwise)
{
    return json_is_bool(v) ? is(v, JSON_TRUE) : otherwise;
}
