/* typing - keys, clicks and pastes on their way to a message; what is typed into a secret field stays in
 * locked memory, and only its length becomes one. */
#include "run/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { DOUBLE_CLICK_MS = 400 };

void run_secret_forget(struct run *run)
{
    secret_free(run->typed);
    run->typed = NULL;
}

static void say_length(struct run *run)
{
    struct input *in = input_new(IN_SECRET);
    in->number = (int64_t)text_length(secret_text(run->typed));
    run_feed(run, in);
}

/* True if the key was a character, or the end of one, of the secret. */
static bool type_secret(struct run *run, const char *key)
{
    int32_t point;
    size_t length = strlen(key);
    if (strcmp(key, "backspace") == 0) {
        secret_backspace(run->typed);
    } else if (strcmp(key, "ctrl-u") == 0) {
        run_secret_forget(run);
    } else if (strcmp(key, "space") == 0) {
        secret_append(&run->typed, " ", 1);
    } else if (text_decode(key, length, &point) == length) {
        secret_append(&run->typed, key, length);
    } else {
        return false;
    }
    say_length(run);
    return true;
}

static void take_paste(struct run *run, char *paste)
{
    if (keymap_secret(run->model)) {
        /* a password copied with its line's end is the password */
        secret_append(&run->typed, paste, strcspn(paste, "\n"));
        say_length(run);
    } else {
        struct input *in = keymap_paste(run->model, paste);
        if (in)
            run_feed(run, in);
    }
    secret_wipe(paste);
    free(paste);
}

static void take_mouse(struct run *run, const struct key_event *event, int64_t now_ms)
{
    const char *kind = event->name;
    if (strcmp(kind, "click") == 0) {
        if (run->click.at_ms && now_ms - run->click.at_ms <= DOUBLE_CLICK_MS && run->click.row == event->row
            && run->click.column == event->column) {
            kind = "double";
            run->click.at_ms = 0;
        } else {
            run->click.at_ms = now_ms;
        }
        run->click.row = event->row;
        run->click.column = event->column;
    }
    struct input *in = keymap_mouse(run->model, &run->grid, kind, event->row, event->column);
    if (in)
        run_feed(run, in);
}

/* What the terminal would have made of these keys, where the screen makes nothing of them. */
static void terminal_key(struct run *run, const char *key)
{
    if (strcmp(key, "ctrl-z") == 0)
        run_suspend(run);
    else if (strcmp(key, "ctrl-l") == 0 && run->terminal) {
        terminal_repaint(run->terminal);
        run->dirty = true;
    }
}

void run_key_event(struct run *run, struct key_event *event, int64_t now_ms)
{
    if (event->kind == KEY_EVENT_PASTE) {
        take_paste(run, event->paste);
    } else if (event->kind == KEY_EVENT_MOUSE) {
        take_mouse(run, event, now_ms);
    } else if (!keymap_secret(run->model) || !type_secret(run, event->name)) {
        struct input *in = keymap_key(run->model, event->name);
        if (in)
            run_feed(run, in);
        else
            terminal_key(run, event->name);
    }
    explicit_bzero(event, sizeof *event);
}
