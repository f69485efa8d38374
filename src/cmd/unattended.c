/* unattended - the three steps, each told as it ends. An operation's own events become lines here; what it asks finds
 * nobody. */
#include "cmd/unattended.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/options.h"
#include "cmd/written.h"
#include "op/lineage.h"

enum { DEFAULT_DEADLINE_MS = 300000 };   /* case E1 */

/* What took no whole millisecond still took some: 0 would be no field. */
static double seconds(int64_t ms) { return (double)(ms < 1 ? 1 : ms) / 1000; }

static const char *text_of(const char *text) { return text ? text : ""; }

/* ---- events ---- */

static void say_attempt(struct unattended *u, const struct input *in)
{
    if (!in->ok && text_of(in->text)[0])
        log_line(&u->log, LOG_INFO_LEVEL, NULL, "attempt %lld: %s", (long long)in->number, in->text);
}

/* A migration reports each of its states, most of them often. */
static void say_migration(struct unattended *u, const struct input *in)
{
    const struct fact_migration *m = &in->migrations[0];
    struct log_fields fields = {.filename = m->name, .exit_code = -1};
    if (strcmp(m->state, "applied") == 0) {
        fields.duration_seconds = seconds(m->duration_ms);
        log_line(&u->log, LOG_INFO_LEVEL, &fields, "applied %s", m->name);
    } else {
        log_line(&u->log, LOG_DEBUG_LEVEL, &fields, "%s %s%s%s", m->state, m->name, text_of(m->note)[0] ? ": " : "",
                 text_of(m->note));
    }
}

static void say_plan(struct unattended *u, const struct input *in)
{
    bool seed = strcmp(text_of(in->name), "seed") == 0;
    enum log_level level = u->face.options->dry_run ? LOG_INFO_LEVEL : LOG_DEBUG_LEVEL;
    if (seed && text_of(in->title)[0])
        log_line(&u->log, LOG_WARN_LEVEL, NULL, "%s", in->title);
    for (size_t i = 0; i < in->step_count; i++) {
        const struct fact_step *step = &in->steps[i];
        struct log_fields fields = {.filename = seed ? NULL : step->object, .exit_code = -1};
        if (seed)
            log_line(&u->log, level, NULL, "plan: %s %lld rows of %s (%s)", step->action, (long long)step->rows,
                     step->object, text_of(step->detail));
        else
            log_line(&u->log, step->danger ? LOG_WARN_LEVEL : level, &fields, "plan: %s %s%s%s", text_of(step->action),
                     step->object, text_of(step->detail)[0] ? ": " : "", text_of(step->detail));
    }
}

static void say_log(struct unattended *u, const struct input *in)
{
    static const struct { const char *name; enum log_level level; } levels[] = {
        {"debug", LOG_DEBUG_LEVEL}, {"evidence", LOG_DEBUG_LEVEL}, {"warning", LOG_WARN_LEVEL},
        {"finding", LOG_WARN_LEVEL}, {"error", LOG_ERROR_LEVEL}};
    enum log_level level = LOG_INFO_LEVEL;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].name, text_of(in->name)) == 0)
            level = levels[i].level;
    const char *environment = text_of(in->environment), *text = text_of(in->text);
    bool named = !*environment || strstr(text, environment);
    log_line(&u->log, level, &(struct log_fields){.exit_code = -1, .environment = in->environment}, "%s%s%s",
             named ? "" : environment, named ? "" : ": ", text);
}

static void on_event(struct face *face, const struct input *in)
{
    struct unattended *u = (struct unattended *)face;
    if (in->kind == IN_CONNECTION && strcmp(text_of(in->name), "attempt") == 0)
        say_attempt(u, in);
    else if (in->kind == IN_MIGRATION)
        say_migration(u, in);
    else if (in->kind == IN_PLAN)
        say_plan(u, in);
    else if (in->kind == IN_LOG)
        say_log(u, in);
}

/* ---- beginning ---- */

static bool open_log(const struct options *options, struct log *log, struct err *err)
{
    const char *format = options->log_format, *level = getenv("LOG_LEVEL");
    *log = (struct log){.fd = options->json ? STDERR_FILENO : STDOUT_FILENO,
                        .json = !format || strcmp(format, "json") == 0};
    if (log_level_parse(level, &log->least))
        return true;
    err_set(err, ERR_USAGE, "LOG_LEVEL does not know \"%s\"", level);
    return err_hint(err, "use debug, info, warn or error");
}

