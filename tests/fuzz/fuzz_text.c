/* Any bytes made visible: valid UTF-8 without a control, of the width that was promised, and stable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The clusters cover the bytes exactly, and none is wider than two cells. */
static void walk(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        int cells;
        bool visible;
        size_t taken = text_cluster(bytes + i, length - i, &cells, &visible);
        if (taken == 0 || taken > length - i || cells < 0 || cells > 2 || visible != (cells > 0))
            abort();
        i += taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct str once = {0}, twice = {0};
    walk(bytes, size);
    text_visible(&once, bytes, size);
    if (!text_valid(str_text(&once), once.length, NULL))
        abort();
    for (size_t i = 0; i < once.length; i++)
        if ((unsigned char)once.text[i] < 0x20 || once.text[i] == 0x7f)
            abort();
    text_visible(&twice, str_text(&once), once.length);
    if (strcmp(str_text(&once), str_text(&twice)) != 0)
        abort();
    int used, width = text_width(str_text(&once));
    for (int cells = 0; cells <= width && cells < 100; cells++)
        if (text_fit(str_text(&once), cells, &used) > once.length || used > cells)
            abort();
    char small[16];
    char *text = xstrndup(bytes, size);
    if (!text_valid(text_visible_buf(small, sizeof small, text), strlen(small), NULL))
        abort();
    text_length(text);
    text_distance(text, small);
    free(text);
    str_free(&once);
    str_free(&twice);
    return 0;
}
