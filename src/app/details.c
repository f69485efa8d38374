/* details - labels and values, aligned. */
#include "app/details.h"

#include <string.h>

#include "app/human.h"
#include "app/util.h"
#include "base/str.h"
#include "base/text.h"

enum { LABEL = 13 };

void details_add(struct str *out, const char *label, const char *text)
{
    if (text_is_empty(text))
        return;
    str_printf(out, "%-*s", LABEL, label);
    text_visible(out, text, strlen(text));
    str_add_char(out, '\n');
}

void details_add_lines(struct str *out, const char *label, const char *text)
{
    for (bool first = true; !text_is_empty(text); first = false) {
        size_t length = strcspn(text, "\n");
        str_printf(out, "%-*s", LABEL, first ? label : "");
        text_visible(out, text, length && text[length - 1] == '\r' ? length - 1 : length);
        str_add_char(out, '\n');
        text += length;
        text += *text == '\n';
    }
}

void details_add_number(struct str *out, const char *label, long long number)
{
    char text[HUMAN];
    if (number >= 0)
        details_add(out, label, human_count(text, number));
}
