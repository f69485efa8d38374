/* face - what every command does around its operation: open, listen, print, close. */
#include "cmd/face.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/advice.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "config/settings_many.h"
#include "event/codec.h"
#include "op/ahead.h"
#include "op/onrecord.h"
#include "op/trail.h"

enum { RECORD_MS = 2000 };

/* The one writable global of this room: what the signal handlers write. */
static int cancel_descriptor = -1;

static void on_signal(int number)
{
    (void)number;
    uint64_t one = 1;
    ssize_t ignored = write(cancel_descriptor, &one, sizeof one);
    (void)ignored;
}

void face_cancel(const struct face *face)
{
    uint64_t one = 1;
    ssize_t ignored = write(face->ctx.cancel_fd, &one, sizeof one);
    (void)ignored;
}

static int cancel_open(void)
{
    cancel_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);   /* a file that may grow no more is an error, not the end of us */
    return cancel_descriptor;
}

/* ---- printing ---- */

static void put_visible(struct str *out, const char *prefix, const char *text)
{
    if (!text[0])
        return;
    str_add(out, prefix);
    text_visible(out, text, strlen(text));
    str_add_char(out, '\n');
}

void face_print_error(const struct err *err, bool json_lines)
{
    struct log log = {.fd = STDERR_FILENO, .json = json_lines, .least = LOG_INFO_LEVEL};
    if (json_lines) {
        log_line(&log, LOG_ERROR_LEVEL,
                 &(struct log_fields){.error = err, .exit_code = err_exit_code(err->class),
                                      .suggestion = err->hint[0] ? err->hint : NULL}, "%s", err->message);
        return;
    }
    struct str out = {0};
    put_visible(&out, "seedops: ", err->message);
    put_visible(&out, "  at: ", err->at);
    put_visible(&out, "  why: ", err->why);
    put_visible(&out, "  next: ", err->hint);
    fwrite(str_text(&out), 1, out.length, stderr);
    str_free(&out);
}

void face_print_problems(const struct err_list *problems)
{
    struct str out = {0};
    for (size_t i = 0; i < problems->count; i++) {
        const struct err *e = &problems->items[i];
        if (e->at[0]) {
            text_visible(&out, e->at, strlen(e->at));
            str_add(&out, ": ");
        }
        text_visible(&out, e->message, strlen(e->message));
        str_add_char(&out, '\n');
        put_visible(&out, "  why: ", e->why);
        put_visible(&out, "  next: ", e->hint);
    }
    fwrite(str_text(&out), 1, out.length, stderr);
    str_free(&out);
}

void face_put_error(struct json_out *o, const struct err *err)
{
    json_key(o, "error");
    json_object(o);
    json_put_text(o, "class", err_class_name(err->class));
    json_put_text(o, "message", err->message);
    json_put_text(o, "why", err->why[0] ? err->why : NULL);
    json_put_text(o, "hint", err->hint[0] ? err->hint : NULL);
    json_put_text(o, "sqlstate", err->sqlstate[0] ? err->sqlstate : NULL);
    json_put_text(o, "at", err->at[0] ? err->at : NULL);
    json_object_end(o);
}

void face_error_json(const struct err *err, struct str *out)
{
    struct json_out o;
    json_begin(&o, out);
    json_object(&o);
    face_put_error(&o, err);
    json_put_int(&o, "exit_code", err_exit_code(err->class));
    json_object_end(&o);
}

void face_write_json(const struct str *document)
{
    fwrite(str_text(document), 1, document->length, stdout);
    putchar('\n');
    fflush(stdout);
}

void face_count(struct str *out, int64_t count, bool estimated)
{
    if (count < 0) {
        str_add(out, "·");
        return;
    }
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    if (estimated)
        str_add(out, "≈");
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            str_add_char(out, ' ');
        str_add_char(out, digits[i]);
    }
}

/* ---- listening ---- */

/* Findings are the command's result; evidence is for the journal, and for people only where there is none. */
static bool worth_a_line(const struct face *face, const char *level)
{
    if (strcmp(level, "debug") == 0 || strcmp(level, "finding") == 0 || (face->many && strcmp(level, "info") == 0))
        return false;
    return strcmp(level, "evidence") != 0 || !face->journal;
}

/* Of the states that a migration goes through, the one that people wait for. */
static void print_applied(const struct input *in)
{
    const struct fact_migration *m = in->migrations;
    struct str out = {0};
    if (in->migration_count == 0 || strcmp(m->state, "applied") != 0)
        return;
    str_add(&out, "seedops: applied ");
    text_visible(&out, m->name, strlen(m->name));
    fprintf(stderr, "%s in %lld ms\n", str_text(&out), (long long)m->duration_ms);
    str_free(&out);
}

