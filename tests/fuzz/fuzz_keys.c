/* Bytes from a terminal, in pieces as the first byte says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (!length)
        return 0;
    size_t step = bytes[0] % 16u + 1;
    struct keys *k = keys_new();
    int64_t now = 0;
    for (size_t at = 1; at < length; at += step) {
        struct key_event e;
        keys_feed(k, (const char *)bytes + at, length - at < step ? length - at : step, now);
        now += bytes[0] & 0x80 ? KEYS_ESC_MS : 1;
        while (keys_next(k, now, &e)) {
            if (e.kind != KEY_EVENT_PASTE && memchr(e.name, '\0', sizeof e.name) == NULL)
                abort();
            if (e.kind == KEY_EVENT_MOUSE && (e.row < 0 || e.column < 0))
                abort();
            free(e.paste);
        }
    }
    keys_free(k);
    return 0;
}
