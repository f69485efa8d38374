/* sessions_print - the list of sessions, and what a check of their chains found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/face.h"
#include "cmd/sessions.h"

/* ---- cells ---- */

enum { CELLS = 9, CELL = 160 };
static const char *const headings[CELLS] = {"SESSION", "BEGAN (UTC)", "TOOK", "WHO", "ENVIRONMENT", "DATABASE", "DID",
                                            "OUTCOME", "SIZE"};

struct line { char cells[CELLS][CELL]; const char *note; char more[640]; };

static void join(char *to, size_t size, const struct summary_names *names)
{
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < names->count && used < size; i++) {
        int n = snprintf(to + used, size - used, "%s%s", i ? ", " : "", names->items[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void put_took(char *to, size_t size, int64_t ms)
{
    if (ms < 1000)
        snprintf(to, size, "%lld ms", (long long)ms);
    else if (ms < 60000)
        snprintf(to, size, "%lld s", (long long)(ms / 1000));
    else if (ms < 3600000)
        snprintf(to, size, "%lld min", (long long)(ms / 60000));
    else
        snprintf(to, size, "%lld h %02lld", (long long)(ms / 3600000), (long long)(ms / 60000 % 60));
}

static void put_size(char *to, size_t size, int64_t bytes)
{
    if (bytes < 10 * 1024 * 1024)
        snprintf(to, size, "%lld KiB", (long long)(bytes + 1023) / 1024);
    else
        snprintf(to, size, "%lld MiB", (long long)(bytes >> 20));
}

/* "vm: root", "vm: root (ops by sudo) from 10.0.0.7" */
static void put_who(char *to, size_t size, const struct journal_header *h)
{
    snprintf(to, size, "%s@%s%s%s%s%s", *h->real_user ? h->real_user : h->user, h->host, *h->real_user ? " as " : "",
             *h->real_user ? h->user : "", *h->from ? " from " : "", h->from);
}

static void put_database(char *to, size_t size, const struct session_entry *e)
{
    const struct summary *s = &e->summary;
    if (s->database_count == 0)
        snprintf(to, size, "%s", *e->header.target ? e->header.target : "none");
    else if (s->database_count == 1)
        snprintf(to, size, "%.100s #%s", s->databases[0].target,
                 s->databases[0].identifier[0] ? s->databases[0].identifier : "unknown");
    else
        snprintf(to, size, "%zu databases", s->database_count);
}

/* An environment that was opened from the list is not in the header. */
static const char *environment_of(const struct session_entry *e)
{
    if (*e->header.environment || e->summary.database_count == 0)
        return e->header.environment;
    return e->summary.database_count == 1 ? e->summary.databases[0].environment : "several";
}

/* What replay finds it by. The first format had no ID in its header: its file's name is one. */
static void put_id(char *out, size_t size, const struct session_entry *e)
{
    const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path, *dot = strchr(name, '.');
    if (*e->header.session)
        snprintf(out, size, "%s", e->header.session);
    else
        snprintf(out, size, "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
}

static void fill(struct line *l, const struct session_entry *e)
{
    const struct journal_header *h = &e->header;
    char began[32];
    *l = (struct line){.note = ""};
    clock_format_utc(h->started_ms, began, sizeof began);
    put_id(l->cells[0], CELL, e);
    snprintf(l->cells[1], CELL, "%.10s %.5s", began, began + 11);
    put_took(l->cells[2], CELL, e->summary.duration_ms);
    put_who(l->cells[3], CELL, h);
    snprintf(l->cells[4], CELL, "%s", environment_of(e));
    put_database(l->cells[5], CELL, e);
    char did[CELL - 32];
    join(did, sizeof did, &e->summary.actions);
    bool console = strncmp(h->command, "console", 7) == 0;
    snprintf(l->cells[6], CELL, "%.28s%s%s", h->command, console && *did ? ": " : "", console ? did : "");
    snprintf(l->cells[7], CELL, "%s", e->summed ? summary_outcome(&e->summary) : "");
    put_size(l->cells[8], CELL, e->bytes);
    if (e->state != SESSION_CLOSED)
        l->note = session_state_name(e->state);
    if (e->problem.class != ERR_NONE)
        snprintf(l->more, sizeof l->more, "damaged at %.400s: %.200s", e->problem.at, e->problem.why);
    else if (e->failure[0])
        snprintf(l->more, sizeof l->more, "not all of it was recorded: %s", e->failure);
    else if (e->dropped)
        snprintf(l->more, sizeof l->more, "its first %d file%s dropped: over the limit", e->dropped,
                 e->dropped == 1 ? " was" : "s were");
}

static void add_cell(struct str *out, const char *text, int width)
{
    text_visible(out, text, strlen(text));
    char shown[CELL * 4];
    for (int used = text_width(text_visible_buf(shown, sizeof shown, text)); used < width; used++)
        str_add_char(out, ' ');
}

static void add_line(struct str *out, const struct line *l, const int widths[CELLS])
{
    size_t start = out->length;
    for (int i = 0; i < CELLS; i++)
        add_cell(out, l->cells[i], widths[i] + 2);
    add_cell(out, l->note, 0);
    while (out->length > start && out->text[out->length - 1] == ' ')
        out->text[--out->length] = '\0';
    str_add_char(out, '\n');
    if (!l->more[0])
        return;
    str_add(out, "  ");
    text_visible(out, l->more, strlen(l->more));
    str_add_char(out, '\n');
}

static void add_dropped(struct str *out, const struct sessions *s)
{
    if (!s->dropped_files)
        return;
    str_printf(out, "%lld older file%s (%lld KiB) dropped over the limits of their size, last at %s\n",
               (long long)s->dropped_files, s->dropped_files == 1 ? " was" : "s were",
               (long long)((s->dropped_bytes + 1023) / 1024), s->dropped_last);
}

/* ---- what was saved ---- */

static bool wanted(const struct safepoint_item *item, const struct sessions_filter *filter)
{
    return !item->reader || sessions_wanted_safepoint(safepoint_info(item->reader), filter);
}

static void add_safepoints(struct str *out, const struct safepoints *s, const struct sessions_filter *filter)
{
    size_t count = 0;
    int64_t now = clock_wall_ms();
    for (size_t d = 0; d < s->count; d++)
        for (size_t i = 0; i < s->lists[d].count; i++) {
            if (!wanted(&s->lists[d].items[i], filter))
                continue;
            str_add(out, count++ ? "" : "\nSAFEPOINTS (seedops restore ENV ID puts one back)\n");
            safepoints_text(out, &s->lists[d].items[i], now);
        }
}

/* ---- the list ---- */

void sessions_text(const struct sessions *sessions, const struct safepoints *saved, const struct sessions_filter *filter)
{
    struct line *lines = xcalloc(sessions->count + 1, sizeof *lines);
    struct str out = {0};
    int widths[CELLS] = {0};
    size_t count = 1;
    for (int i = 0; i < CELLS; i++)
        snprintf(lines[0].cells[i], CELL, "%s", headings[i]);
    lines[0].note = "";
    for (size_t i = 0; i < sessions->count; i++) {
        const struct session_entry *e = &sessions->items[i];
        if (e->state == SESSION_UNREADABLE) {
            face_print_error(&e->problem, false);
        } else if (sessions_wanted(e, filter)) {
            fill(&lines[count++], e);
        }
    }
    for (size_t k = 0; k < count; k++)
        for (int i = 0; i < CELLS; i++) {
            char shown[CELL * 4];
            int width = text_width(text_visible_buf(shown, sizeof shown, lines[k].cells[i]));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    for (size_t k = 0; k < count && count > 1; k++)
        add_line(&out, &lines[k], widths);
    if (count == 1)
        str_add(&out, sessions->count ? "no recorded session is like that\n" : "no session is recorded here\n");
    add_dropped(&out, sessions);
    add_safepoints(&out, saved, filter);
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
    free(lines);
}

/* ---- JSON ---- */

static void put_problem(struct json_out *o, const struct err *e)
{
    json_key(o, "problem");
    if (e->class == ERR_NONE) {
        json_null(o);
        return;
    }
    json_object(o);
    json_put_text(o, "message", e->message);
    json_put_text(o, "why", e->why);
    json_put_text(o, "at", e->at);
    json_object_end(o);
}

static void add_session(struct json_out *o, const struct session_entry *e)
{
    const struct journal_header *h = &e->header;
    char began[32] = "";
    clock_format_utc(h->started_ms, began, sizeof began);
    json_object(o);
    json_put_text(o, "session", h->session);
    json_put_text(o, "file", e->path);
    json_put_text(o, "started", began);
    json_put_text(o, "user", h->user);
    json_put_text(o, "real_user", h->real_user && *h->real_user ? h->real_user : NULL);
    json_put_text(o, "host", h->host);
    json_put_text(o, "from", h->from && *h->from ? h->from : NULL);
    json_put_text(o, "environment", h->environment);
    json_put_text(o, "target", h->target);
    json_put_text(o, "command", h->command);
    json_put_text(o, "version", h->version);
    json_put_text(o, "state", session_state_name(e->state));
    json_put_text(o, "outcome", e->summed ? summary_outcome(&e->summary) : NULL);
    json_put_text(o, "failure", e->failure[0] ? e->failure : NULL);
    json_put_int(o, "bytes", e->bytes);
    json_put_int(o, "segments", e->segments);
    json_put_int(o, "dropped_segments", e->dropped);
    json_key(o, "summary");
    if (e->summed)
        summary_encode(&e->summary, o);
    else
        json_null(o);
    put_problem(o, &e->problem);
    json_object_end(o);
}

void sessions_json(const struct sessions *sessions, const struct safepoints *saved, const struct sessions_filter *filter)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_key(&o, "sessions");
    json_array(&o);
    for (size_t i = 0; i < sessions->count; i++)
        if (sessions->items[i].state == SESSION_UNREADABLE || sessions_wanted(&sessions->items[i], filter))
            add_session(&o, &sessions->items[i]);
    json_array_end(&o);
    json_key(&o, "safepoints");
    json_array(&o);
    for (size_t d = 0; d < saved->count; d++)
        for (size_t i = 0; i < saved->lists[d].count; i++)
            if (wanted(&saved->lists[d].items[i], filter))
                safepoints_json(&o, &saved->lists[d].items[i]);
    json_array_end(&o);
    json_key(&o, "dropped");
    json_object(&o);
    json_put_int(&o, "files", sessions->dropped_files);
    json_put_int(&o, "bytes", sessions->dropped_bytes);
    json_put_text(&o, "last", sessions->dropped_last[0] ? sessions->dropped_last : NULL);
    json_object_end(&o);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* ---- checks ---- */

/* Nobody writes it any more, and there is no end: whether it was killed or cut nothing in it can tell. */
static bool ends_nowhere(const struct session_check *c)
{
    return c->ok && c->summary.end != JOURNAL_END_CLOSED && c->entry->state != SESSION_RUNNING;
}

static const char *how_it_ends(const struct journal_summary *s, const struct session_entry *e)
{
    if (s->end == JOURNAL_END_CLOSED)
        return "closed";
    if (e->state == SESSION_RUNNING)
        return "still running";
    return s->end == JOURNAL_END_CUT ? "ends in the middle of a line: killed, or the disk was full"
           : s->end == JOURNAL_END_CONTINUED ? "its last file is not here"
                                             : "has no end: killed, or cut between two lines";
}

void sessions_verified_text(const struct session_check *checks, size_t count)
{
    struct str out = {0};
    size_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        const struct session_check *c = &checks[i];
        const char *path = c->entry->path;
        str_add(&out, !c->ok ? "DAMAGED  " : ends_nowhere(c) ? "NO END   " : "whole    ");
        if (c->ok) {
            text_visible(&out, path, strlen(path));
            if (ends_nowhere(c))
                str_printf(&out, ":%u", c->summary.line);
            str_printf(&out, "  %llu inputs, %s, hash %s\n", (unsigned long long)c->summary.lines,
                       how_it_ends(&c->summary, c->entry), c->summary.hash);
            continue;
        }
        bad++;
        text_visible(&out, c->err.at[0] ? c->err.at : path, strlen(c->err.at[0] ? c->err.at : path));
        str_add(&out, "  ");
        const char *why = c->err.why[0] ? c->err.why : c->err.message;
        text_visible(&out, why, strlen(why));
        str_add_char(&out, '\n');
    }
    str_printf(&out, "%zu session%s checked, %zu damaged\n", count, count == 1 ? "" : "s", bad);
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
}

void sessions_verified_json(const struct session_check *checks, size_t count)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_key(&o, "sessions");
    json_array(&o);
    for (size_t i = 0; i < count; i++) {
        const struct session_check *c = &checks[i];
        json_object(&o);
        json_put_text(&o, "file", c->entry->path);
        json_put_bool(&o, "whole", c->ok);
        json_put_bool(&o, "ended", !c->ok || !ends_nowhere(c));
        json_put_int(&o, "last_line", c->ok ? c->summary.line : 0);
        json_put_int(&o, "inputs", (int64_t)c->summary.lines);
        json_put_text(&o, "end", c->ok ? how_it_ends(&c->summary, c->entry) : NULL);
        json_put_text(&o, "hash", c->ok ? c->summary.hash : NULL);
        put_problem(&o, &c->err);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}
