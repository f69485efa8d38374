/* seed - the plan, then what was done: before and after. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

static void json_steps(struct json_out *o, const struct input *plan)
{
    json_key(o, "plan");
    json_object(o);
    json_put_text(o, "digest", plan->text);
    json_put_text(o, "fixtures", plan->expect);
    json_put_text(o, "first", plan->title && plan->title[0] ? plan->title : NULL);
    json_key(o, "steps");
    json_array(o);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        json_object(o);
        json_put_text(o, "action", step->action);
        json_put_text(o, "object", step->object);
        json_put_text(o, "detail", step->detail);
        json_put_int(o, "rows", step->rows);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

static void json_counts(struct json_out *o, const char *key, const struct input *outcome, bool after)
{
    json_key(o, key);
    json_object(o);
    for (size_t i = 0; i < outcome->count_count; i++)
        json_put_int(o, outcome->counts[i].table, after ? outcome->counts[i].after : outcome->counts[i].before);
    json_object_end(o);
}

static void print_json(const struct input *plan, const struct input *outcome)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_steps(&o, plan);
    json_put_bool(&o, "applied", outcome->number2 > 0);
    json_counts(&o, "before", outcome, false);
    json_counts(&o, "after", outcome, true);
    json_put_int(&o, "duration_ms", outcome->number);
    json_put_text(&o, "safepoint", outcome->text);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void print_plan(const struct input *plan)
{
    struct str out = {0};
    if (plan->title && plan->title[0]) {
        add_visible(&out, plan->title);
        str_add_char(&out, '\n');
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        str_printf(&out, "  %-7s %8lld  ", step->action, (long long)step->rows);
        add_visible(&out, step->object);
        if (step->detail && step->detail[0]) {
            str_add(&out, "  ");
            add_visible(&out, step->detail);
        }
        str_add_char(&out, '\n');
    }
    if (plan->step_count)
        str_printf(&out, "plan %.12s\n", plan->text);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
}

static void print_outcome(const struct input *outcome, bool dry_run)
{
    struct str out = {0};
    for (size_t i = 0; i < outcome->count_count; i++) {
        const struct fact_count *c = &outcome->counts[i];
        if (c->before == c->after)
            continue;
        str_add(&out, "  ");
        add_visible(&out, c->table);
        str_printf(&out, "  %lld rows before, %lld after\n", (long long)c->before, (long long)c->after);
    }
    if (outcome->number2 > 0)
        str_printf(&out, "seeded: %lld %s written in %lld ms\n", (long long)outcome->number2,
                   outcome->number2 == 1 ? "row" : "rows", (long long)outcome->number);
    if (outcome->text) {
        str_add(&out, "old values: safepoint ");
        add_visible(&out, outcome->text);
        str_add_char(&out, '\n');
    }
    if (outcome->number2 == 0)
        str_add(&out, dry_run ? "dry run: nothing was written\n" : "nothing to write: every declared row is there\n");
    fwrite(str_text(&out), 1, out.length, stdout);
    str_free(&out);
}

/* The plan is shown when it is made, before the guard has its say and before anything is written. */
static void on_event(struct face *face, const struct input *in)
{
    if (in->kind == IN_PLAN && !face->options->json)
        print_plan(in);
    else
        face_print_event(face, in);
}

int cmd_seed(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err);
    face.on_event = on_event;
    struct seed_options what = {.dry_run = options->dry_run, .scan = options->scan,
                                .safepoint_dir = options->safepoint_dir};
    ok = ok && op_seed(&face.session, &what, &err);
    if (ok && options->json)
        print_json(face.last[IN_PLAN], face.last[IN_OUTCOME]);
    else if (ok)
        print_outcome(face.last[IN_OUTCOME], options->dry_run && face.last[IN_PLAN]->step_count);
    return face_close(&face, ok, &err);
}
