/* connection - phases and their times; the end of write mode with the connection that it was for. */
#include "app/connection.h"

#include <stdlib.h>
#include <string.h>

#include "app/screen.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "event/codec.h"
#include "event/types.h"

enum { MS_MOST = 24 * 60 * 60 * 1000 };

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (text_same(name, *names))
            return true;
    return false;
}

void connection_forget(struct facts *f)
{
    for (size_t i = 0; i < f->phase_count; i++)
        free(f->phases[i].name);
    free(f->phases);
    f->phases = NULL;
    f->phase_count = 0;
}

static void take_phase(struct facts *f, const struct input *in)
{
    static const char *const no_phase[] = {"connecting", "ready", "attempt", "lost", "closed", "failed", NULL};
    if (text_same(in->name, "connecting"))
        connection_forget(f);
    if (one_of(in->name, no_phase) || f->phase_count == PHASES_MOST)
        return;
    f->phases = xrealloc(f->phases, (f->phase_count + 1) * sizeof *f->phases);
    f->phases[f->phase_count++] = (struct phase){.name = xstrdup(or_empty(in->name)), .ms = clamp(in->number, 0, MS_MOST)};
}

void connection_phases(const struct facts *f, struct str *out)
{
    for (size_t i = 0; i < f->phase_count; i++)
        str_printf(out, "%s%s %lld ms", i ? ", " : "", or_empty(f->phases[i].name), (long long)f->phases[i].ms);
}

/* For the Log: how long it took, and what became of it. */
static void note(struct model *m, const struct input *in)
{
    struct str line = {0};
    if (text_same(in->name, "ready") && m->facts.phase_count) {
        str_printf(&line, "connected in %lld ms: ", (long long)in->number);
        connection_phases(&m->facts, &line);
        log_add(m, "info", str_text(&line));
    } else if (text_same(in->name, "lost")) {
        notice_set(m, "warn", "The connection was lost: %s", or_empty(in->text));
    }
    str_free(&line);
}

void connection_end_write_mode(struct model *m, const char *why)
{
    if (!m->write_mode)
        return;
    m->write_mode = false;
    notice_set(m, "warn", "Write mode is off: %s.", why);
}

void connection_event(struct model *m, const struct input *in, struct effects *effects)
{
    struct facts *f = &m->facts;
    take_phase(f, in);
    text_replace(&f->phase, or_empty(in->name));
    text_replace(&f->phase_text, in->text);
    /* what is known of a server stays until the new connection says otherwise */
    if (!text_is_empty(in->server.environment) && text_is_empty(f->server.version)) {
        codec_free(&type_fact_server, &f->server);
        codec_copy(&type_fact_server, &f->server, &in->server);
    }
    note(m, in);
    if (!facts_ready(m))
        connection_end_write_mode(m, "the connection is not what it was");
    if (text_same(in->name, "lost") && !in->request)
        facts_refresh(m, effects);
}
