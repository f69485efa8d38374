/* seed - the plan, then what was done: before and after. */
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/written.h"

static void print_plan(const struct input *plan)
{
    struct str out = {0};
    written_add_first(&out, plan);
    written_add_steps(&out, plan);
    written_print_text(&out);
    str_free(&out);
}

static void print_outcome(const struct input *outcome, bool dry_run)
{
    struct str out = {0};
    written_add_counts(&out, outcome);
    if (outcome->number2 > 0)
        str_printf(&out, "seeded: %lld %s written in %lld ms\n", (long long)outcome->number2,
                   outcome->number2 == 1 ? "row" : "rows", (long long)outcome->number);
    if (outcome->text) {
        str_add(&out, "old values: safepoint ");
        text_visible(&out, outcome->text, strlen(outcome->text));
        str_add_char(&out, '\n');
    }
    if (outcome->number2 == 0)
        str_add(&out, dry_run ? "dry run: nothing was written\n" : "nothing to write: every declared row is there\n");
    written_print_text(&out);
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
    bool ok = face_open_patiently(&face, command, options, &err);
    face.on_event = on_event;
    struct seed_options what = {.dry_run = options->dry_run, .scan = options->scan,
                                .safepoint_dir = options->safepoint_dir};
    ok = ok && op_seed(&face.session, &what, &err);
    if (ok && options->json)
        written_print_json(&(struct written){.plan = face.last[IN_PLAN], .outcome = face.last[IN_OUTCOME],
                                             .applied = face.last[IN_OUTCOME]->number2 > 0,
                                             .safepoint = face.last[IN_OUTCOME]->text});
    else if (ok)
        print_outcome(face.last[IN_OUTCOME], options->dry_run && face.last[IN_PLAN]->step_count);
    return face_close(&face, ok, &err);
}
