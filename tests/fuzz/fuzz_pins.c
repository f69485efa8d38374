/* known_databases: whatever it holds, it is read or refused; and what is read is written and read the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/pins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pins pins, again = {0};
    struct str text = {0}, twice = {0};
    struct err err = {0};
    bool ok = pins_parse(&pins, "fuzz", (const char *)data, size, &err);
    if (ok) {
        pins_format(&pins, &text);
        if (!pins_parse(&again, "again", str_text(&text), text.length, &err))
            abort();
        pins_format(&again, &twice);
        if (strcmp(str_text(&text), str_text(&twice)) != 0)
            abort();
    } else if (!err.message[0] || !err.at[0]) {
        abort();
    }
    str_free(&text);
    str_free(&twice);
    pins_free(&pins);
    pins_free(&again);
    return 0;
}
