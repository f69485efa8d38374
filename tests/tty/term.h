/* term.h - what the parts of term share: term.c has the words of the script, term_screen.c the emulator, term_job.c the program
 * and the shell that leads it, term_pace.c how long keys take. */
#ifndef SEEDOPS_TESTS_TTY_TERM_H
#define SEEDOPS_TESTS_TTY_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <vterm.h>

struct term {
    char **argv;
    int rows, columns, timeout_ms;
    int master, reports;         /* reports: what the leader saw of its job */
    pid_t leader, program;
    bool stopped, ended, deaf;
    int status;                  /* of waitpid, once ended */
    VTerm *vterm;
    VTermScreen *screen;
    bool cursor_visible, altscreen;
    char *output;                /* everything the program wrote */
    size_t output_length, output_capacity, shown_length;   /* shown: to the emulator */
    int64_t mark_ms;
    size_t mark_length;          /* of output, then */
    int line;
    const char *command;
};
extern struct term t;

int64_t now_ms(void);

/* The screen as text, a line a row. Gives: free(). */
char *screen_text(void);
bool screen_shows(const char *wanted);
bool screen_colored(void);
void make_screen(void);
/* Ends the run, with the line and the screen. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Types keys by their names, which it cuts up. */
void press_keys(char *names);

/* Presses keys in turn, each when the one before it has shown; while the screen shows that, unless NULL. */
void pace(char *keys, int64_t count, const char *while_shown);
/* Prints what was measured since the last time. */
void pace_say(const char *name);

void start(void);
/* Waits at most `ms` for something to happen, and takes it. */
void step(int ms);
/* Takes what has been written already. */
void settle(void);
void wait_until(bool (*holds)(const char *argument), const char *argument, const char *complaint);

#endif
