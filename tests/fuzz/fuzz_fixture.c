/* fuzz_fixture - any bytes as a fixture: YAML up to the first NUL, behind it the x.csv it may name. What loads
 * without a problem can be read, and has as many rows as were counted. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-fixture.XXXXXX";
static bool made;

static void remove_files(void)
{
    char path[64];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, i ? "x.csv" : "x.yaml");
        unlink(path);
    }
    rmdir(dir);
}

static void put(const char *name, const uint8_t *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

static const char *no_environment(const char *name) { return strcmp(name, "SET") == 0 ? "some text" : NULL; }

static void read_rows(const struct fixture *f, const struct fixture_options *options)
{
    struct fixture_reader *reader;
    const struct fixture_row *row;
    struct arena arena = {0};
    struct err err;
    uint64_t rows = 0;
    if (!fixture_open(&reader, f, options, &err))
        abort();
    for (;; rows++) {
        if (!fixture_next(reader, &row, &err))
            abort();
        if (!row)
            break;
        for (size_t i = 0; i < f->column_count; i++) {
            if (row->values[i].kind == VALUE_TEXT || row->values[i].kind == VALUE_JSON) {
                fixture_json_text(&row->values[i], &arena);
                fixture_array_text(&row->values[i], &arena, &err);
            }
        }
    }
    if (rows != f->row_count)
        abort();
    fixture_close(reader);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t yaml = nul ? (size_t)(nul - data) : size;
    struct fixture_options options = {.production = true, .base_dir = "/tmp", .getenv_fn = no_environment};
    struct fixture_set set;
    struct err_list problems = {0};
    if (!made && (!mkdtemp(dir) || atexit(remove_files) != 0))
        abort();
    made = true;
    put("x.yaml", data, yaml);
    put("x.csv", nul ? nul + 1 : data, nul ? size - yaml - 1 : 0);
    bool ok = fixture_set_load(&set, dir, &options, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        if (!problems.items[i].message[0])
            abort();
    }
    if (ok != (problems.count == 0))
        abort();
    if (ok && set.count)
        read_rows(&set.items[0], &options);
    err_list_free(&problems);
    fixture_set_free(&set);
    return 0;
}