/* --timeout, then DB_TIMEOUT (empty counts as not set), then five minutes. */
static bool read_deadline(const struct options *options, int64_t *ms, struct err *err)
{
    *ms = options->timeout_ms ? options->timeout_ms : DEFAULT_DEADLINE_MS;
    const char *variable = getenv("DB_TIMEOUT");
    if (options->timeout_ms || !variable || !*variable)
        return true;
    char *end;
    *ms = strtoll(variable, &end, 10);
    if (*end == '\0' && *ms > 0 && *ms <= OPTION_MS_MAX)
        return true;
    err_set(err, ERR_USAGE, "DB_TIMEOUT must be a number of milliseconds above zero, not \"%s\"", variable);
    return err_hint(err, "for example DB_TIMEOUT=300000");
}

bool unattended_load(struct unattended *u, const struct command *command, struct options *options, struct err *err)
{
    *u = (struct unattended){.started_ms = clock_mono_ms()};
    if (!options->log_format)
        options->log_format = "json";
    if (open_log(options, &u->log, &u->unreadable))
        read_deadline(options, &u->deadline_ms, &u->unreadable);
    return face_load(&u->face, command, options, err);
}

void unattended_listen(struct unattended *u) { u->face.on_event = on_event; }

bool unattended_choose(struct unattended *u, struct err *err)
{
    bool ok = face_choose(&u->face, err);
    unattended_listen(u);
    if (!ok || u->unreadable.class == ERR_NONE)
        return ok;
    *err = u->unreadable;
    return false;
}

bool unattended_begin(struct unattended *u, const struct command *command, struct options *options, struct err *err)
{
    return unattended_load(u, command, options, err) && unattended_choose(u, err);
}

/* ---- the steps ---- */

bool unattended_wait(struct unattended *u, struct err *err)
{
    int64_t began = clock_mono_ms();
    bool ok = op_wait(&u->face.ctx, u->deadline_ms, &u->attempts, err);
    u->ready_ms = clock_mono_ms() - began;
    u->ready = ok;
    if (ok)
        log_line(&u->log, LOG_INFO_LEVEL, &(struct log_fields){.duration_seconds = seconds(u->ready_ms), .exit_code = -1},
                 "%s is ready after %d attempt%s", u->face.ctx.environment->name, u->attempts,
                 u->attempts == 1 ? "" : "s");
    return ok;
}

/* The outcome of the operation that ran last leaves the face. */
static struct input *take_outcome(struct unattended *u)
{
    struct input *outcome = u->face.last[IN_OUTCOME];
    u->face.last[IN_OUTCOME] = NULL;
    return outcome;
}

static int64_t left_ms(const struct unattended *u)
{
    int64_t left = u->started_ms + u->deadline_ms - clock_mono_ms();
    return left < 1000 ? 1000 : left;
}

bool unattended_migrate(struct unattended *u, struct err *err)
{
    bool dry = u->face.options->dry_run;
    struct session *s = &u->face.session;
    int64_t began = clock_mono_ms();
    u->face.opened = session_open(s, &u->face.ctx, err);
    if (!u->face.opened)
        return false;
    if (!u->face.settings.migrations_dir) {
        log_line(&u->log, LOG_INFO_LEVEL, NULL, "no migrations directory: nothing to migrate");
        return true;
    }
    struct migrate_options how = {.dry_run = dry, .wait_ms = (int)left_ms(u)};
    bool ok = op_migrate(s, &how, err);
    u->migrate_ms = clock_mono_ms() - began;
    u->migrated = take_outcome(u);
    const struct input *plan = u->face.last[IN_PLAN];
    u->migrations = dry ? (plan ? plan->number : 0) : u->migrated ? u->migrated->number2 : 0;
    if (ok)
        log_line(&u->log, LOG_INFO_LEVEL,
                 &(struct log_fields){.duration_seconds = seconds(u->migrate_ms), .exit_code = -1},
                 u->migrations == 0 ? "all migrations are applied" : dry ? "%lld migration%s would be applied"
                                                                        : "%lld migration%s applied",
                 (long long)u->migrations, u->migrations == 1 ? "" : "s");
    return ok;
}

void unattended_skip_seed(struct unattended *u, const char *why, const char *suggestion)
{
    u->seed = "skipped";
    log_line(&u->log, suggestion ? LOG_WARN_LEVEL : LOG_INFO_LEVEL,
             &(struct log_fields){.suggestion = suggestion, .exit_code = -1}, "seed skipped: %s", why);
}

/* SAFETY 5 "Whose fixtures?": an old image must not undo what a newer one declared. */
static bool skips_stale(struct unattended *u)
{
    struct str sentence = {0};
    bool stale = lineage_stale(lineage_of(&u->face.session, &sentence));
    if (stale)
        unattended_skip_seed(u, str_text(&sentence), "seedops seed shows the plan, and applies these fixtures when they are "
                                                     "the right ones");
    str_free(&sentence);
    return stale;
}

