/* verify - for CI and monitoring: a line a finding, exit 4 when there is one; as JUnit XML and for Prometheus, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/many.h"
#include "cmd/verify_report.h"
#include "run/light.h"

struct verify_face {
    struct face face;          /* first: the event's way back to the rest */
    bool json;
    struct str out;
    struct json_out writer;
    struct verify_report report;
};

/* Findings are results; everything else is a message. */
static void on_event(struct face *face, const struct input *in)
{
    struct verify_face *v = (struct verify_face *)face;
    if (in->kind != IN_LOG || !in->name || strcmp(in->name, "finding") != 0) {
        face_print_event(face, in);
        return;
    }
    verify_report_add(&v->report, in->title, in->text);
    if (v->json) {
        json_text(&v->writer, in->text);
    } else {
        text_visible(&v->out, in->text, strlen(in->text));
        puts(str_text(&v->out));
        str_reset(&v->out);
    }
}

static bool write_file(const char *path, const struct str *text, struct err *err)
{
    return file_write_atomic(path, str_text(text), text->length, 0644, err);
}

/* What a report could not be written to is an error of its own. */
static bool write_reports(const struct options *options, const struct verify_report *const *reports, size_t count,
                          struct err *err)
{
    struct str junit = {0}, prometheus = {0};
    bool ok = true;
    if (options->junit) {
        verify_report_junit(reports, count, &junit);
        ok = write_file(options->junit, &junit, err);
    }
    if (ok && options->prometheus) {
        verify_report_prometheus(reports, count, clock_wall_ms(), &prometheus);
        ok = write_file(options->prometheus, &prometheus, err);
    }
    str_free(&junit);
    str_free(&prometheus);
    return ok;
}

/* `problem`: why it could not be verified. */
static bool write_report(struct verify_face *v, const struct options *options, const struct err *problem, struct err *err)
{
    struct verify_report *r = &v->report;
    if (!v->face.ctx.environment)
        return true;
    r->environment = v->face.ctx.environment->name;
    r->counted = v->face.last[IN_TABLE];
    r->error = problem;
    r->duration_ms = clock_mono_ms() - v->face.started_ms;
    return write_reports(options, &(const struct verify_report *){r}, 1, err);
}

static void begin_json(struct verify_face *v)
{
    json_begin(&v->writer, &v->out);
    json_object(&v->writer);
    json_key(&v->writer, "findings");
    json_array(&v->writer);
}

static void end_json(struct verify_face *v, bool verified)
{
    json_array_end(&v->writer);
    json_put_bool(&v->writer, "verified", verified);
    json_object_end(&v->writer);
    face_write_json(&v->out);
}

/* ---- several ---- */

struct verified {                    /* of one environment of several */
    struct verify_report report;
    struct str findings;             /* JSON: a list that is not closed yet */
    struct json_out writer;
    struct input *counted;           /* owned: what the report is about */
};

static struct verified *verified_of(struct many_row *row)
{
    if (!row->own) {
        struct verified *v = row->own = xcalloc(1, sizeof *v);
        json_begin(&v->writer, &v->findings);
        json_array(&v->writer);
    }
    return row->own;
}

/* Findings are results: a line each, with the environment's name. */
static bool hear(struct many_row *row, const struct input *in)
{
    if (in->kind != IN_LOG || !in->name || strcmp(in->name, "finding") != 0)
        return false;
    struct verified *v = verified_of(row);
    struct str out = {0};
    verify_report_add(&v->report, in->title, in->text);
    json_text(&v->writer, in->text);
    str_printf(&out, "%s: ", row->member->environment->name);
    text_visible(&out, in->text, strlen(in->text));
    if (!row->text)
        row->text = xstrdup(in->text);
    row->weight++;
    if (!row->many->face->options->json) {
        puts(str_text(&out));
        fflush(stdout);
    }
    str_free(&out);
    return true;
}

static bool work(struct many_row *row, struct err *err)
{
    struct verified *v = verified_of(row);
    bool sound = op_verify(&row->member->session, row->many->face->options->scan, err);
    if (!sound && err->class != ERR_DIFFERENT)
        return false;
    struct str text = {0};
    struct json_out o;
    row->class = sound ? ERR_NONE : ERR_DIFFERENT;
    str_printf(&text, "%lld", (long long)row->weight);
    many_cell(row, 0, str_take(&text));
    v->counted = row->last[IN_TABLE];
    row->last[IN_TABLE] = NULL;
    json_array_end(&v->writer);
    json_begin(&o, &row->json);
    json_object(&o);
    json_key(&o, "findings");
    json_raw(&o, str_text(&v->findings));
    json_put_bool(&o, "verified", sound);
    json_object_end(&o);
    light_reached(&row->light);
    return true;
}

static bool finish(struct many *many, struct err *err)
{
    static const struct err none;
    const struct verify_report **reports = xcalloc(many->count + 1, sizeof *reports);
    for (size_t i = 0; i < many->count; i++) {
        struct many_row *row = many->rows[i];
        struct verified *v = verified_of(row);
        v->report.environment = row->member->environment->name;
        v->report.counted = v->counted;
        v->report.error = row->member->ok ? &none : &row->member->err;
        v->report.duration_ms = row->member->duration_ms;
        reports[i] = &v->report;
    }
    bool ok = write_reports(many->face->options, reports, many->count, err);
    free(reports);
    return ok;
}

static void forget(struct many_row *row)
{
    struct verified *v = row->own;
    if (!v)
        return;
    verify_report_free(&v->report);
    str_free(&v->findings);
    input_free(v->counted);
    free(v);
}

static const struct many_class verification_of_many = {.titles = {"findings", NULL, NULL}, .well = "verified",
    .work = work, .hear = hear, .finish = finish, .forget = forget};

int cmd_verify(const struct command *command, struct options *options)
{
    struct verify_face v = {0};
    struct err err = {0}, unwritten = {0};
    struct selection selection = {0};
    bool ok = face_load(&v.face, command, options, &err) && many_select(&v.face, &selection, &err);
    if (ok && selection.several)
        return many_run(&v.face, &selection, &verification_of_many);
    ok = ok && face_connect(&v.face, &err);
    v.json = options->json;
    v.face.on_event = on_event;
    if (v.json)
        begin_json(&v);
    ok = ok && op_verify(&v.face.session, options->scan, &err);
    bool verified = ok;
    ok = ok || err.class == ERR_DIFFERENT;
    struct err none = {0};
    if (!write_report(&v, options, ok ? &none : &err, &unwritten) && ok) {
        err = unwritten;
        ok = verified = false;
    }
    if (ok && v.json)
        end_json(&v, verified);
    else if (verified)
        puts("verified: migrations, floors, fixtures, references and sequences hold");
    else if (ok)
        face_print_error(&err, false);
    str_free(&v.out);
    verify_report_free(&v.report);
    int code = face_close(&v.face, ok, &err);
    return ok && !verified ? err_exit_code(ERR_DIFFERENT) : code;
}
