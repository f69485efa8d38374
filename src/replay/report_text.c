/* report_text - the report as Markdown and as JSON. */
#include "replay/report.h"

#include <string.h>

#include "app/util.h"
#include "base/json.h"
#include "base/text.h"

/* ---- Markdown ---- */

/* Foreign text in Markdown: controls visible, and no mark of its own. */
static void md(struct str *out, const char *text)
{
    struct str visible = {0};
    text_visible(&visible, or_empty(text), strlen(or_empty(text)));
    for (const char *p = str_text(&visible); *p; p++) {
        if (strchr("\\`*_{}[]<>#|~!&", *p))
            str_add_char(out, '\\');
        str_add_char(out, *p);
    }
    str_free(&visible);
}

static void cell(struct str *out, const char *text)
{
    str_add(out, " ");
    md(out, text_is_empty(text) ? "\xc2\xb7" : text);
    str_add(out, " |");
}

static void say_sessions(const struct report *r, struct str *out)
{
    char a[40], b[40];
    str_add(out, "## Sessions\n\n| # | who | environment | database | cluster | from | to | recording |\n"
                 "|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < r->session_count; i++) {
        const struct report_session *s = &r->sessions[i];
        struct str who = {0}, recording = {0};
        report_who(s, &who);
        report_recording(s, &recording);
        str_printf(out, "| %zu |", i + 1);
        cell(out, str_text(&who));
        cell(out, source_header(s->source)->environment);
        cell(out, s->server);
        cell(out, s->cluster);
        cell(out, report_utc(a, s->start_ms));
        cell(out, report_utc(b, s->end_ms));
        cell(out, str_text(&recording));
        str_add_char(out, '\n');
        str_free(&who);
        str_free(&recording);
    }
    str_add_char(out, '\n');
    for (size_t i = 0; i < r->session_count; i++) {
        str_printf(out, "%zu. ", i + 1);
        md(out, source_header(r->sessions[i].source)->session);
        str_printf(out, ", last hash `%s`\n", source_hash(r->sessions[i].source));
    }
    str_add_char(out, '\n');
}

static void say_item(struct str *out, const char *label, const char *text)
{
    if (text_is_empty(text))
        return;
    str_printf(out, "- %s: ", label);
    md(out, text);
    str_add_char(out, '\n');
}

/* `before`: the one told above it, or NULL. */
static void say_verdict(const struct report_diagnosis *d, const struct report_diagnosis *before, struct str *out)
{
    bool again = report_same_evidence(d, before);
    char at[40];
    str_add(out, "### ");
    md(out, d->facts.verdict);
    str_add(out, ", ");
    md(out, d->facts.confidence);
    str_printf(out, " (session %zu, %s)\n\n", d->session + 1, report_utc(at, d->wall_ms));
    md(out, d->facts.sentence);
    str_add(out, "\n\n");
    say_item(out, "since", d->facts.since);
    say_item(out, "until", d->facts.until);
    say_item(out, "by", d->facts.by);
    if (again)
        str_add(out, "- evidence: the same as above\n");
    for (size_t i = 0; !again && i < d->facts.evidence_count; i++) {
        const struct fact_evidence *e = &d->facts.evidence[i];
        str_add(out, "- evidence: ");
        md(out, e->fact);
        str_add(out, " (");
        md(out, e->source);
        str_add(out, text_is_empty(e->problem) ? ")" : "), ");
        md(out, e->problem);
        str_add_char(out, '\n');
    }
    for (size_t i = 0; i < d->facts.alternative_count; i++)
        say_item(out, "not excluded", d->facts.alternatives[i].verdict);
    for (size_t i = 0; i < d->facts.denied_count; i++)
        say_item(out, "not permitted", d->facts.denied[i].what);
    str_add_char(out, '\n');
}

static void say_counts(const struct report *r, struct str *out)
{
    char at[40];
    if (!r->count_count)
        return;
    str_add(out, "## Rows before and after\n\n| at (UTC) | session | operation | table | before | after |\n"
                 "|---|---|---|---|---:|---:|\n");
    for (size_t i = 0; i < r->count_count; i++) {
        const struct report_count *c = &r->counts[i];
        str_printf(out, "| %s | %zu |", report_utc(at, c->wall_ms), c->session + 1);
        cell(out, c->operation);
        cell(out, c->table);
        str_printf(out, " %lld | %lld |\n", (long long)c->before, (long long)c->after);
    }
    str_add_char(out, '\n');
}

static void say_entry(const struct report *r, const struct report_entry *e, struct str *out)
{
    char utc[40], local[40];
    str_printf(out, "- %s (%s)", report_utc(utc, e->wall_ms), report_local(local, e->wall_ms));
    if (r->session_count > 1)
        str_printf(out, " [%zu]", e->session + 1);
    str_printf(out, " **%s** ", e->reviewer ? "reviewer's note" : report_kind_name(e->kind));
    md(out, e->text);
    str_add_char(out, '\n');
}

static void say_kind(const struct report *r, enum report_kind kind, const char *title, struct str *out)
{
    bool any = false;
    for (size_t i = 0; i < r->entry_count; i++) {
        if (r->entries[i].kind != kind)
            continue;
        if (!any)
            str_printf(out, "## %s\n\n", title);
        any = true;
        say_entry(r, &r->entries[i], out);
    }
    if (any)
        str_add_char(out, '\n');
}

static bool in_timeline(const struct report_entry *e) { return e->kind != REPORT_RAN; }

