/* replay - feeds every file of a fuzz target's corpus to it: tests/fuzz/corpus/NAME for the program replay_NAME.
 * TAP; a crash is the failure. An empty corpus is one too. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int feed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    size_t size = 0, capacity = 1 << 16;
    uint8_t *bytes = malloc(capacity);
    for (size_t n; bytes && (n = fread(bytes + size, 1, capacity - size, file)) > 0;) {
        size += n;
        if (size == capacity)
            bytes = realloc(bytes, capacity *= 2);
    }
    fclose(file);
    /* An exact allocation, so that reading one byte too far is seen. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!bytes || !exact)
        abort();
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(bytes);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '_'), *top = getenv("TOP");
    char directory[2048], path[4096];
    if (!name)
        return 1;
    snprintf(directory, sizeof directory, "%s/tests/fuzz/corpus/%s", top ? top : TOP_SRCDIR, name + 1);
    struct dirent **entries;
    int count = scandir(argc > 1 ? argv[1] : directory, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", argc > 1 ? argv[1] : directory, entries[i]->d_name);
        printf("%s %d - %s %s\n", feed(path) == 0 ? "ok" : "not ok", i + 1, name + 1, entries[i]->d_name);
        fflush(stdout);
        free(entries[i]);
    }
    if (count <= 0) {
        printf("not ok 1 - no corpus in %s\n", directory);
        return 1;
    }
    free(entries);
    printf("1..%d\n", count);
    return 0;
}
