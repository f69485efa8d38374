/* screen_log - what was said in this session, newest last. A full log forgets its oldest lines. */
#include <stdlib.h>
#include <string.h>

#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"

static struct list *list(struct model *m) { return &m->log.list; }
static int64_t count(const struct model *m) { return (int64_t)m->log.line_count; }

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    str_printf(out, "%s %s", or_empty(m->log.lines[row].level), or_empty(m->log.lines[row].text));
}

void log_add(struct model *m, const char *level, const char *text)
{
    struct screen_log *s = &m->log;
    bool at_end = s->list.selected + 1 >= (int64_t)s->line_count;
    if (s->line_count >= LOG_LINES) {
        free(s->lines[0].level);
        free(s->lines[0].text);
        memmove(&s->lines[0], &s->lines[1], --s->line_count * sizeof *s->lines);
        s->list.selected = clamp(s->list.selected - 1, 0, LOG_LINES);
    }
    s->lines = xrealloc(s->lines, (s->line_count + 1) * sizeof *s->lines);
    s->lines[s->line_count++] =
        (struct log_line){.at_ms = m->now_ms, .level = xstrdup(level), .text = xstrdup(text)};
    if (at_end)
        s->list.selected = (int64_t)s->line_count - 1;
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    (void)job, (void)effects;
    if (in->kind != IN_LOG)
        return;
    log_add(m, in->name, in->text);
    /* The runtime speaks to whoever sits here ("copied"); an operation only when something is not as it
     * should be. */
    if (!in->request || text_holds(or_empty(in->name), "warn") || text_same(in->name, "error"))
        notice_show(m, in->name, or_empty(in->text));
}

const struct screen_class screen_class_log = {
    .name = "log", .title = "Log", .list = list, .count = count, .text_of = text_of, .event = event,
};
