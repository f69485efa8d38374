/* Any bytes as a COPY row: split in place without leaving the row, and what was split, escaped and split again
 * is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "db/copy.h"

enum { CAPACITY = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *row = xstrndup((const char *)data, size), *fields[CAPACITY], *again[CAPACITY];
    size_t count = db_copy_split(row, size, fields, CAPACITY);
    size_t tabs = 0;
    for (size_t i = 0; i < size; i++)
        tabs += data[i] == '\t';
    if (count != tabs + 1)
        abort();
    if (count > CAPACITY)
        count = CAPACITY;
    struct str out = {0};
    for (size_t i = 0; i < count; i++) {
        if (i)
            str_add_char(&out, '\t');
        db_copy_field(&out, fields[i]);
    }
    str_add_char(&out, '\n');
    if (memchr(out.text, '\n', out.length - 1))
        abort();                     /* a row stays one line */
    if (db_copy_split(out.text, out.length, again, CAPACITY) != count)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!fields[i] != !again[i] || (fields[i] && strcmp(fields[i], again[i]) != 0))
            abort();
    str_free(&out);
    free(row);
    return 0;
}
