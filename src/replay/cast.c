/* cast - a frame an input that changes the screen, and where something ends by itself in between. */
#include "replay/cast.h"

#include <stdlib.h>

#include "app/model.h"
#include "app/util.h"
#include "base/json.h"
#include "base/str.h"
#include "replay/marks.h"
#include "replay/paint.h"
#include "replay/reel.h"
#include "replay/roam.h"
#include "ui.h"

enum {
    COLUMNS = 100, ROWS = 30,        /* of a session that had no terminal */
    TICKS_MOST = 600                 /* frames of one pause: its clocks and timers */
};

struct cast {
    struct source *source;
    struct reel *reel;
    struct roam *roam;
    struct marks marks;
    size_t marked;                   /* of the marks, those that were written */
    struct grid now, last;
    bool painted;
    int version, columns, rows;
    int64_t at_ms;                   /* of the event written last */
    bool (*write)(void *to, const struct str *line);
    void *to;
    bool ok;
};

static void write_line(struct cast *c, struct str *line)
{
    str_add_char(line, '\n');
    c->ok = c->ok && c->write(c->to, line);
    str_free(line);
}

/* [time, code, data]: the time since the start, or since the event before. */
static void write_event(struct cast *c, int64_t at_ms, const char *code, const char *data, size_t length)
{
    struct str line = {0}, quoted = {0};
    struct json_out out;
    json_begin(&out, &quoted);
    json_text_bytes(&out, data, length);
    int64_t ms = c->version == 3 ? at_ms - c->at_ms : at_ms;
    str_printf(&line, "[%lld.%03lld, \"%s\", %s]", (long long)(ms / 1000), (long long)(ms % 1000), code,
               str_text(&quoted));
    c->at_ms = at_ms;
    str_free(&quoted);
    write_line(c, &line);
}

static void write_header(struct cast *c)
{
    const struct journal_header *h = source_header(c->source);
    struct str line = {0}, title = {0};
    struct json_out out;
    str_printf(&title, "seedops %s%s%s", h->command, *h->environment ? " " : "", h->environment);
    json_begin(&out, &line);
    json_object(&out);
    json_put_int(&out, "version", c->version);
    if (c->version == 3) {
        json_key(&out, "term");
        json_object(&out);
        json_put_int(&out, "cols", c->columns);
        json_put_int(&out, "rows", c->rows);
        json_object_end(&out);
    } else {
        json_put_int(&out, "width", c->columns);
        json_put_int(&out, "height", c->rows);
    }
    json_put_int(&out, "timestamp", h->started_ms / 1000);
    json_put_int(&out, "idle_time_limit", 2);
    json_put_text(&out, "title", str_text(&title));
    json_object_end(&out);
    str_free(&title);
    write_line(c, &line);
}

static void write_frame(struct cast *c, const struct model *shown, int64_t at_ms)
{
    struct str bytes = {0};
    grid_init(&c->now, c->rows, c->columns);
    view_draw(shown, &(struct view_options){0}, &c->now);
    paint_terminal(&bytes, c->painted ? &c->last : NULL, &c->now);
    if (bytes.length)
        write_event(c, at_ms, "o", bytes.text, bytes.length);
    str_free(&bytes);
    struct grid kept = c->last;
    c->last = c->now;
    c->now = kept;
    c->painted = true;
}

static void write_marks(struct cast *c)
{
    for (; c->marked < c->marks.count; c->marked++) {
        const struct mark *mark = &c->marks.items[c->marked];
        struct str label = {0};
        str_printf(&label, "%s: %s", mark_kind_name(mark->kind), mark->text);
        write_event(c, mark->at_ms, "m", str_text(&label), label.length);
        str_free(&label);
    }
}

/* The screen after the reel's input, and what becomes of it until the next one by itself. */
static void write_moment(struct cast *c)
{
    uint64_t n = reel_position(c->reel);
    const struct timeline *time = source_timeline(c->source);
    int64_t at_ms = timeline_offset(time, n), end = n < time->count ? timeline_offset(time, n + 1) : at_ms;
    struct model *shown = reel_copy(c->reel);
    roam_fit(c->roam, shown, n, at_ms, c->columns, c->rows);
    write_frame(c, shown, at_ms);
    int64_t next;
    for (int i = 0; i < TICKS_MOST && c->ok && (next = app_next_deadline(shown)) >= 0 && next < end; i++) {
        struct effects effects = {0};
        app_update(shown, &(struct input){.kind = IN_NONE, .offset_ms = next}, &effects);
        effects_free(&effects);
        write_frame(c, shown, next);
    }
    model_free(shown);
}

static void take_marks(void *marks, const struct reel_step *step) { marks_take(marks, step); }

bool cast_write(struct source *source, int version, int columns, int rows,
                bool (*write)(void *to, const struct str *line), void *to)
{
    const struct journal_header *h = source_header(source);
    struct cast c = {.source = source,
                     .reel = reel_new(source, 0),
                     .roam = roam_new(source),
                     .version = version,
                     .columns = columns      ? columns
                                : h->columns ? (int)clamp(h->columns, 1, SIZE_MOST)
                                             : COLUMNS,
                     .rows = rows      ? rows
                             : h->rows ? (int)clamp(h->rows, 1, SIZE_MOST)
                                       : ROWS,
                     .write = write,
                     .to = to,
                     .ok = true};
    const struct timeline *time = source_timeline(source);
    reel_watch(c.reel, take_marks, &c.marks);
    write_header(&c);
    for (uint64_t n = 1; n <= time->count && c.ok; n++) {
        reel_go(c.reel, n);
        write_marks(&c);
        /* of several inputs in one millisecond the last one's screen is the one that was seen */
        if (n == time->count || timeline_offset(time, n + 1) > timeline_offset(time, n))
            write_moment(&c);
    }
    reel_free(c.reel);
    roam_free(c.roam);
    marks_free(&c.marks);
    grid_free(&c.now);
    grid_free(&c.last);
    return c.ok;
}
