/* migrate - apply pending migrations; status, resolve, baseline. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/written.h"

static void put_visible(struct str *out, const char *text) { text_visible(out, text, strlen(text)); }

/* ---- migrate ---- */

static void print_plan(const struct input *plan, struct str *out)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fact_step *step = &plan->steps[i];
        str_add(out, step->danger ? "! " : "  ");
        put_visible(out, step->object);
        str_add(out, "  ");
        put_visible(out, step->detail);
        str_add_char(out, '\n');
    }
}

static void print_migrate_text(const struct face *face)
{
    const struct input *plan = face->last[IN_PLAN], *outcome = face->last[IN_OUTCOME];
    struct str out = {0};
    long long planned = plan ? (long long)plan->number : 0, done = outcome ? (long long)outcome->number2 : 0;
    if (planned && face->options->dry_run) {
        print_plan(plan, &out);
        str_printf(&out, "%lld migration%s would be applied; nothing was changed\n", planned,
                   planned == 1 ? "" : "s");
    } else if (done) {
        str_printf(&out, "%lld migration%s applied in %lld ms\n", done, done == 1 ? "" : "s",
                   (long long)outcome->number);
    } else {
        str_add(&out, "nothing to do: all migrations are applied\n");
    }
    written_print_text(&out);
    str_free(&out);
}

int cmd_migrate(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err);
    struct migrate_options how = {.dry_run = options->dry_run, .wait_ms = (int)options->timeout_ms};
    ok = ok && op_migrate(&face.session, &how, &err);
    if (ok && options->json)
        written_print_json(&(struct written){.plan = face.last[IN_PLAN], .outcome = face.last[IN_OUTCOME],
                                             .applied = !options->dry_run});
    else if (ok)
        print_migrate_text(&face);
    return face_close(&face, ok, &err);
}

/* ---- status ---- */

static const char *or_null(const char *text) { return text && text[0] ? text : NULL; }

static void print_status_json(const struct input *list, const struct err *err)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_key(&o, "ledger");
    json_object(&o);
    json_put_text(&o, "tool", or_null(list->ledger.tool));
    json_put_text(&o, "relation", or_null(list->ledger.relation));
    json_put_bool(&o, "exists", list->ledger.exists);
    json_put_text(&o, "lock_holder", or_null(list->ledger.lock_holder));
    json_object_end(&o);
    json_key(&o, "migrations");
    json_array(&o);
    for (size_t i = 0; i < list->migration_count; i++) {
        const struct fact_migration *m = &list->migrations[i];
        json_object(&o);
        json_put_text(&o, "name", m->name);
        json_put_text(&o, "state", m->state);
        json_put_text(&o, "applied_at", or_null(m->applied_at));
        json_put_text(&o, "checksum", or_null(m->checksum));
        json_put_text(&o, "note", or_null(m->note));
        json_object_end(&o);
    }
    json_array_end(&o);
    json_put_int(&o, "exit_code", err_exit_code(err->class));
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void print_status_text(const struct input *list)
{
    struct str out = {0};
    str_printf(&out, "%s ledger ", list->ledger.tool);
    put_visible(&out, list->ledger.relation);
    str_add(&out, list->ledger.exists ? "" : " (not there yet)");
    if (list->ledger.lock_holder[0]) {
        str_add(&out, ", locked by ");
        put_visible(&out, list->ledger.lock_holder);
    }
    str_add_char(&out, '\n');
    for (size_t i = 0; i < list->migration_count; i++) {
        const struct fact_migration *m = &list->migrations[i];
        str_printf(&out, "  %-16s %-24s ", m->state, m->applied_at);
        put_visible(&out, m->name);
        if (m->note[0]) {
            str_add(&out, "  ");
            put_visible(&out, m->note);
        }
        str_add_char(&out, '\n');
    }
    str_printf(&out, "%lld applied, %lld pending, %lld failed, %lld modified, %lld missing on disk\n",
               (long long)list->ledger.applied, (long long)list->ledger.pending,
               (long long)list->ledger.failed, (long long)list->ledger.modified,
               (long long)list->ledger.missing);
    written_print_text(&out);
    str_free(&out);
}

int cmd_migrate_status(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err) && op_migrate_status(&face.session, &err);
    const struct input *list = face.last[IN_MIGRATIONS];
    if (list && options->json) {
        /* the list is the one document, whatever it says; its exit code is in it */
        print_status_json(list, &err);
        face_close(&face, true, &err);
        return err_exit_code(err.class);
    }
    if (list)
        print_status_text(list);
    return face_close(&face, ok, &err);
}

/* ---- resolve, baseline ---- */

static bool say_marked(const struct face *face)
{
    if (face->options->json) {
        struct err none = {0};
        print_status_json(face->last[IN_MIGRATIONS], &none);
    } else {
        print_status_text(face->last[IN_MIGRATIONS]);
    }
    return true;
}

static bool check_resolve(const struct options *options, struct err *err)
{
    if (options->operand_count != 1) {
        err_set(err, ERR_USAGE, "migrate resolve takes the name of one migration");
        return err_hint(err, "usage: seedops migrate resolve [ENV] NAME --applied|--rolled-back");
    }
    if (options->applied != options->rolled_back)
        return true;
    err_set(err, ERR_USAGE, "migrate resolve needs one of --applied and --rolled-back");
    return err_hint(err,
                    "--applied: all its changes are in the database; --rolled-back: none is, apply it again");
}

int cmd_migrate_resolve(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err) && check_resolve(options, &err) &&
              op_migrate_resolve(&face.session, options->operands[0], options->applied, &err) &&
              say_marked(&face);
    return face_close(&face, ok, &err);
}

int cmd_migrate_baseline(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    bool ok = face_open(&face, command, options, &err);
    if (ok && options->operand_count > 1)
        ok = err_set(&err, ERR_USAGE, "migrate baseline takes at most the name of the last migration");
    ok = ok &&
         op_migrate_baseline(&face.session, options->operand_count ? options->operands[0] : NULL,
                             options->dry_run, &err) &&
         say_marked(&face);
    return face_close(&face, ok, &err);
}
