/* restore - puts back what a safepoint holds; lists safepoints; writes one as SQL. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "cmd/safepoints.h"
#include "cmd/written.h"
#include "plan/safepoint_read.h"
#include "plan/safepoint_sql.h"
#include "restore/restore.h"

/* ---- list ---- */

static void print_list(const struct safepoint_list *list, bool json)
{
    struct str out = {0};
    int64_t now = clock_wall_ms();
    if (json) {
        struct json_out o;
        json_begin(&o, &out);
        json_object(&o);
        json_put_text(&o, "dir", list->dir);
        json_key(&o, "safepoints");
        json_array(&o);
        for (size_t i = 0; i < list->count; i++)
            safepoints_json(&o, &list->items[i]);
        json_array_end(&o);
        json_object_end(&o);
        face_write_json(&out);
    } else {
        for (size_t i = 0; i < list->count; i++)
            safepoints_text(&out, &list->items[i], now);
        if (list->count == 0) {
            str_add(&out, "no safepoints in ");
            text_visible(&out, list->dir, strlen(list->dir));
            str_add_char(&out, '\n');
        }
        fwrite(str_text(&out), 1, out.length, stdout);
    }
    str_free(&out);
}

/* ---- SQL ---- */

static bool open_output(const char *path, FILE **to, struct err *err)
{
    *to = stdout;
    if (!path)
        return true;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        err_set(err, ERR_GENERAL, "%s exists and is not overwritten", path);
        return err_hint(err, "name another file, or move it away first");
    }
    *to = fd < 0 ? NULL : fdopen(fd, "w");
    return *to || err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
}

static bool write_sql(const char *path, const char *output, struct err *err)
{
    struct safepoint_reader *reader;
    FILE *to = NULL;
    if (!safepoint_open(&reader, path, err))
        return false;
    bool ok = open_output(output, &to, err);
    if (ok) {
        ok = safepoint_to_sql(reader, to, err);
        if (to != stdout && fclose(to) != 0 && ok)
            ok = err_errno(err, ERR_GENERAL, errno, "cannot write %s", output);
        if (!ok && output)
            unlink(output);
        else if (output)
            fprintf(stderr, "seedops: wrote %s\n", output);
    }
    safepoint_close(reader);
    return ok;
}

/* ---- the command ---- */

/* Without a database: settings say where safepoints are, if there are any to read here. */
static int without_database(struct options *options)
{
    struct settings settings = {0};
    struct environment *env = NULL;
    struct err err = {0}, ignored = {0};
    bool ok = options_names(options, &err) && settings_load(&settings, &options->settings, NULL, &err);
    const char *name = ok && options->operand_count > (options->list ? 0 : 1) ? options->operands[0] : NULL;
    if (ok && (name || settings.environment_count == 1))
        ok = settings_choose(&settings, &options->settings, name, &env, name ? &err : &ignored) || !name;
    const char *state_dir = env ? env->state_dir : ok ? settings.state_dir : NULL;
    struct safepoint_list list;
    if (ok && options->list) {
        ok = safepoint_list(&list, options->safepoint_dir, state_dir, &err);
        if (ok) {
            print_list(&list, options->json);
            safepoint_list_free(&list);
        }
    } else if (ok && options->operand_count == 0) {
        ok = err_set(&err, ERR_USAGE, "restore --to-sql takes a safepoint: its ID, its file, or last");
    } else if (ok) {
        const char *what = options->operands[options->operand_count - 1];
        char *path = safepoint_find(what, name, options->safepoint_dir, state_dir, &err);
        ok = path && write_sql(path, options->output, &err);
        free(path);
    }
    settings_free(&settings);
    if (ok)
        return 0;
    if (options->json) {
        struct str out = {0};
        face_error_json(&err, &out);
        face_write_json(&out);
        str_free(&out);
    } else {
        face_print_error(&err, false);
    }
    return err_exit_code(err.class);
}

static void print_plan(const struct input *plan)
{
    struct str out = {0};
    written_add_steps(&out, plan);
    written_print_text(&out);
    str_free(&out);
}

static void print_outcome(const struct input *outcome, bool dry_run)
{
    struct str out = {0};
    if (outcome->number2 > 0)            /* nothing was counted otherwise */
        written_add_counts(&out, outcome);
    if (outcome->number2 > 0)
        str_printf(&out, "restored: %lld %s written in %lld ms\n", (long long)outcome->number2,
                   outcome->number2 == 1 ? "row" : "rows", (long long)outcome->number);
    else
        str_add(&out, dry_run ? "dry run: nothing was written\n" : "nothing to write\n");
    if (outcome->text && *outcome->text) {
        str_add(&out, "the newer values are kept in ");
        text_visible(&out, outcome->text, strlen(outcome->text));
        str_add_char(&out, '\n');
    }
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

static bool find(struct face *face, struct options *options, char **path, struct err *err)
{
    if (options->operand_count != 1) {
        err_set(err, ERR_USAGE, "restore takes one safepoint: its ID, its file, or last");
        return err_hint(err, "usage: seedops %s %s", face->command->name, face->command->operands);
    }
    *path = safepoint_find(options->operands[0], face->ctx.environment->name, options->safepoint_dir,
                           face->ctx.environment->state_dir, err);
    return *path != NULL;
}

int cmd_restore(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    char *path = NULL;
    if (options->list || options->to_sql)
        return without_database(options);
    bool ok = face_prepare(&face, command, options, &err) && options_names(options, &err) && find(&face, options, &path, &err);
    face.ctx.patience_ms = FACE_PATIENCE_MS;
    ok = ok && (face.opened = session_open(&face.session, &face.ctx, &err));
    face.on_event = on_event;
    struct restore_options what = {.path = path, .safepoint_dir = options->safepoint_dir,
                                   .changed = options->changed, .plan_digest = options->plan_digest,
                                   .dry_run = options->dry_run, .partial = options->partial,
                                   .renumber = options->renumber};
    ok = ok && op_restore(&face.session, &what, &err);
    if (ok && options->json)
        written_print_json(&(struct written){.plan = face.last[IN_PLAN], .outcome = face.last[IN_OUTCOME],
                                             .applied = face.last[IN_OUTCOME]->number2 > 0, .safepoint = path, .keeps = true,
                                             .kept = face.last[IN_OUTCOME]->text});
    else if (ok)
        print_outcome(face.last[IN_OUTCOME], options->dry_run);
    free(path);
    return face_close(&face, ok, &err);
}
