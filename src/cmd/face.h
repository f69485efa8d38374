/* face - a command as the other face of an operation: the session, the sink that prints, the errors' end.
 *
 * A command is: face_open; the operation; print what the sink kept; face_close. Results go to stdout,
 * messages to stderr; with --json one document on stdout and nothing else. */
#ifndef SEEDOPS_CMD_FACE_H
#define SEEDOPS_CMD_FACE_H

#include "base/json.h"
#include "cmd/command.h"
#include "journal/summary.h"
#include "journal/write.h"
#include "op/ops.h"
#include "op/way.h"

struct face {
    const struct command *command;
    struct options *options;
    struct settings settings;
    struct ctx ctx;
    struct session session;
    bool opened;
    bool color;                      /* stdout takes colours */
    bool many;                       /* it is about several environments at once */
    bool told;                       /* the command has said the error itself */
    struct journal *journal;
    uint64_t sequence;
    struct summary summary;          /* of what was recorded */
    int64_t questions;               /* asked so far */
    int64_t started_ms;
    /* The newest event of each kind an operation reports its result with; owned, NULL until it came. */
    struct input *last[IN_KIND_COUNT];
    /* Called for every event, before it is kept; NULL: the default, which prints progress and log lines to
     * stderr. The event is borrowed. */
    void (*on_event)(struct face *face, const struct input *in);
};

/* Settings, environment, journal and, for COMMAND_DATABASE, the open session. On failure err is set. */
bool face_open(struct face *face, const struct command *command, struct options *options, struct err *err);
/* The same for a command that can make nothing of half an answer: its questions may take longer on a busy server. */
enum { FACE_PATIENCE_MS = 15000 };
bool face_open_patiently(struct face *face, const struct command *command, struct options *options, struct err *err);
/* Its two halves, for a command that may be about many environments: the settings; then the rest. */
bool face_load(struct face *face, const struct command *command, struct options *options, struct err *err);
bool face_choose(struct face *face, struct err *err);    /* everything but the connection, of the environment that is named */
bool face_connect(struct face *face, struct err *err);
/* Everything but the connection, of an environment that was chosen already: signals, journal, context. */
void face_begin(struct face *face, struct environment *environment);
/* Numbers the event and writes it into the journal; borrows it. */
void face_record(struct face *face, struct input *in);
/* As if somebody had pressed Ctrl-C. */
void face_cancel(const struct face *face);
/* The same without connecting (wait, which connects by itself; init, envs). */
bool face_prepare(struct face *face, const struct command *command, struct options *options, struct err *err);
/* ERR_USAGE when operands are left over that the command does not take. */
bool face_refuse_operands(const struct face *face, struct err *err);
/* Prints the error if there is one (text: three lines on stderr; --json: the error document on stdout),
 * closes everything, gives the exit code. `ok` says whether the operation succeeded. */
int face_close(struct face *face, bool ok, const struct err *err);
/* What happens to an event that nobody else prints: log lines and progress go to stderr. */
void face_print_event(const struct face *face, const struct input *in);
/* Prints to stderr: "seedops: message", why, hint, place; made visible. */
void face_print_error(const struct err *err, bool json_lines);
/* A list of problems, each with its place, then how many. Gives the error that sums them up. */
void face_print_problems(const struct err_list *problems);
/* The document {"error":{...},"exit_code":n} */
/* Key "error" and its object. */
void face_put_error(struct json_out *o, const struct err *err);
void face_error_json(const struct err *err, struct str *out);
/* Writes a finished JSON document (adds the newline). */
void face_write_json(const struct str *document);
/* "1 234 567" with thin grouping, "≈" in front when estimated, "·" when negative (unknown). */
void face_count(struct str *out, int64_t count, bool estimated);

#endif
