/* sessions - `seedops sessions`: what was recorded, newest first; --verify holds the hash chains, --merge puts
 * several sessions of one incident into one timeline. Needs no database and no configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "cmd/sessions.h"
#include "journal/file.h"
#include "replay/replay.h"

/* ---- which ---- */

static bool any_database(const struct session_entry *e, const char *environment)
{
    for (size_t i = 0; i < e->summary.database_count; i++)
        if (strcmp(e->summary.databases[i].environment, environment) == 0)
            return true;
    return strcmp(e->header.environment, environment) == 0;
}

bool sessions_wanted(const struct session_entry *e, const struct sessions_filter *f)
{
    const struct options *o = f->options;
    int64_t end_ms = e->header.started_ms + e->summary.duration_ms;
    if ((f->since_ms && end_ms < f->since_ms) || (f->until_ms && e->header.started_ms > f->until_ms))
        return false;
    if (o->of_environment && !any_database(e, o->of_environment))
        return false;
    if (o->user && strcmp(e->header.user, o->user) != 0 && strcmp(e->header.real_user, o->user) != 0)
        return false;
    if (o->action && !summary_has(&e->summary.actions, o->action) && strcmp(e->header.command, o->action) != 0)
        return false;
    if (o->table && !summary_has(&e->summary.tables, o->table))
        return false;
    return !o->outcome || (strcmp(o->outcome, "ok") == 0        ? !e->summary.failed && !e->summary.refused
                           : strcmp(o->outcome, "failed") == 0 ? e->summary.failed > 0
                                                                : e->summary.refused > 0);
}

bool sessions_wanted_safepoint(const struct safepoint_info *info, const struct sessions_filter *f)
{
    const struct options *o = f->options;
    if (o->outcome || (f->since_ms && info->created_ms < f->since_ms) ||
        (f->until_ms && info->created_ms > f->until_ms) ||
        (o->of_environment && strcmp(info->environment, o->of_environment) != 0) ||
        (o->user && strcmp(info->user, o->user) != 0) || (o->action && strcmp(info->action, o->action) != 0))
        return false;
    for (size_t i = 0; o->table && i < info->held_count; i++)
        if (strcmp(info->held[i].table, o->table) == 0)
            return true;
    return !o->table;
}

static bool read_filter(const struct options *o, struct sessions_filter *f, struct err *err)
{
    *f = (struct sessions_filter){.options = o};
    return (!o->since || sessions_time("since", o->since, clock_wall_ms(), &f->since_ms, err)) &&
           (!o->until || sessions_time("until", o->until, clock_wall_ms(), &f->until_ms, err));
}

/* ---- one by name ---- */

static bool names_given(const struct options *o, struct err *err)
{
    if (o->operand_count > 0 && !o->verify && !o->merge) {
        err_set(err, ERR_USAGE, "seedops sessions does not take \"%s\"", o->operands[0]);
        return err_hint(err, "seedops replay %s looks at it, sessions --verify %s checks it", o->operands[0],
                        o->operands[0]);
    }
    if (o->merge && o->verify)
        return err_set(err, ERR_USAGE, "--merge and --verify are two different things");
    if (o->merge && o->operand_count < 2) {
        err_set(err, ERR_USAGE, "--merge wants two or more sessions");
        return err_hint(err, "their ids as seedops sessions lists them, or files");
    }
    return true;
}

static bool load(const struct options *o, struct state_dirs *dirs, struct sessions *list, struct err *err)
{
    if (o->operand_count == 0)
        return state_dirs_find(dirs, &o->settings, err) && sessions_list(list, dirs->items, dirs->count, err);
    list->items = xcalloc((size_t)o->operand_count, sizeof *list->items);
    for (int i = 0; i < o->operand_count; i++) {
        char *path;
        if (!state_dirs_session(dirs, &o->settings, o->operands[i], &path, err))
            return false;
        sessions_look(&list->items[list->count++], path);
        free(path);
    }
    return true;
}

/* ---- --verify ---- */

static bool verify(struct session_check *c)
{
    struct journal_file *file;
    c->ok = journal_file_open(&file, c->entry->path, &c->err);
    if (!c->ok)
        return false;
    c->ok = journal_file_verify(file, NULL, NULL, &c->summary, &c->err);
    journal_file_close(file);
    return c->ok;
}

static int verify_all(const struct options *o, const struct sessions *list, const struct sessions_filter *f)
{
    struct session_check *checks = xcalloc(list->count ? list->count : 1, sizeof *checks);
    size_t count = 0, bad = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (o->operand_count == 0 && !sessions_wanted(&list->items[i], f))
            continue;
        checks[count].entry = &list->items[i];
        bad += !verify(&checks[count++]);
    }
    (o->json ? sessions_verified_json : sessions_verified_text)(checks, count);
    free(checks);
    return bad ? err_exit_code(ERR_DIFFERENT) : 0;
}

/* ---- the command ---- */

static int run(struct options *o, struct err *err)
{
    struct sessions list = {0};
    struct sessions_filter filter;
    struct state_dirs dirs = {0};
    struct safepoints safepoints = {0};
    bool ok = options_names(o, err) && names_given(o, err) && read_filter(o, &filter, err) &&
              (o->merge || load(o, &dirs, &list, err));
    int code = ok ? 0 : err_exit_code(err->class);
    if (ok && o->merge)
        code = sessions_merge(o, err) ? 0 : err_exit_code(err->class);
    else if (ok && o->verify)
        code = verify_all(o, &list, &filter);
    else if (ok) {
        safepoints_find(&safepoints, &dirs);
        (o->json ? sessions_json : sessions_text)(&list, &safepoints, &filter);
    }
    safepoints_free(&safepoints);
    sessions_free(&list);
    state_dirs_free(&dirs);
    return code;
}

int cmd_sessions(const struct command *command, struct options *options)
{
    (void)command;
    struct err err = {0};
    int code = run(options, &err);
    if (err.class == ERR_NONE)
        return code;
    if (options->json) {
        struct str document = {0};
        face_error_json(&err, &document);
        face_write_json(&document);
        str_free(&document);
    } else {
        face_print_error(&err, false);
    }
    return code;
}
