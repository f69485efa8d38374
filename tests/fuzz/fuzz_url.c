/* Any bytes as a URL: no crash, the same answer from what the parser takes and what the wiper overwrites. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size), *wiped = xstrdup(text);
    struct arena arena = {0};
    struct url url;
    struct err err = {0};
    bool wiped_any = url_wipe(wiped);
    if (strlen(wiped) != strlen(text) || (!wiped_any && strcmp(wiped, text) != 0))
        abort();
    if (url_parse(&url, &arena, text, &err)) {
        if (url.password && !wiped_any && strncmp(text, "--", 2) != 0)
            abort();                        /* a password that the wiper did not see */
        for (const char *p = url_redacted(&url, &arena); *p; p++) {
            if ((unsigned char)*p < 0x20)
                abort();
        }
        url_free(&url);
    } else if (err.class != ERR_CONFIG || !*err.message || !*err.hint) {
        abort();
    }
    arena_free(&arena);
    free(text);
    free(wiped);
    return 0;
}