void face_print_event(const struct face *face, const struct input *in)
{
    bool quiet = face->options->json && !isatty(STDERR_FILENO);
    if (in->kind == IN_MIGRATION)
        print_applied(in);
    else if (in->kind == IN_LOG && in->name && worth_a_line(face, in->name)) {
        struct str out = {0};
        str_add(&out, "seedops: ");
        if (in->environment)
            text_visible(&out, in->environment, strlen(in->environment));
        str_add(&out, in->environment ? ": " : "");
        str_printf(&out, "%s%s", strcmp(in->name, "info") == 0 ? "" : in->name,
                   strcmp(in->name, "info") == 0 ? "" : ": ");
        text_visible(&out, in->text ? in->text : "", in->text ? strlen(in->text) : 0);
        fprintf(stderr, "%s\n", str_text(&out));
        str_free(&out);
    } else if (in->kind == IN_PROGRESS && !quiet) {
        terminal_progress(in->name, in->number, in->number2, in->rate);
    }
}

void face_record(struct face *face, struct input *in)
{
    in->sequence = ++face->sequence;
    in->offset_ms = clock_mono_ms() - face->started_ms;
    if (!face->journal)
        return;
    struct str line = {0};
    input_encode(in, &line);
    journal_line(face->journal, str_take(&line));
    if (in->kind == IN_OUTCOME)
        journal_hasten(face->journal);
    summary_take(&face->summary, in);
}

static void listen(void *sink, struct input *in)
{
    struct face *face = sink;
    face_record(face, in);
    if (face->on_event)
        face->on_event(face, in);
    else
        face_print_event(face, in);
    input_free(face->last[in->kind]);
    face->last[in->kind] = in;
}

static bool recorded(void *sink)
{
    struct face *face = sink;
    return !face->journal || journal_flush(face->journal, RECORD_MS);
}

static bool place(void *sink, struct journal_place *place)
{
    struct face *face = sink;
    return journal_place(face->journal, RECORD_MS, place);
}

/* The question as it was shown, and what was typed; of a password only that there was one. */
static bool ask(void *asker, const struct question *q, struct answer *answer, struct err *err)
{
    static const char *const names[] = {[QUESTION_YES] = "yes", [QUESTION_NAME] = "name",
                                        [QUESTION_PASSWORD] = "password", [QUESTION_CHOICE] = "choice"};
    struct face *face = asker;
    struct input *in = input_new(IN_QUESTION);
    in->name = xstrdup(names[q->kind]);
    in->title = xstrdup(q->title);
    in->text = xstrdup(q->text);
    in->expect = xstrdup(q->expect);
    in->number = ++face->questions;
    in->secret = q->kind == QUESTION_PASSWORD;
    ctx_emit(&face->ctx, in);
    bool ok = terminal_ask(q, face->ctx.cancel_fd, answer, err);
    in = input_new(IN_QUESTION_OVER);
    in->number = face->questions;
    in->ok = ok && answer->yes;
    in->text = xstrdup(ok ? answer->typed : "");
    ctx_emit(&face->ctx, in);
    return ok;
}

/* ---- opening ---- */

/* Its name, or where it stands for many databases that of one of them. */
static bool names(const struct environment *env, const char *word)
{
    size_t length = strlen(env->name);
    return strncmp(env->name, word, length) == 0 &&
           (word[length] == '\0' || (word[length] == '/' && environment_is_many(env)));
}

/* The first operand is the environment if it is declared under that name; a command without operands of its
 * own takes it for one in any case, so that a slip is named. */
static const char *take_environment(struct face *face)
{
    struct options *o = face->options;
    if (o->operand_count == 0 || o->settings.url)
        return NULL;
    bool declared = false;
    for (size_t i = 0; i < face->settings.environment_count; i++)
        declared |= names(&face->settings.environments[i], o->operands[0]);
    if (!declared && (face->command->flags & COMMAND_OPERANDS || o->operand_count > 1))
        return NULL;
    const char *name = o->operands[0];
    o->operand_count--;
    memmove(o->operands, o->operands + 1, (size_t)o->operand_count * sizeof *o->operands);
    return name;
}

