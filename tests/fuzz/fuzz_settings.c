/* Any bytes as seedops.yaml: an answer or an error with its place, never a crash. The first line, up to a
 * newline, is what every variable holds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char variable[256];

static const char *any_variable(const char *name) { return strcmp(name, "NOPE") == 0 ? NULL : variable; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - data) : 0, length = first < 255 ? first : 255;
    if (length)
        memcpy(variable, data, length);
    variable[length] = '\0';
    size_t skip = newline ? first + 1 : 0;
    struct settings s;
    struct err err = {0};
    if (settings_parse(&s, "fuzz.yaml", "/base", (const char *)data + skip, size - skip, any_variable, &err)) {
        struct environment *env;
        for (size_t i = 0; i < s.environment_count; i++)
            settings_choose(&s, NULL, s.environments[i].name, &env, &err);
    } else if (err.class != ERR_CONFIG || strncmp(err.at, "fuzz.yaml", 9) != 0 || !*err.message) {
        abort();
    }
    settings_free(&s);
    return 0;
}
