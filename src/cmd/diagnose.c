/* diagnose - the verdict as a page, or as one JSON document. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/diagnose_json.h"
#include "cmd/many.h"
#include "run/light.h"

enum { COLUMNS = 100, SOURCE_AT = 66 };

static const char *or_blank(const char *text) { return text ? text : ""; }

static void put_json(const struct fact_diagnosis *d, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    diagnose_json(&o, d);
}

static void print_json(const struct fact_diagnosis *d)
{
    struct str out = {0};
    put_json(d, &out);
    face_write_json(&out);
    str_free(&out);
}

/* ---- text ---- */

static void put_foreign(struct str *out, const char *text)
{
    text_visible(out, or_blank(text), strlen(or_blank(text)));
}

/* Words wrapped at COLUMNS under `indent`; gives the column it ends in. */
static int put_wrapped(struct str *out, int indent, int limit, const char *text)
{
    int column = indent;
    for (const char *word = or_blank(text); *word;) {
        size_t length = strcspn(word, " \n");
        struct str shown = {0};
        text_visible(&shown, word, length);
        int cells = text_width(str_text(&shown));
        if (column > indent && column + 1 + cells > limit) {
            str_printf(out, "\n%*s", indent, "");
            column = indent;
        }
        if (column > indent) {
            str_add_char(out, ' ');
            column++;
        }
        str_add(out, str_text(&shown));
        column += cells;
        str_free(&shown);
        word += length + (word[length] != '\0');
    }
    return column;
}

static void put_paragraph(struct str *out, int indent, const char *text)
{
    str_printf(out, "%*s", indent, "");
    put_wrapped(out, indent, COLUMNS, text);
    str_add_char(out, '\n');
}

/* "2026-11-21 09:06:30 UTC (the last healthy visit)" */
static void put_moment(struct str *out, const char *what, const char *iso, const char *why)
{
    str_add(out, what);
    if (*or_blank(iso))
        str_printf(out, "%.10s %.8s UTC (%s)\n", iso, strlen(iso) > 11 ? iso + 11 : "", or_blank(why));
    else
        str_add(out, "nothing says\n");
}

static void put_head(struct str *out, const struct face *face, const struct fact_diagnosis *d)
{
    bool fine = strcmp(d->verdict, "healthy") == 0;
    str_printf(out, " VERDICT  %s%s%s", face->color ? (fine ? "\033[1;32m" : "\033[1;31m") : "", d->verdict,
               face->color ? "\033[0m" : "");
    str_printf(out, "        confidence %s\n", d->confidence);
    put_paragraph(out, 3, d->sentence);
    if (*or_blank(d->until)) {
        put_moment(out, "   not before  ", d->since, d->since_why);
        put_moment(out, "   not after   ", d->until, d->until_why);
        str_add(out, "   by          ");
        put_foreign(out, *or_blank(d->by) ? d->by : "nothing that was read says by whom");
        str_add_char(out, '\n');
    }
}

static void put_tables(struct str *out, const struct fact_diagnosis *d)
{
    str_add(out, "\n   Tables\n");
    for (size_t i = 0; i < d->table_count; i++) {
        const struct fact_table_verdict *t = &d->tables[i];
        if (strcmp(t->class, "operational") == 0)
            continue;
        struct str name = {0};
        text_visible(&name, t->name, strlen(t->name));
        int used;
        size_t bytes = text_fit(str_text(&name), 24, &used);
        str_printf(out, "   %s %.*s%*s %-20s %-8s ", strcmp(t->verdict, "healthy") == 0 ? "✓" : "✗", (int)bytes,
                   str_text(&name), 24 - used, "", t->verdict, t->confidence);
        if (t->inserted >= 0)
            str_printf(out, " %lld inserted, %lld deleted, %lld dead", (long long)t->inserted, (long long)t->deleted,
                       (long long)t->dead);
        str_add_char(out, '\n');
        str_free(&name);
    }
}

/* Each table's sentence once, with how many it speaks of. */
static void put_reasons(struct str *out, const struct fact_diagnosis *d)
{
    for (size_t i = 0; i < d->table_count; i++) {
        bool told = strcmp(d->tables[i].verdict, "healthy") == 0 || strcmp(d->tables[i].class, "operational") == 0;
        for (size_t n = 0; n < i && !told; n++)
            told = strcmp(d->tables[n].why, d->tables[i].why) == 0;
        if (!told)
            put_paragraph(out, 3, d->tables[i].why);
    }
}

