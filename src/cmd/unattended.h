/* unattended - what wait, provision and boot share: log lines as case E4 has them, the deadline, and the steps
 * readiness → migrations → seed with their summary.
 *
 * Lines go to stdout, the summary last; with --json they move to stderr and stdout has one document. */
#ifndef SEEDOPS_CMD_UNATTENDED_H
#define SEEDOPS_CMD_UNATTENDED_H

#include "base/log.h"
#include "cmd/face.h"

/* The face must come first: its on_event gets it back as the whole. */
struct unattended {
    struct face face;
    struct log log;
    int64_t started_ms, deadline_ms;
    struct err unreadable;           /* of LOG_LEVEL or DB_TIMEOUT: told once there is a session to record it in */
    bool ready;
    int attempts;                    /* to reach the database */
    int64_t ready_ms, migrate_ms, seed_ms;
    int64_t migrations, rows;        /* applied, written; with --dry-run: that would be */
    const char *seed;                /* "done" "nothing to do" "planned" "skipped" "refused" "failed", NULL: not reached */
    struct input *migrated, *seeded; /* outcomes, for the document; NULL: none */
};

/* face_prepare, the log (LOG_LEVEL, --log-format, json by default) and the deadline (--timeout, DB_TIMEOUT). */
bool unattended_begin(struct unattended *u, const struct command *command, struct options *options, struct err *err);
/* Its two halves, for a command that may be about several environments: settings and log; the one environment. */
bool unattended_load(struct unattended *u, const struct command *command, struct options *options, struct err *err);
bool unattended_choose(struct unattended *u, struct err *err);
void unattended_listen(struct unattended *u);   /* its events become lines from now on */
/* E1: waits until the database is ready. */
bool unattended_wait(struct unattended *u, struct err *err);
/* Opens the session and applies what is pending. */
bool unattended_migrate(struct unattended *u, struct err *err);
/* Seeds, unless these are fixtures that the database knows newer ones of: then it says so, and u->seed is "skipped". */
bool unattended_seed(struct unattended *u, struct err *err);
/* Says why there is no seed. */
void unattended_skip_seed(struct unattended *u, const char *why, const char *suggestion);
/* One line for an error, as a warning where it is not the end. */
void unattended_say_error(struct unattended *u, enum log_level level, const struct err *err, int exit_code);
/* The error, if it is one, and the summary; closes the face and gives the exit code. */
int unattended_end(struct unattended *u, bool ok, struct err *err);
/* True if a variable says yes: "true" or "1". Empty is unset. */
bool unattended_says_yes(const char *variable);

#endif
