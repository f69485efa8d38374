/* editor - lends the terminal to $VISUAL or $EDITOR. The loop goes on meanwhile: operations report, the
 * journal is written, only nothing is drawn. */
#include "run/runtime.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/signals.h"

static const char *editor_command(void)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    return editor && *editor ? editor : NULL;
}

/* In the child: the shell splits the command's own arguments; place and file are one argument each, whatever
 * is in them. */
static _Noreturn void exec_editor(const char *command, const char *directory, const char *file,
                                  const char *place)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (directory && chdir(directory) != 0)
        _exit(127);
    struct str line = {0};
    str_printf(&line, "%s \"$@\"", command);
    if (place)
        execl("/bin/sh", "sh", "-c", str_text(&line), "sh", place, file, (char *)NULL);
    else
        execl("/bin/sh", "sh", "-c", str_text(&line), "sh", file, (char *)NULL);
    _exit(127);
}

void run_editor_start(struct run *run, const char *file, int64_t line)
{
    const char *command = editor_command();
    if (!command || !run->terminal || run->editor_fd >= 0) {
        run_say(run, "info", "%s:%lld (set EDITOR to open it from here)", file, (long long)line);
        return;
    }
    char place[32];
    snprintf(place, sizeof place, "+%lld", (long long)line);
    terminal_suspend(run->terminal);
    signals_ignore_interrupt(1);
    pid_t child = fork();
    if (child == 0)      /* places are shown relative to the configuration's directory */
        exec_editor(command, run->options->settings->base_dir, file, line > 0 ? place : NULL);
    run->editor_pid = child;
    run->editor_fd = child > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
    if (run->editor_fd < 0) {
        run_say(run, "error", "%s cannot be started: %s", command, strerror(errno));
        if (child > 0)
            waitpid(child, NULL, 0);     /* no descriptor to wait with: an old kernel */
        run_editor_ended(run);
    }
}

void run_editor_ended(struct run *run)
{
    int status = 0;
    if (run->editor_fd >= 0) {
        close(run->editor_fd);
        waitpid(run->editor_pid, &status, 0);
    }
    run->editor_fd = -1;
    signals_ignore_interrupt(0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        run_say(run, "error", "%s was not found (VISUAL, EDITOR)", editor_command());
    terminal_resume(run->terminal);
    run->dirty = true;
}
