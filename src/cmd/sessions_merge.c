/* sessions_merge - several operators' sessions of one incident as one timeline; and times as people write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/face.h"
#include "cmd/sessions.h"
#include "replay/replay.h"
#include "replay/report.h"

static void visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void print_text(const struct report *r)
{
    struct str out = {0};
    char at[40];
    for (size_t i = 0; i < r->session_count; i++) {
        const struct journal_header *h = source_header(r->sessions[i].source);
        str_printf(&out, "%zu  ", i + 1);
        visible(&out, h->session);
        str_add(&out, "  ");
        report_who(&r->sessions[i], &out);
        str_add(&out, "  ");
        visible(&out, h->environment);
        str_add_char(&out, '\n');
    }
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct report_entry *e = &r->entries[i];
        str_printf(&out, "%.19s.%03dZ  %zu  %-8s  ", report_utc(at, e->wall_ms), (int)(e->wall_ms % 1000), e->session + 1,
                   report_kind_name(e->kind));
        visible(&out, e->text);
        str_add_char(&out, '\n');
    }
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
}

static void print_json(const struct report *r)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_key(&o, "sessions");
    json_array(&o);
    for (size_t i = 0; i < r->session_count; i++) {
        const struct journal_header *h = source_header(r->sessions[i].source);
        json_object(&o);
        json_put_text(&o, "session", h->session);
        json_put_text(&o, "file", r->sessions[i].path);
        json_put_text(&o, "user", h->user);
        json_put_text(&o, "host", h->host);
        json_put_text(&o, "environment", h->environment);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_key(&o, "timeline");
    json_array(&o);
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct report_entry *e = &r->entries[i];
        char at[32];
        clock_format_utc(e->wall_ms, at, sizeof at);
        json_object(&o);
        json_put_text(&o, "at", at);
        json_put_text(&o, "session", source_header(r->sessions[e->session].source)->session);
        json_put_int(&o, "n", (int64_t)e->n);
        json_put_text(&o, "kind", report_kind_name(e->kind));
        json_put_text(&o, "text", e->text);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

bool sessions_merge(const struct options *options, struct err *err)
{
    struct state_dirs dirs = {0};
    char *paths[64] = {0};
    int count = 0;
    bool ok = true;
    struct report report;
    for (; count < options->operand_count && ok; count++)
        ok = state_dirs_session(&dirs, &options->settings, options->operands[count], &paths[count], err);
    if (ok) {
        ok = report_make(&report, paths, (size_t)count, false, err);
        if (ok)
            (options->json ? print_json : print_text)(&report);
        report_free(&report);
    }
    for (int i = 0; i < count; i++)
        free(paths[i]);
    state_dirs_free(&dirs);
    return ok;
}

/* ---- times ---- */

/* "90m": so long before now. */
static bool ago(const char *text, int64_t now_ms, int64_t *wall_ms)
{
    static const struct { char unit; int64_t ms; } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6 || strlen(text) != digits + 1)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[digits] == units[i].unit) {
            *wall_ms = now_ms - strtoll(text, NULL, 10) * units[i].ms;
            return true;
        }
    return false;
}

bool sessions_time(const char *option, const char *text, int64_t now_ms, int64_t *wall_ms, struct err *err)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%d %H:%M:%S"};
    if (ago(text, now_ms, wall_ms))
        return true;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && *end == 'Z')
            end++;
        if (end && *end == '\0') {
            *wall_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    err_set(err, ERR_USAGE, "--%s cannot be read: \"%s\"", option, text);
    return err_hint(err, "2026-11-21, 2026-11-21T08:30 (UTC), or 90m, 2h, 3d for so long ago");
}
