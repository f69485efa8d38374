/* screen_log - what was said in this session, newest last. A full log forgets its oldest lines. */
#include <stdlib.h>
#include <string.h>

#include "app/details.h"
#include "app/screen.h"
#include "app/statement.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"

static struct list *list(struct model *m) { return &m->log.list; }
static int64_t count(const struct model *m) { return (int64_t)m->log.line_count; }

static void text_of(const struct model *m, int64_t row, struct str *out)
{
    str_printf(out, "%s %s", or_empty(m->log.lines[row].level), or_empty(m->log.lines[row].text));
}

static void details_of(const struct model *m, int64_t row, struct str *out)
{
    details_add(out, "level", m->log.lines[row].level);
    details_add_lines(out, "said", m->log.lines[row].text);
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

/* ---- what is told for the record, as a line ---- */

static void say_identity(const struct input *in, struct str *out)
{
    str_printf(out, "connected to %s: database %s, oid %lld, system identifier %s", or_empty(in->server.target),
               or_empty(in->server.database), (long long)in->number,
               text_is_empty(in->server.system_identifier) ? "unknown" : in->server.system_identifier);
}

static void say_guard(const struct input *in, struct str *out)
{
    str_printf(out, "%s (class %s) %s on %s", or_empty(in->text), or_empty(in->name),
               in->ok ? "allowed" : "refused", or_empty(in->title));
    if (!text_is_empty(in->expect))
        str_printf(out, "; typed: %s", in->expect);
    for (size_t i = 0; i < in->guard.reason_count; i++)
        str_printf(out, "%s %s", i ? "" : ":", or_empty(in->guard.reasons[i].text));
}

static void say_statement(const struct input *in, struct str *out)
{
    statement_say(in, in->row_count, out);
}

static void say_note(const struct input *in, struct str *out) { str_add(out, or_empty(in->text)); }

static const struct {
    enum input_kind kind;
    const char *level;
    void (*say)(const struct input *in, struct str *out);
} records[] = {
    {IN_IDENTITY, "info", say_identity},
    {IN_GUARD, "guard", say_guard},
    {IN_STATEMENT, "sql", say_statement},
    {IN_NOTE, "note", say_note},
};

enum { RECORD_BYTES = 1000 };   /* of a line of the Log; the journal has all of it */

static void add_record(struct model *m, const char *level, void (*say)(const struct input *, struct str *),
                       const struct input *in)
{
    struct str line = {0};
    say(in, &line);
    if (line.length > RECORD_BYTES) {
        size_t cut = RECORD_BYTES;
        while (cut && ((unsigned char)line.text[cut] & 0xc0) == 0x80)
            cut--;
        line.text[cut] = '\0';
    }
    log_add(m, level, str_text(&line));
    str_free(&line);
}

static void event(struct model *m, const struct input *in, const struct job *job, struct effects *effects)
{
    (void)job, (void)effects;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (records[i].kind == in->kind)
            add_record(m, records[i].level, records[i].say, in);
    if (in->kind == IN_NOTE)
        notice_show(m, "info", text_same(m->journal, "recording") ? "Noted in the journal." : "Noted in the Log; this "
                    "session is not recorded.");
    if (in->kind != IN_LOG)
        return;
    log_add(m, in->name, in->text);
    /* The runtime speaks to whoever sits here ("copied"); an operation only when something is not as it
     * should be. */
    if (!in->request || text_holds(or_empty(in->name), "warn") || text_same(in->name, "error"))
        notice_show(m, in->name, or_empty(in->text));
}

const struct screen_class screen_class_log = {
    .name = "log", .title = "Log", .list = list, .count = count, .text_of = text_of,
    .details_of = details_of, .event = event,
};