bool face_refuse_operands(const struct face *face, struct err *err)
{
    const struct options *o = face->options;
    if (o->operand_count == 0 || face->command->flags & COMMAND_OPERANDS)
        return true;
    char shown[80];
    err_set(err, ERR_USAGE, "seedops %s does not take \"%s\"", face->command->name,
            settings_show_word(shown, sizeof shown, o->operands[0]));
    err_why(err, "no environment has that name, and no command of that name follows %s", face->command->name);
    return err_hint(err, "usage: seedops %s %s", face->command->name, face->command->operands);
}

/* A name that is typed and wrong stops everything, also where none was asked for. */
static bool check_confirm(const struct face *face, struct err *err)
{
    const char *confirm = face->options->confirm, *name = face->ctx.environment->name;
    if (!confirm || strcmp(confirm, name) == 0)
        return true;
    err_set(err, ERR_REFUSED, "--confirm names \"%s\", the environment is \"%s\"", confirm, name);
    return err_hint(err, "type the environment's name in full: --confirm %s", name);
}

/* What the journal's thread has to tell goes straight to stderr: an operation may be writing its own lines. */
static void say(void *data, const char *level, const char *text)
{
    (void)data;
    fprintf(stderr, "seedops: %s: %s\n", level, text);
}

static void open_journal(struct face *face)
{
    struct environment *env = face->ctx.environment;
    if (!env->journal)
        return;
    char dir[4096];
    struct err err = {0};
    if (env->state_dir)
        snprintf(dir, sizeof dir, "%s", env->state_dir);
    else if (!file_state_dir(dir, sizeof dir, &err)) {
        fprintf(stderr, "seedops: this session is not recorded: %s\n", err.message);
        return;
    }
    const struct settings *s = &face->settings;
    struct journal_header header, known = {.version = PACKAGE_VERSION, .started_ms = clock_wall_ms(),
        .environment = env->name, .command = face->command->name,
        .target = env->has_url ? url_redacted(&env->url, &face->settings.arena) : ""};
    journal_header_copy(&header, &known);
    journal_header_complete(&header);
    struct journal_options options = {
        .limits = {s->journal_segment, s->journal_session, s->journal_directory}, .announce = true,
        .say = say, .say_data = face};
    if (!journal_open(&face->journal, dir, &header, &options, &err))
        fprintf(stderr, "seedops: this session is not recorded: %s: %s\n", err.message, err.why);
    journal_header_free(&header);
}

/* The first lines: when, on what, and the words of the command line. */
static void record_start(struct face *face)
{
    struct str words = {0};
    struct input *in = input_new(IN_CLOCK);
    in->number = clock_wall_ms();
    ctx_emit(&face->ctx, in);
    in = input_new(IN_START);
    in->name = xstrdup(face->many ? "" : face->ctx.environment->name);
    str_printf(&words, "command: %s", face->command->name);
    options_words(face->options, &words);
    in->text = str_take(&words);
    ctx_emit(&face->ctx, in);
}

bool face_load(struct face *face, const struct command *command, struct options *options, struct err *err)
{
    *face = (struct face){.command = command, .options = options, .started_ms = clock_mono_ms()};
    const char *color = options->color ? options->color : "auto", *no_color = getenv("NO_COLOR");
    face->color = strcmp(color, "always") == 0 ||
                  (strcmp(color, "auto") == 0 && isatty(STDOUT_FILENO) && !(no_color && *no_color));
    return settings_load(&face->settings, &options->settings, NULL, err);
}

void face_begin(struct face *face, struct environment *environment)
{
    const struct command *command = face->command;
    const struct options *options = face->options;
    face->ctx.environment = environment;
    for (size_t i = 0; i < face->settings.note_count; i++)
        fprintf(stderr, "seedops: note: %s\n", face->settings.notes[i]);
    face->ctx.settings = &face->settings;
    face->ctx.face = GUARD_COMMAND;
    face->ctx.explicit_target = options->environment || options->settings.url;
    face->ctx.confirm = options->confirm;
    face->ctx.cancel_fd = cancel_open();
    face->ctx.ways = ways_new();
    face->ctx.emit = listen;
    face->ctx.sink = face;
    face->ctx.ask = ask;
    face->ctx.asker = face;
    face->ctx.place = place;
    face->ctx.recorded = recorded;
    face->ctx.action = command->name;
    face->ctx.action_operands = command->flags & COMMAND_OPERANDS && options->operand_count > 0;
    open_journal(face);
    face->ctx.journal = face->journal ? journal_path(face->journal) : NULL;
    record_start(face);
}

