/* preserve - the checklist as it will be carried out, what is left to do by hand, and what was done. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "preserve/preserve.h"

static bool by_hand(const struct fact_step *step) { return strcmp(step->action, "by hand") == 0; }

/* ---- JSON ---- */

static void json_steps(struct json_out *o, const struct input *plan)
{
    json_key(o, "plan");
    json_object(o);
    json_put_text(o, "digest", plan->text);
    json_key(o, "steps");
    json_array(o);
    for (size_t i = 0; i < plan->step_count; i++) {
        if (by_hand(&plan->steps[i]))
            continue;
        json_object(o);
        json_put_text(o, "action", plan->steps[i].action);
        json_put_text(o, "object", plan->steps[i].object);
        json_put_text(o, "detail", plan->steps[i].detail);
        json_object_end(o);
    }
    json_array_end(o);
    json_key(o, "by_hand");
    json_array(o);
    for (size_t i = 0; i < plan->step_count; i++) {
        if (!by_hand(&plan->steps[i]))
            continue;
        json_object(o);
        json_put_text(o, "who", plan->steps[i].object);
        json_put_text(o, "command", plan->steps[i].detail);
        json_object_end(o);
    }
    json_array_end(o);
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
    json_put_text(&o, "archive", outcome->text && *outcome->text ? outcome->text : NULL);
    json_put_int(&o, "duration_ms", outcome->number);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* ---- text ---- */

static void add_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

static void add_steps(struct str *out, const struct input *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        if (by_hand(step))
            continue;
        str_printf(out, "%s %-8s", step->danger ? "!" : " ", step->action);
        add_visible(out, step->object);
        str_add(out, "  ");
        add_visible(out, step->detail);
        str_add_char(out, '\n');
    }
}

/* Lines to paste, under whoever may. */
static void add_by_hand(struct str *out, const struct input *plan)
{
    const char *who = NULL;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        if (!by_hand(step))
            continue;
        if (!who || strcmp(who, step->object) != 0) {
            str_add(out, "by hand (");
            add_visible(out, step->object);
            str_add(out, "):\n");
        }
        who = step->object;
        str_add(out, "    ");
        add_visible(out, step->detail);
        str_add_char(out, '\n');
    }
}

static void print_plan(const struct input *plan)
{
    struct str out = {0};
    add_steps(&out, plan);
    add_by_hand(&out, plan);
    if (plan->step_count)
        str_printf(&out, "plan %.12s\n", plan->text);
    fwrite(str_text(&out), 1, out.length, stdout);
    fflush(stdout);
    str_free(&out);
}

static void print_outcome(const struct face *face, const struct input *plan, const struct input *outcome)
{
    const struct options *o = face->options;
    if (o->dry_run)
        puts("dry run: nothing was changed");
    else if (plan->step_count == 0)
        puts("nothing of a preserve is in force here");
    else if (o->undo)
        puts("taken back");
    else if (outcome->number2 == 0)
        puts("the evidence is recorded; this role can do nothing more, so the lines above are for someone who can");
    else
        printf("preserved; seedops preserve --undo %s takes it back\n", face->ctx.environment->name);
}

static void on_event(struct face *face, const struct input *in)
{
    if (in->kind == IN_PLAN && !face->options->json)
        print_plan(in);
    else
        face_print_event(face, in);
}

int cmd_preserve(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err);
    face.on_event = on_event;
    face.ctx.action = options->undo ? "preserve --undo" : "preserve";
    face.ctx.action_operands = options->operand_count > 0;
    struct preserve_options what = {.undo = options->undo, .dry_run = options->dry_run, .output = options->output,
        .seen = options->plan_digest,
        .tables = options->operands, .count = (size_t)options->operand_count};
    ok = ok && op_preserve(&face.session, &what, &err);
    if (ok && options->json)
        print_json(face.last[IN_PLAN], face.last[IN_OUTCOME]);
    else if (ok)
        print_outcome(&face, face.last[IN_PLAN], face.last[IN_OUTCOME]);
    return face_close(&face, ok, &err);
}