static void put_evidence(struct str *out, const struct fact_diagnosis *d)
{
    str_add(out, "\n   Evidence\n");
    for (size_t i = 0; i < d->evidence_count; i++) {
        const struct fact_evidence *e = &d->evidence[i];
        bool unread = *or_blank(e->problem);
        str_printf(out, "   %s ", unread ? "–" : "✓");
        int column = put_wrapped(out, 5, SOURCE_AT - 2, e->fact);
        str_printf(out, "%*s", column < SOURCE_AT ? SOURCE_AT - column : 2, "");
        if (unread)
            put_foreign(out, e->problem);
        else
            put_foreign(out, e->source);
        str_add_char(out, '\n');
        if (*or_blank(e->excludes))
            str_printf(out, "       rules out %s\n", e->excludes);
    }
}

static void put_alternatives(struct str *out, const struct fact_diagnosis *d)
{
    for (size_t i = 0; i < d->alternative_count; i++) {
        const struct fact_alternative *a = &d->alternatives[i];
        str_printf(out, "%s   %s %s: ", i ? "" : "\n", i || !d->cannot_tell ? "less likely" : "can't be told from",
                   a->verdict);
        put_wrapped(out, 7, COLUMNS - 30, a->why);
        str_add_char(out, '\n');
    }
}

static void put_readable(struct str *out, const struct fact_diagnosis *d)
{
    struct str list = {0};
    for (size_t i = 0; i < d->table_count; i++) {
        const struct fact_table_verdict *t = &d->tables[i];
        if (!t->held || t->dead <= 0)
            continue;
        str_printf(&list, "%s%lld %s", list.length ? ", " : "Perhaps still readable on disk, until something scans or "
                   "vacuums it: ", (long long)t->dead, t->name);
    }
    if (list.length) {
        str_add_char(out, '\n');
        put_paragraph(out, 3, str_text(&list));
    }
    str_free(&list);
}

static void put_denied(struct str *out, const struct fact_diagnosis *d)
{
    for (size_t i = 0; i < d->denied_count; i++) {
        str_printf(out, "%s   to read %s: ", i ? "" : "\n", d->denied[i].what);
        put_foreign(out, *or_blank(d->denied[i].grant) ? d->denied[i].grant : d->denied[i].why);
        str_add_char(out, '\n');
    }
}

static void put_next(struct str *out, const struct fact_diagnosis *d)
{
    for (size_t i = 0; i < d->next_count; i++) {
        str_printf(out, "%s   %zu. ", i ? "" : "\n   Next\n", i + 1);
        put_wrapped(out, 6, COLUMNS, d->next[i].text);
        str_add_char(out, '\n');
        if (*or_blank(d->next[i].command)) {
            str_add(out, "        seedops ");
            put_foreign(out, d->next[i].command);
            str_add_char(out, '\n');
        }
    }
}

static void print_text(const struct face *face, const struct input *in)
{
    struct str out = {0};
    const struct fact_diagnosis *d = &in->diagnosis;
    put_foreign(&out, in->server.environment);
    str_add(&out, "  ");
    put_foreign(&out, in->server.target);
    str_add(&out, "  PostgreSQL ");
    put_foreign(&out, in->server.version);
    str_printf(&out, " %s\n\n", in->server.in_recovery ? "standby" : "primary");
    put_head(&out, face, d);
    put_reasons(&out, d);
    put_readable(&out, d);
    put_next(&out, d);
    put_tables(&out, d);
    put_evidence(&out, d);
    put_alternatives(&out, d);
    put_denied(&out, d);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
}

/* ---- several ---- */

static bool work(struct many_row *row, struct err *err)
{
    const struct options *options = row->many->face->options;
    if (!op_diagnose(&row->member->session, &(struct diagnose_options){.deep = options->deep}, err))
        return false;
    const struct fact_diagnosis *d = &row->last[IN_DIAGNOSIS]->diagnosis;
    row->concern = strcmp(or_blank(d->verdict), "healthy") != 0;
    for (size_t i = 0; i < d->table_count; i++)
        row->weight += strcmp(or_blank(d->tables[i].verdict), "healthy") != 0;
    many_cell(row, 0, xstrdup(d->verdict));
    many_cell(row, 1, xstrdup(d->confidence));
    row->text = xstrdup(row->concern ? or_blank(d->sentence) : "");
    light_reached(&row->light);
    if (options->json)
        put_json(d, &row->json);
    return true;
}

static const struct many_class diagnosis_of_many = {
    .titles = {"verdict", "confidence", NULL}, .well = "looked at", .work = work};

int cmd_diagnose(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct diagnose_options what = {.deep = options->deep};
    struct selection selection = {0};
    bool ok = face_load(&face, command, options, &err) && many_select(&face, &selection, &err);
    if (ok && selection.several)
        return many_run(&face, &selection, &diagnosis_of_many);
    ok = ok && face_connect(&face, &err) && op_diagnose(&face.session, &what, &err);
    if (ok && options->json)
        print_json(&face.last[IN_DIAGNOSIS]->diagnosis);
    else if (ok)
        print_text(&face, face.last[IN_DIAGNOSIS]);
    return face_close(&face, ok, &err);
}
