/* report_html - the report as one page that needs nothing else, with the screens drawn. */
#include "replay/report.h"

#include "app/util.h"
#include "replay/paint.h"

static void cell(struct str *out, const char *text)
{
    str_add(out, "<td>");
    paint_html_text(out, text_is_empty(text) ? "\xc2\xb7" : text);
    str_add(out, "</td>");
}

static void say_sessions(const struct report *r, struct str *out)
{
    char at[40];
    str_add(out,
            "<h2>Sessions</h2>\n<table><tr><th>#<th>who<th>environment<th>database<th>cluster<th>from<th>to"
            "<th>recording<th>last hash</tr>\n");
    for (size_t i = 0; i < r->session_count; i++) {
        const struct report_session *s = &r->sessions[i];
        struct str who = {0}, recording = {0};
        report_who(s, &who);
        report_recording(s, &recording);
        str_printf(out, "<tr><td>%zu</td>", i + 1);
        cell(out, str_text(&who));
        cell(out, source_header(s->source)->environment);
        cell(out, s->server);
        cell(out, s->cluster);
        cell(out, report_utc(at, s->start_ms));
        cell(out, report_utc(at, s->end_ms));
        cell(out, str_text(&recording));
        str_add(out, "<td class=\"hash\">");
        paint_html_text(out, source_hash(s->source));
        str_add(out, "</td></tr>\n");
        str_free(&who);
        str_free(&recording);
    }
    str_add(out, "</table>\n");
}

static void say_item(struct str *out, const char *label, const char *text)
{
    if (text_is_empty(text))
        return;
    str_printf(out, "<li>%s: ", label);
    paint_html_text(out, text);
    str_add(out, "</li>\n");
}

static void say_evidence(const struct fact_diagnosis *d, struct str *out)
{
    bool problems = false;
    for (size_t i = 0; i < d->evidence_count; i++)
        problems |= !text_is_empty(d->evidence[i].problem);
    str_printf(out, "<table><tr><th>fact<th>source%s</tr>\n", problems ? "<th>not read" : "");
    for (size_t i = 0; i < d->evidence_count; i++) {
        str_add(out, "<tr>");
        cell(out, d->evidence[i].fact);
        cell(out, d->evidence[i].source);
        if (problems)
            cell(out, d->evidence[i].problem);
        str_add(out, "</tr>\n");
    }
    str_add(out, "</table>\n");
}

static void say_verdict(const struct report_diagnosis *d, const struct report_diagnosis *before, struct str *out)
{
    char at[40];
    str_add(out, "<h2>Verdict: ");
    paint_html_text(out, d->facts.verdict);
    str_add(out, ", ");
    paint_html_text(out, d->facts.confidence);
    str_add(out, "</h2>\n<p>");
    paint_html_text(out, d->facts.sentence);
    str_printf(out, "</p>\n<ul><li>said at %s, in session %zu</li>\n", report_utc(at, d->wall_ms), d->session + 1);
    say_item(out, "since", d->facts.since);
    say_item(out, "until", d->facts.until);
    say_item(out, "by", d->facts.by);
    for (size_t i = 0; i < d->facts.alternative_count; i++)
        say_item(out, "not excluded", d->facts.alternatives[i].verdict);
    for (size_t i = 0; i < d->facts.denied_count; i++)
        say_item(out, "not permitted", d->facts.denied[i].what);
    str_add(out, report_same_evidence(d, before) ? "<li>evidence: the same as above</li></ul>\n" : "</ul>\n");
    if (!report_same_evidence(d, before))
        say_evidence(&d->facts, out);
}

static void say_counts(const struct report *r, struct str *out)
{
    char at[40];
    if (!r->count_count)
        return;
    str_add(
        out,
        "<h2>Rows before and after</h2>\n<table><tr><th>at (UTC)<th>operation<th>table<th>before<th>after</tr>\n");
    for (size_t i = 0; i < r->count_count; i++) {
        const struct report_count *c = &r->counts[i];
        str_add(out, "<tr>");
        cell(out, report_utc(at, c->wall_ms));
        cell(out, c->operation);
        cell(out, c->table);
        str_printf(out, "<td class=\"n\">%lld</td><td class=\"n\">%lld</td></tr>\n", (long long)c->before,
                   (long long)c->after);
    }
    str_add(out, "</table>\n");
}

static void say_screen(const struct report *r, const struct report_entry *e, struct str *out)
{
    for (size_t i = 0; i < r->screen_count; i++) {
        if (r->screens[i].session != e->session || r->screens[i].n != e->n)
            continue;
        str_add(out, "<details><summary>the screen</summary>\n");
        str_add(out, str_text(&r->screens[i].html));
        str_add(out, "</details>\n");
        return;
    }
}

static void say_timeline(const struct report *r, struct str *out)
{
    char utc[40], local[40];
    str_add(out, "<h2>Timeline</h2>\n<ol class=\"timeline\">\n");
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct report_entry *e = &r->entries[i];
        const char *kind = report_kind_name(e->kind);
        str_printf(out, "<li class=\"%s\"><time>%s</time> <small>%s</small> <b>%s</b> ", kind,
                   report_utc(utc, e->wall_ms), report_local(local, e->wall_ms),
                   e->reviewer ? "reviewer's note" : kind);
        if (r->session_count > 1)
            str_printf(out, "[%zu] ", e->session + 1);
        paint_html_text(out, e->text);
        bool last =
            i + 1 == r->entry_count || r->entries[i + 1].n != e->n || r->entries[i + 1].session != e->session;
        if (last)
            say_screen(r, e, out);
        str_add(out, "</li>\n");
    }
    str_add(out, "</ol>\n");
}

void report_html(const struct report *r, struct str *out)
{
    char at[40];
    str_add(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                 "<title>Incident report</title>\n<style>\n"
                 "body{font:15px/1.5 sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#222;background:#fff}\n"
                 "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}\n"
                 "td.hash{word-break:break-all;font-family:monospace;font-size:80%;min-width:16em}\n"
                 "td.n{text-align:right}.timeline{list-style:none;padding:0}.timeline li{margin:.3em 0}\n"
                 "li.failed b,li.refused b{color:#b00}li.done b{color:#06c}li.note{background:#ffd}small{color:#777}\n"
                 "pre.screen{background:#111;color:#ddd;padding:1em;overflow:auto;font:13px/1.25 monospace}\n");
    paint_css(out);
    str_printf(out, "</style></head><body>\n<h1>Incident report, %.10s</h1>\n",
               r->session_count ? report_utc(at, r->sessions[0].start_ms) : "");
    say_sessions(r, out);
    for (size_t i = 0; i < r->diagnosis_count; i++)
        say_verdict(&r->diagnoses[i], i ? &r->diagnoses[i - 1] : NULL, out);
    say_timeline(r, out);
    say_counts(r, out);
    str_add(out, "</body></html>\n");
}
