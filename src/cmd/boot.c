/* boot - an entrypoint in front of an application (case C6): migrations are mandatory, the seed is not, then the
 * application takes this process over: same PID, signals, descriptors and environment. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmds.h"
#include "cmd/unattended.h"

/* What a command changes of these is not the application's business. */
static const int touched[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
enum { TOUCHED = sizeof touched / sizeof *touched };

static void keep_signals(struct sigaction kept[TOUCHED])
{
    for (int i = 0; i < TOUCHED; i++)
        sigaction(touched[i], NULL, &kept[i]);
}

static void give_signals_back(const struct sigaction kept[TOUCHED])
{
    for (int i = 0; i < TOUCHED; i++)
        sigaction(touched[i], &kept[i], NULL);
}

/* Case C6: a failure is loud, and no reason to keep the service down. A cancel is. */
static bool seed(struct unattended *u, struct err *err)
{
    struct err failure = {0};
    if (!unattended_says_yes("SEED_ON_BOOT")) {
        unattended_skip_seed(u, "SEED_ON_BOOT is not set to true", NULL);
        return true;
    }
    if (unattended_seed(u, &failure))
        return true;
    if (failure.class == ERR_CANCELLED) {
        *err = failure;
        return false;
    }
    log_line(&u->log, LOG_WARN_LEVEL, NULL, "THE SEED DID NOT HAPPEN; the application is started all the same");
    unattended_say_error(u, LOG_WARN_LEVEL, &failure, -1);
    return true;
}

/* ---- --clean-env ---- */

static const char *const ours[] = {GUARD_VARIABLE, "DB_TIMEOUT", "SEED_ON_BOOT", "SEEDOPS_CONFIG", "SKIP_SEED"};

/* Names of the variables that fixtures with secrets read, one behind the other, each with its NUL. */
static void note_variables(const struct session *s, struct str *names)
{
    for (size_t i = 0; i < s->fixtures.count; i++) {
        const struct fixture *f = &s->fixtures.items[i];
        struct fixture_reader *reader;
        const struct fixture_row *row;
        struct err ignored;
        if (!f->has_secret || !fixture_open(&reader, f, session_fixture_options(s), &ignored))
            continue;
        while (fixture_next(reader, &row, &ignored) && row)
            for (size_t k = 0; k < f->column_count; k++)
                if (row->values[k].env)
                    str_add_bytes(names, row->values[k].env, strlen(row->values[k].env) + 1);
        fixture_close(reader);
    }
}

static void forget_variables(const struct str *names)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        unsetenv(ours[i]);
    for (size_t at = 0; at < names->length; at += strlen(names->text + at) + 1)
        unsetenv(names->text + at);
}

/* ---- the application ---- */

/* As PID 1 we are given what our helpers left behind; the application would not know of it. */
static void reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static bool cannot_start(struct err *err, const char *name, int number)
{
    err_errno(err, ERR_DEPENDENCY, number, "cannot start %s", name);
    return err_hint(err, "give the command's path, or put its directory into PATH");
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Where execvp will look, and before anything is done: a migration is not undone because a name was misspelt. */
static bool can_start(const char *name, struct err *err)
{
    const char *path = getenv("PATH");
    struct str candidate = {0};
    bool found = strchr(name, '/') && is_program(name);
    for (const char *at = path ? path : "/bin:/usr/bin"; !strchr(name, '/') && at && !found;) {
        size_t length = strcspn(at, ":");
        str_reset(&candidate);
        str_printf(&candidate, "%.*s%s%s", (int)length, at, length ? "/" : "", name);
        found = is_program(str_text(&candidate));
        at = at[length] ? at + length + 1 : NULL;
    }
    str_free(&candidate);
    return found || cannot_start(err, name, strchr(name, '/') && access(name, F_OK) == 0 ? EACCES : ENOENT);
}

/* What cannot be started is an error on stderr: stdout was to be the application's. */
static int start(char **argv, struct log log)
{
    struct err err;
    log.fd = STDERR_FILENO;
    fflush(NULL);
    reap();
    execvp(argv[0], argv);
    cannot_start(&err, argv[0], errno);
    log_line(&log, LOG_ERROR_LEVEL, &(struct log_fields){.error = &err, .exit_code = err_exit_code(err.class),
                                                         .suggestion = err.hint}, "%s", err.message);
    return err_exit_code(err.class);
}

int cmd_boot(const struct command *command, struct options *options)
{
    struct unattended u = {0};
    struct err err = {0};
    struct str variables = {0};
    struct sigaction signals[TOUCHED];
    char **argv = options->exec;
    keep_signals(signals);
    if (!argv || !argv[0]) {
        err_set(&err, ERR_USAGE, "boot has nothing to start");
        err_hint(&err, "usage: seedops boot [ENV] -- CMD ARG...");
        face_print_error(&err, false);
        return err_exit_code(err.class);
    }
    bool ok = unattended_begin(&u, command, options, &err);
    u.face.ctx.explicit_target = true;
    ok = ok && can_start(argv[0], &err) && unattended_wait(&u, &err) && unattended_migrate(&u, &err) && seed(&u, &err);
    if (ok && options->clean_env)
        note_variables(&u.face.session, &variables);
    if (ok)
        log_line(&u.log, LOG_INFO_LEVEL, NULL, "starting %s", argv[0]);
    int code = unattended_end(&u, ok, &err);
    if (code == 0 && options->clean_env)
        forget_variables(&variables);
    str_free(&variables);
    give_signals_back(signals);
    return code ? code : start(argv, u.log);
}
