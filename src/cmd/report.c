/* report - `seedops report SESSION...`: what happened, for people (Markdown, HTML), for machines (JSON), or as a
 * film (asciicast). Needs no configuration and no database. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cmd/cmds.h"
#include "cmd/face.h"
#include "cmd/options.h"
#include "cmd/state_dirs.h"
#include "replay/cast.h"
#include "replay/replay.h"
#include "replay/report.h"

struct wish {                        /* what the command line asks for */
    char *paths[64];
    size_t count;
    int version, columns, rows;
    FILE *to;                        /* of a cast */
};

static bool one_face(const struct options *o, struct err *err)
{
    if (o->json + o->html + o->cast > 1) {
        err_set(err, ERR_USAGE, "--json, --html and --cast are three different reports");
        return err_hint(err, "ask for one of them; without any it is Markdown");
    }
    if (!o->cast && (o->size || o->cast_version)) {
        err_set(err, ERR_USAGE, "--size and --cast-version are about a cast");
        return err_hint(err, "add --cast");
    }
    if (!o->cast || o->operand_count <= 1)
        return true;
    err_set(err, ERR_USAGE, "a cast is of one session, not %d", o->operand_count);
    return err_hint(err, "make one for each");
}

/* A pattern such as *.jsonl names those, too: they are read with their journal. */
static bool is_notes(const char *path)
{
    static const char end[] = ".notes.jsonl";
    size_t length = strlen(path);
    return length >= sizeof end && strcmp(path + length - (sizeof end - 1), end) == 0;
}

static bool find_sessions(const struct options *o, struct wish *wish, struct err *err)
{
    struct state_dirs dirs = {0};
    bool ok = true;
    for (int i = 0; ok && i < o->operand_count; i++)
        if (!is_notes(o->operands[i])) {
            ok = state_dirs_session(&dirs, &o->settings, o->operands[i], &wish->paths[wish->count], err);
            wish->count += ok;
        }
    state_dirs_free(&dirs);
    if (!ok || wish->count)
        return ok;
    err_set(err, ERR_USAGE, "report wants one or more sessions");
    return err_hint(err, "seedops report last, ids of seedops sessions, or files");
}

static bool write_text(const struct options *o, const struct str *text, struct err *err)
{
    if (o->output)
        return file_write_atomic(o->output, text->text, text->length, 0600, err);
    if (fwrite(str_text(text), 1, text->length, stdout) == text->length && fflush(stdout) == 0)
        return true;
    return err_errno(err, ERR_GENERAL, errno, "cannot write the report");
}

static bool write_report(const struct options *o, const struct wish *wish, struct err *err)
{
    struct report report;
    struct str text = {0};
    bool ok = report_make(&report, wish->paths, wish->count, o->html, err);
    if (ok)
        (o->json ? report_json : o->html ? report_html : report_markdown)(&report, &text);
    report_free(&report);
    ok = ok && write_text(o, &text, err);
    str_free(&text);
    return ok;
}

static bool write_line(void *to, const struct str *line)
{
    return fwrite(line->text, 1, line->length, to) == line->length;
}

/* A film shows what was on an operator's screen: it is for its owner, as a report is. NULL: errno says why. */
static FILE *open_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

/* Line by line: a long session makes a long film. */
static bool write_cast(const struct options *o, struct wish *wish, struct err *err)
{
    struct source *source;
    if (!source_open(&source, wish->paths[0], err))
        return false;
    wish->to = o->output ? open_private(o->output) : stdout;
    bool ok = wish->to && cast_write(source, wish->version, wish->columns, wish->rows, write_line, wish->to);
    ok = wish->to && fflush(wish->to) == 0 && ok;
    if (!ok)
        err_errno(err, ERR_GENERAL, errno, "cannot write the cast%s%s", o->output ? " to " : "",
                  o->output ? o->output : "");
    if (wish->to && o->output)
        fclose(wish->to);
    source_close(source);
    return ok;
}

static void say_error(const struct options *o, const struct err *err)
{
    struct str document = {0};
    if (!o->json) {
        face_print_error(err, false);
        return;
    }
    face_error_json(err, &document);
    face_write_json(&document);
    str_free(&document);
}

int cmd_report(const struct command *command, struct options *options)
{
    (void)command;
    struct err err = {0};
    struct wish wish = {.version = options->cast_version ? atoi(options->cast_version) : 2};
    bool ok = options_names(options, &err) && one_face(options, &err) &&
              options_size("size", options->size, &wish.columns, &wish.rows, &err) &&
              find_sessions(options, &wish, &err) &&
              (options->cast ? write_cast(options, &wish, &err) : write_report(options, &wish, &err));
    if (!ok)
        say_error(options, &err);
    for (size_t i = 0; i < wish.count; i++)
        free(wish.paths[i]);
    return ok ? 0 : err_exit_code(err.class);
}