void report_markdown(const struct report *r, struct str *out)
{
    char at[40];
    str_add(out, "# Incident report");
    if (r->session_count)
        str_printf(out, ", %.10s", report_utc(at, r->sessions[0].start_ms));
    str_add(out, "\n\n");
    say_sessions(r, out);
    if (r->diagnosis_count)
        str_add(out, "## Verdict\n\n");
    for (size_t i = 0; i < r->diagnosis_count; i++)
        say_verdict(&r->diagnoses[i], i ? &r->diagnoses[i - 1] : NULL, out);
    str_add(out, "## Timeline\n\n");
    for (size_t i = 0; i < r->entry_count; i++)
        if (in_timeline(&r->entries[i]))
            say_entry(r, &r->entries[i], out);
    str_add_char(out, '\n');
    say_counts(r, out);
    say_kind(r, REPORT_RAN, "Statements that were run", out);
    say_kind(r, REPORT_SAFEPOINT, "Safepoints", out);
    say_kind(r, REPORT_REFUSED, "Refused", out);
    say_kind(r, REPORT_FAILED, "Failed", out);
    say_kind(r, REPORT_NOTE, "Notes", out);
}

/* ---- JSON ---- */

static void put_session(struct json_out *o, const struct report_session *s)
{
    const struct journal_header *h = source_header(s->source);
    struct str recording = {0};
    char at[40];
    report_recording(s, &recording);
    json_object(o);
    json_put_text(o, "session", h->session);
    json_put_text(o, "path", s->path);
    json_put_text(o, "user", h->user);
    json_put_text(o, "real_user", or_empty(h->real_user));
    json_put_text(o, "from", or_empty(h->from));
    json_put_text(o, "host", h->host);
    json_put_text(o, "command", h->command);
    json_put_text(o, "environment", h->environment);
    json_put_text(o, "target", text_is_empty(s->server) ? h->target : s->server);
    json_put_text(o, "database", or_empty(s->database));
    json_put_text(o, "role", or_empty(s->role));
    json_put_text(o, "system_identifier", or_empty(s->cluster));
    json_put_text(o, "started", report_utc(at, s->start_ms));
    json_put_text(o, "ended", report_utc(at, s->end_ms));
    json_put_text(o, "recording", str_text(&recording));
    json_put_bool(o, "chain_whole", s->chain == CHAIN_WHOLE);
    json_put_text(o, "hash", source_hash(s->source));
    json_object_end(o);
    str_free(&recording);
}

static void put_entry(struct json_out *o, const struct report_entry *e)
{
    char at[40];
    json_object(o);
    json_put_text(o, "at", report_utc(at, e->wall_ms));
    json_put_int(o, "session", (int64_t)e->session + 1);
    json_put_int(o, "event", (int64_t)e->n);
    json_put_text(o, "kind", report_kind_name(e->kind));
    json_put_bool(o, "reviewer", e->reviewer);
    json_put_text(o, "text", e->text);
    json_object_end(o);
}

static void put_diagnosis(struct json_out *o, const struct report_diagnosis *d)
{
    char at[40];
    json_object(o);
    json_put_text(o, "at", report_utc(at, d->wall_ms));
    json_put_int(o, "session", (int64_t)d->session + 1);
    json_put_text(o, "verdict", or_empty(d->facts.verdict));
    json_put_text(o, "confidence", or_empty(d->facts.confidence));
    json_put_text(o, "sentence", or_empty(d->facts.sentence));
    json_put_text(o, "since", text_is_empty(d->facts.since) ? NULL : d->facts.since);
    json_put_text(o, "until", text_is_empty(d->facts.until) ? NULL : d->facts.until);
    json_put_text(o, "by", text_is_empty(d->facts.by) ? NULL : d->facts.by);
    json_key(o, "evidence");
    json_array(o);
    for (size_t i = 0; i < d->facts.evidence_count; i++) {
        json_object(o);
        json_put_text(o, "fact", or_empty(d->facts.evidence[i].fact));
        json_put_text(o, "source", or_empty(d->facts.evidence[i].source));
        json_put_text(o, "supports", or_empty(d->facts.evidence[i].supports));
        json_put_text(o, "problem", or_empty(d->facts.evidence[i].problem));
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

static void put_count(struct json_out *o, const struct report_count *c)
{
    char at[40];
    json_object(o);
    json_put_text(o, "at", report_utc(at, c->wall_ms));
    json_put_int(o, "session", (int64_t)c->session + 1);
    json_put_text(o, "operation", c->operation);
    json_put_text(o, "table", c->table);
    json_put_int(o, "before", c->before);
    json_put_int(o, "after", c->after);
    json_object_end(o);
}

void report_json(const struct report *r, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    json_key(&o, "sessions");
    json_array(&o);
    for (size_t i = 0; i < r->session_count; i++)
        put_session(&o, &r->sessions[i]);
    json_array_end(&o);
    json_key(&o, "diagnoses");
    json_array(&o);
    for (size_t i = 0; i < r->diagnosis_count; i++)
        put_diagnosis(&o, &r->diagnoses[i]);
    json_array_end(&o);
    json_key(&o, "timeline");
    json_array(&o);
    for (size_t i = 0; i < r->entry_count; i++)
        put_entry(&o, &r->entries[i]);
    json_array_end(&o);
    json_key(&o, "counts");
    json_array(&o);
    for (size_t i = 0; i < r->count_count; i++)
        put_count(&o, &r->counts[i]);
    json_array_end(&o);
    json_object_end(&o);
    str_add_char(out, '\n');
}
