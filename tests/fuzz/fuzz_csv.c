/* fuzz_csv - any bytes as a CSV file: rows that keep their promises, or an error with a place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv *csv;
    const struct csv_row *row;
    struct err err = {0};
    int fd = memfd_create("csv", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    bool ok = csv_open(&csv, fd, -1, "fuzz.csv", &err);
    size_t columns = ok ? csv_header(csv)->count : 0;
    while (ok && (ok = csv_next(csv, &row, &err)) && row) {
        if (row->count != columns)
            abort();
        for (size_t i = 0; i < row->count; i++) {
            const struct csv_field *f = &row->fields[i];
            if (!f->line || !f->column || (f->text && strlen(f->text) != f->length))
                abort();
        }
    }
    if (!ok && (!err.message[0] || !err.at[0]))
        abort();
    csv_close(csv);
    close(fd);
    return 0;
}