static bool seed_now(struct unattended *u, struct err *err)
{
    bool dry = u->face.options->dry_run;
    struct seed_options what = {.dry_run = dry, .safepoint_dir = u->face.options->safepoint_dir};
    if (!op_seed(&u->face.session, &what, err)) {
        u->seed = err->class == ERR_REFUSED ? "refused" : "failed";
        return false;
    }
    const struct input *plan = u->face.last[IN_PLAN];
    u->seeded = take_outcome(u);
    u->rows = dry ? (plan ? plan->number : 0) : u->seeded ? u->seeded->number2 : 0;
    u->seed = u->rows == 0 ? "nothing to do" : dry ? "planned" : "done";
    for (size_t i = 0; u->seeded && i < u->seeded->count_count; i++) {
        const struct fact_count *c = &u->seeded->counts[i];
        log_line(&u->log, c->before == c->after ? LOG_DEBUG_LEVEL : LOG_INFO_LEVEL, NULL, "%s: %lld rows before, %lld after",
                 c->table, (long long)c->before, (long long)c->after);
    }
    return true;
}

bool unattended_seed(struct unattended *u, struct err *err)
{
    int64_t began = clock_mono_ms();
    if (!u->face.settings.seeds_dir) {
        unattended_skip_seed(u, "there is no directory of fixtures", NULL);
        return true;
    }
    if (u->face.options->dry_run && u->migrations > 0) {
        unattended_skip_seed(u, "pending migrations come first, and this is a dry run", NULL);
        return true;
    }
    session_reread(&u->face.session);
    if (!session_look(&u->face.session, false, err)) {
        u->seed = "failed";
        return false;
    }
    if (skips_stale(u))
        return true;
    bool ok = seed_now(u, err);
    u->seed_ms = clock_mono_ms() - began;
    if (ok)
        log_line(&u->log, LOG_INFO_LEVEL, &(struct log_fields){.duration_seconds = seconds(u->seed_ms), .exit_code = -1},
                 u->rows == 0 ? "every declared row is there" : u->face.options->dry_run ? "%lld row%s would be written"
                                                                                       : "%lld row%s written",
                 (long long)u->rows, u->rows == 1 ? "" : "s");
    return ok;
}

/* ---- the end ---- */

void unattended_say_error(struct unattended *u, enum log_level level, const struct err *err, int exit_code)
{
    log_line(&u->log, level,
             &(struct log_fields){.error = err, .exit_code = exit_code, .suggestion = err->hint[0] ? err->hint : NULL},
             "%s", err->message);
}

static void print_document(const struct unattended *u)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_bool(&o, "ready", true);
    json_put_int(&o, "attempts", u->attempts);
    json_put_bool(&o, "dry_run", u->face.options->dry_run);
    json_put_int(&o, "migrations", u->migrations);
    json_put_text(&o, "seed", u->seed);
    json_put_int(&o, "rows", u->rows);
    written_json_counts(&o, "before", u->seeded, false);
    written_json_counts(&o, "after", u->seeded, true);
    json_put_int(&o, "duration_ms", clock_mono_ms() - u->started_ms);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

static void say_summary(struct unattended *u, bool ok, int exit_code)
{
    const struct log_number numbers[] = {{"attempts", u->attempts}, {"migrations", u->migrations}, {"rows", u->rows}};
    struct log_fields fields = {.duration_seconds = seconds(clock_mono_ms() - u->started_ms), .exit_code = exit_code,
                                .numbers = numbers, .number_count = sizeof numbers / sizeof *numbers};
    log_line(&u->log, ok ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL, &fields,
             "%s %s: %s %.1f s, %lld migration%s in %.1f s; seed %s, %lld row%s in %.1f s",
             u->face.command->name, ok ? "done" : "failed", u->ready ? "ready in" : "not ready after",
             (double)u->ready_ms / 1000, (long long)u->migrations,
             u->migrations == 1 ? "" : "s", (double)u->migrate_ms / 1000, u->seed ? u->seed : "not reached", (long long)u->rows,
             u->rows == 1 ? "" : "s", (double)u->seed_ms / 1000);
}

int unattended_end(struct unattended *u, bool ok, struct err *err)
{
    bool json = u->face.options->json;
    int code = ok ? 0 : err_exit_code(err->class);
    if (!ok && !json)
        unattended_say_error(u, LOG_ERROR_LEVEL, err, code);
    say_summary(u, ok, code);
    if (ok && json)
        print_document(u);
    u->face.told = !json;
    input_free(u->migrated);
    input_free(u->seeded);
    u->migrated = u->seeded = NULL;
    return face_close(&u->face, ok, err);
}

bool unattended_says_yes(const char *variable)
{
    const char *value = getenv(variable);
    return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}
