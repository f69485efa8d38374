/* fuzz_update - lines of inputs and keys: whatever comes in, the model stays sane, draws, and comes back.
 * A line that begins with '{' is an input as the journal has it; any other is keys, blank separated. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/list.h"
#include "app/model.h"
#include "app/screen.h"
#include "app/update.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"
#include "ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 160, ROWS = 60, INPUTS = 200 };

static void check(struct model *m)
{
    struct grid g = {0};
    const struct list *list = screen_list(m);
    int64_t count = list_count(m);
    if (!model_sane(m) || list->selected < 0 || (list->selected >= count && list->selected != 0)
        || list->top < 0 || list->top > list->selected)
        abort();
    grid_init(&g, m->rows < ROWS ? m->rows : ROWS, m->columns < COLUMNS ? m->columns : COLUMNS);
    view_draw(m, &(struct view_options){0}, &g);
    grid_free(&g);
}

static void check_round(const struct model *m)
{
    struct str text = {0};
    struct model *back = NULL;
    struct err err = {0};
    model_encode(m, &text);
    if (!model_decode(text.text, text.length, &back, &err) || !model_equal(m, back))
        abort();
    model_free(back);
    str_free(&text);
}

static void feed(struct model *m, struct input *in)
{
    struct effects effects = {0};
    if (!in)
        return;
    app_update(m, in, &effects);
    effects_free(&effects);
    input_free(in);
    check(m);
}

static void feed_line(struct model *m, char *line)
{
    struct input *in = NULL;
    struct err err = {0};
    char *rest = NULL;
    if (*line == '{') {
        if (input_decode(line, strlen(line), &in, &err))
            feed(m, in);
        return;
    }
    for (char *key = strtok_r(line, " ", &rest); key; key = strtok_r(NULL, " ", &rest))
        feed(m, keymap_key(m, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *m = model_new();
    char *text = xstrndup((const char *)data, size), *rest = NULL;
    int inputs = 0;
    for (char *line = strtok_r(text, "\n", &rest); line && inputs < INPUTS;
         line = strtok_r(NULL, "\n", &rest), inputs++)
        feed_line(m, line);
    check_round(m);
    model_free(m);
    free(text);
    return 0;
}
