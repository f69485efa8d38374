/* The note of a healthy visit: whatever it holds, it is read or refused; and what is read is written and read the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct memory_key key = {"config", "environment"};
    struct arena arena = {0};
    struct seen seen, again;
    struct str text = {0}, twice = {0};
    struct err err = {0};
    if (memory_parse((const char *)data, size, &arena, &seen, &err)) {
        memory_format(&key, &seen, &text);
        if (!memory_parse(str_text(&text), text.length, &arena, &again, &err))
            abort();
        memory_format(&key, &again, &twice);
        if (strcmp(str_text(&text), str_text(&twice)) != 0)
            abort();
    } else if (!err.message[0] || seen.healthy_ms || seen.table_count) {
        abort();
    }
    str_free(&text);
    str_free(&twice);
    arena_free(&arena);
    return 0;
}
