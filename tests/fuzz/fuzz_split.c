/* Any bytes: no crash, statements in order and inside the file, places within it. */
#include <stdint.h>
#include <stdlib.h>

#include "ledger/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct sql_file file;
    struct err err = {0};
    const char *bytes = (const char *)data;
    if (split_sql(&file, &arena, "fuzz.sql", bytes, size, &err)) {
        size_t end = 0;
        for (size_t i = 0; i < file.count; i++) {
            const struct statement *s = &file.statements[i];
            if (s->offset < end || s->length == 0 || s->offset + s->length > size || s->text != bytes + s->offset)
                abort();
            end = s->offset + s->length;
        }
    } else if (err.class != ERR_MIGRATION) {
        abort();
    }
    unsigned line, column;
    split_place(bytes, size, (unsigned)size / 2, &line, &column);
    arena_free(&arena);
    return 0;
}
