/* Any bytes as JSON: no crash; what parses is written, parses again, and is written the same. What is plain parses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lists and texts as they are; the skin has no way to walk an object's keys, so those become their number. */
static void rewrite(struct json_out *o, const struct json *v, int depth)
{
    if (json_is_array(v) && depth < 40) {
        json_array(o);
        for (size_t i = 0; i < json_count(v); i++)
            rewrite(o, json_at(v, i), depth + 1);
        json_array_end(o);
    } else if (json_is_text(v)) {
        json_text(o, json_text_of(v));
    } else if (json_is_int(v)) {
        json_int(o, json_int_of(v, 0));
    } else if (json_is_bool(v)) {
        json_bool(o, json_bool_of(v, false));
    } else if (json_is_null(v)) {
        json_null(o);
    } else {
        json_int(o, (int64_t)json_count(v));
    }
}

static void write_again(const struct json *root, struct str *to)
{
    struct json_out o;
    json_begin(&o, to);
    rewrite(&o, root, 0);
}

static void plain_parses(const uint8_t *data, size_t size)
{
    struct str text = {0};
    struct json *root;
    struct err err;
    str_add_bytes(&text, data, size);
    if (json_is_plain(str_text(&text), size) && text_valid(str_text(&text), size, NULL)) {
        if (!json_parse(&root, text.text, size, &err))
            abort();
        json_free(root);
    }
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *root, *again;
    struct err err = {0};
    plain_parses(data, size);
    if (json_parse(&root, (const char *)data, size, &err)) {
        struct str once = {0}, twice = {0};
        write_again(root, &once);
        if (!json_parse(&again, str_text(&once), once.length, &err))
            abort();
        write_again(again, &twice);
        if (strcmp(str_text(&once), str_text(&twice)) != 0)
            abort();
        json_free(again);
        json_free(root);
        str_free(&once);
        str_free(&twice);
    } else if (err.class != ERR_GENERAL || !err.why[0] || root) {
        abort();
    }
    struct str text = {0};
    struct json_out o;
    json_begin(&o, &text);
    json_text_bytes(&o, (const char *)data, size);
    if (!json_parse(&root, str_text(&text), text.length, NULL) && !memchr(data, 0, size))
        abort();
    json_free(root);
    str_free(&text);
    return 0;
}