/* The environment that the command line names, and everything but the connection. */
static bool choose(struct face *face, bool connects, struct err *err)
{
    struct options *options = face->options;
    struct environment *environment;
    options->environment = take_environment(face);
    if (!face_refuse_operands(face, err) ||
        !settings_choose(&face->settings, &options->settings, options->environment, &environment, err))
        return false;
    if (connects) {
        face->ctx.environment = environment;
        face->ctx.settings = &face->settings;
        session_read_ahead(&face->ctx);   /* while the journal is opened, too */
    }
    face_begin(face, environment);
    return check_confirm(face, err);   /* a wrong name is on record, too */
}

bool face_choose(struct face *face, struct err *err) { return choose(face, false, err); }

bool face_prepare(struct face *face, const struct command *command, struct options *options, struct err *err)
{
    return face_load(face, command, options, err) && choose(face, false, err);
}

bool face_open(struct face *face, const struct command *command, struct options *options, struct err *err)
{
    return face_load(face, command, options, err) && face_connect(face, err);
}

/* Nobody looks at a screen meanwhile, and half an answer is none. */
bool face_open_patiently(struct face *face, const struct command *command, struct options *options, struct err *err)
{
    bool ok = face_load(face, command, options, err);
    face->ctx.patience_ms = FACE_PATIENCE_MS;
    return ok && face_connect(face, err);
}

bool face_connect(struct face *face, struct err *err)
{
    if (!choose(face, true, err))
        return false;
    face->opened = session_open(&face->session, &face->ctx, err);
    return face->opened;
}

/* How the next command names what this one worked on; "" where it need not. */
static const char *target_words(const struct face *face)
{
    const struct environment *env = face->ctx.environment;
    if (!env)
        return "";
    if (env->from_url)
        return env == face->settings.url_environment ? "--url \"$URL\"" : "";
    return face->settings.environment_count > 1 ? env->name : "";
}

/* SAFETY 6: what was refused or failed is on record, too; most operations leave saying so to their command. */
static void record_failure(struct face *face, const struct err *err)
{
    const struct input *said = face->last[IN_OUTCOME];
    if (!face->journal || (said && !said->ok))
        return;
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(face->command->name);
    input_set_error(in, err);
    face_record(face, in);
    input_free(in);
}

/* Of a command whose operation reports its result in other words. */
static void record_success(struct face *face)
{
    struct input *in = input_new(IN_OUTCOME);
    in->name = xstrdup(face->command->name);
    in->number = clock_mono_ms() - face->started_ms;
    in->ok = true;
    face_record(face, in);
    input_free(in);
}

/* The hash is final when the journal has ended, so the row that holds it is not in the journal. */
static void close_journal(struct face *face)
{
    char hash[65] = "";
    struct err err = {0};
    if (face->opened)
        onrecord_end(&face->ctx);
    struct str summary = {0};
    struct json_out out;
    json_begin(&out, &summary);
    summary_encode(&face->summary, &out);
    journal_sum(face->journal, str_take(&summary));
    summary_free(&face->summary);
    journal_close(face->journal, face->opened && face->session.trailed ? hash : NULL);
    face->journal = NULL;
    if (face->opened && !trail_end(&face->session, hash, &err))
        fprintf(stderr, "seedops: warning: %s: %s\n", err.message, err.why);
}

int face_close(struct face *face, bool ok, const struct err *problem)
{
    terminal_progress_end();
    struct err told = *problem, *err = &told;
    advice_name_target(err, target_words(face));
    int code = ok ? 0 : err_exit_code(err->class);
    if (!ok && err->class == ERR_NONE)
        code = 1;
    if (!ok)
        record_failure(face, err);
    else if (face->journal && !face->last[IN_OUTCOME])
        record_success(face);
    if (!ok && face->told) {
        ;
    } else if (!ok && face->options->json) {
        struct str out = {0};
        face_error_json(err, &out);
        face_write_json(&out);
        str_free(&out);
    } else if (!ok && err->message[0]) {
        bool json_lines = face->options->log_format && strcmp(face->options->log_format, "json") == 0;
        face_print_error(err, json_lines);
    }
    close_journal(face);
    if (face->opened)
        session_close(&face->session);
    ahead_stop(face->ctx.ahead);
    db_close(face->ctx.ready);
    way_leave(&face->ctx);
    ways_free(face->ctx.ways);
    for (int i = 0; i < IN_KIND_COUNT; i++)
        input_free(face->last[i]);
    settings_free(&face->settings);
    return code;
}
