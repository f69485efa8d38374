/* verify - for CI and monitoring: a line a finding, exit 4 when there is one; as JUnit XML and for Prometheus, too. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/verify_report.h"

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

/* `problem`: why it could not be verified. What a report could not be written to is an error of its own. */
static bool write_reports(struct verify_face *v, const struct options *options, const struct err *problem, struct err *err)
{
    struct verify_report *r = &v->report;
    struct str junit = {0}, prometheus = {0};
    bool ok = true;
    if (!v->face.ctx.environment)
        return true;
    r->environment = v->face.ctx.environment->name;
    r->counted = v->face.last[IN_TABLE];
    r->error = problem;
    r->duration_ms = clock_mono_ms() - v->face.started_ms;
    if (options->junit) {
        verify_report_junit(r, &junit);
        ok = write_file(options->junit, &junit, err);
    }
    if (ok && options->prometheus) {
        verify_report_prometheus(r, clock_wall_ms(), &prometheus);
        ok = write_file(options->prometheus, &prometheus, err);
    }
    str_free(&junit);
    str_free(&prometheus);
    return ok;
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

int cmd_verify(const struct command *command, struct options *options)
{
    struct verify_face v = {0};
    struct err err = {0}, unwritten = {0};
    bool ok = face_open(&v.face, command, options, &err);
    v.json = options->json;
    v.face.on_event = on_event;
    if (v.json)
        begin_json(&v);
    ok = ok && op_verify(&v.face.session, options->scan, &err);
    bool verified = ok;
    ok = ok || err.class == ERR_DIFFERENT;
    struct err none = {0};
    if (!write_reports(&v, options, ok ? &none : &err, &unwritten) && ok) {
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
