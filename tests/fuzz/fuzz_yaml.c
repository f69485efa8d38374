/* Any bytes as YAML: no crash; tree and stream agree on what is taken and how much of it there is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct yaml_node *n, int depth)
{
    if (depth > YAML_DEPTH + 1 || n->line == 0 || n->column == 0)
        abort();
    if (n->kind == YAML_SCALAR && (strlen(n->text) != n->length || !text_valid(n->text, n->length, NULL)))
        abort();
    bool value;
    if (n->kind == YAML_SCALAR &&
        (yaml_core_number(n->text) + yaml_core_bool(n->text, &value) + yaml_is_null(n)) > 1)
        abort();
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == YAML_MAP && yaml_get(n, n->keys[i]->text) != n->items[i])
            abort();
        check_tree(n->items[i], depth + 1);
    }
}

/* Reads all of the file as a stream; false if it is refused. */
static bool drain(const char *path, size_t *keys, size_t *items, bool *no_list)
{
    struct yaml_stream *stream;
    struct arena arena = {0}, scratch = {0};
    struct yaml_node *key, *value, *item;
    struct err err = {0};
    bool ok = yaml_stream_open(&stream, path, &err), is_list = true;
    *keys = *items = 0;
    *no_list = false;
    while (ok && (ok = yaml_stream_key(stream, &arena, "rows", &key, &value, &err)) && key) {
        ++*keys;
        if (value)
            check_tree(value, 2);
        while (!value && (ok = yaml_stream_item(stream, &scratch, &item, &is_list, &err)) && item) {
            *no_list |= !is_list;
            check_tree(item, 2);
            ++*items;
        }
        if (!ok)
            break;
    }
    if (!ok && (err.class != ERR_GENERAL || !err.message[0] || !err.at[0]))
        abort();
    yaml_stream_close(stream);
    arena_free(&arena);
    arena_free(&scratch);
    return ok;
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
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    struct arena arena = {0};
    struct yaml_node *root;
    struct err err = {0};
    size_t keys, items;
    bool no_list, tree = yaml_parse(&root, &arena, "f", (const char *)data, size, &err);
    bool stream = drain(path, &keys, &items, &no_list);
    if (!tree && (err.class != ERR_GENERAL || !err.message[0] || !err.at[0] || root || stream))
        abort();
    if (tree)
        check_tree(root, 1);
    if (tree && root->kind == YAML_MAP) {
        const struct yaml_node *rows = yaml_get(root, "rows");
        size_t want = !rows ? 0 : rows->kind == YAML_LIST ? rows->count : 1;
        if (!stream || keys != root->count || items != want || (rows && no_list == (rows->kind == YAML_LIST)))
            abort();
    } else if (tree && stream != yaml_is_null(root)) {
        abort();
    }
    arena_free(&arena);
    return 0;
}
