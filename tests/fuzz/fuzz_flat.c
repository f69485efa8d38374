/* Any bytes as the rows of a fixture, read with and without the way around libyaml: the same rows at the same places,
 * and the same error. Where the bytes do not say how, the list is put before them, so that most of them are rows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct yaml_stream *stream;
    struct arena arena;
    struct err err;
    bool ok;
};

static void differ(const char *what)
{
    fprintf(stderr, "with and without libyaml: %s\n", what);
    abort();
}

static void same_node(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a->kind != b->kind || a->line != b->line || a->column != b->column || a->count != b->count || !a->tag != !b->tag)
        differ("another node, or at another place");
    if (a->tag && strcmp(a->tag, b->tag) != 0)
        differ("tag");
    if (a->kind == YAML_SCALAR &&
        (a->length != b->length || memcmp(a->text, b->text, a->length + 1) != 0 || a->plain != b->plain))
        differ("text");
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == YAML_MAP)
            same_node(a->keys[i], b->keys[i]);
        same_node(a->items[i], b->items[i]);
    }
}

/* The next key, and of the list its items; false at the end or an error. */
static bool both_keys(struct side s[2])
{
    struct yaml_node *key[2], *value[2], *item[2];
    bool is_list[2];
    for (int i = 0; i < 2; i++)
        s[i].ok = yaml_stream_key(s[i].stream, &s[i].arena, "rows", &key[i], &value[i], &s[i].err);
    if (s[0].ok != s[1].ok || (s[0].ok && !key[0] != !key[1]))
        differ("keys");
    if (!s[0].ok || !key[0])
        return false;
    same_node(key[0], key[1]);
    if (!value[0] != !value[1])
        differ("value");
    if (value[0])
        same_node(value[0], value[1]);
    while (!value[0]) {
        for (int i = 0; i < 2; i++)
            s[i].ok = yaml_stream_item(s[i].stream, &s[i].arena, &item[i], &is_list[i], &s[i].err);
        /* a bad byte further on ends libyaml's side as soon as it is read: then the other may be ahead */
        if (!s[1].ok) {
            while (s[0].ok && item[0])
                s[0].ok = yaml_stream_item(s[0].stream, &s[0].arena, &item[0], &is_list[0], &s[0].err);
            if (s[0].ok)
                differ("only libyaml refuses it");
            return false;
        }
        if (!s[0].ok || !item[0] != !item[1] || is_list[0] != is_list[1])
            differ("items");
        if (!item[0])
            return true;
        same_node(item[0], item[1]);
    }
    return true;
}

static void compare(const char *path)
{
    struct side s[2] = {0};
    for (int i = 0; i < 2; i++)
        s[i].ok = yaml_stream_open(&s[i].stream, path, &s[i].err);
    if (s[0].ok != s[1].ok)
        differ("opening");
    if (s[0].ok) {
        yaml_stream_libyaml_only(s[1].stream);
        while (both_keys(s))
            ;
    }
    if (!s[0].ok && (strcmp(s[0].err.message, s[1].err.message) != 0 || strcmp(s[0].err.at, s[1].err.at) != 0))
        differ("error");
    for (int i = 0; i < 2; i++) {
        yaml_stream_close(s[i].stream);
        arena_free(&s[i].arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    if (fd < 0) {
        if (!file_temporary(&fd, NULL))
            abort();
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    struct str text = {0};
    if (size && data[0] == '-')
        str_add(&text, "table: t\nrows:\n");
    if (size > 1 && data[0] == ' ' && (data[1] == ' ' || data[1] == '-'))
        str_add(&text, "table: t\nkey: [a]   # é\nrows:\n");
    str_add_bytes(&text, data, size);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text.text, text.length, 0) != (ssize_t)text.length)
        abort();
    if (text.length)
        compare(path);
    str_free(&text);
    return 0;
}
