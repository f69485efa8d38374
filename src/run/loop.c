/* loop - the main thread: waits, numbers what came in, journals it, updates, draws, carries out.
 *
 * It never waits for a worker, a disk or a network: everything it calls is bounded or polled. It sleeps
 * without a time-out until something happens or the model's next deadline: an idle console costs nothing. */
#include "run/runtime.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/codec.h"
#include "base/signals.h"

enum { CLOCK_JUMP_MS = 1000, FRAME_MS = 30, TURN_EVENTS = 256 };

/* ---- history ---- */

static int64_t offset_ms(struct run *run)
{
    int64_t offset = clock_mono_ms() - run->started_ms;
    if (offset > run->last_offset_ms)
        run->last_offset_ms = offset;
    return run->last_offset_ms;
}

/* The field was left because it was answered: do_answer takes the secret when it is carried out. */
static bool answers(const struct run *run)
{
    for (size_t i = 0; i < run->effects.count; i++)
        if (run->effects.items[i].kind == EFFECT_ANSWER && run->effects.items[i].ok)
            return true;
    return false;
}

void run_feed(struct run *run, struct input *in)
{
    in->offset_ms = offset_ms(run);
    if (in->kind != IN_NONE) {
        in->sequence = ++run->sequence;
        struct str line = {0};
        input_encode(in, &line);
        record_line(run->shared.record, str_take(&line));
        summary_take(&run->summary, in);
    }
    app_update(run->model, in, &run->effects);
    run->dirty = true;
    if (run->typed && !keymap_secret(run->model) && !answers(run))
        run_secret_forget(run);
    if (run->shared.headless)
        run_dump_note(run, in);
    input_free(in);
}

void run_sum(struct run *run)
{
    struct str summary = {0};
    struct json_out out;
    json_begin(&out, &summary);
    summary_encode(&run->summary, &out);
    record_sum(run->shared.record, str_take(&summary));
}

void run_say(struct run *run, const char *level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct input *in = input_new(IN_LOG);
    in->name = xstrdup(level);
    in->text = xstrdup(text);
    run_feed(run, in);
}

static void feed_number(struct run *run, enum input_kind kind, int64_t number, int64_t number2)
{
    struct input *in = input_new(kind);
    in->number = number;
    in->number2 = number2;
    run_feed(run, in);
}

void run_feed_name(struct run *run, enum input_kind kind, const char *name, const char *text)
{
    struct input *in = input_new(kind);
    in->name = xstrdup(name);
    in->text = xstrdup(text);
    run_feed(run, in);
}

void run_feed_size(struct run *run)
{
    int columns = run->options->dump_columns, rows = run->options->dump_rows;
    if (run->terminal)
        terminal_size(run->terminal, &columns, &rows);
    grid_init(&run->grid, rows, columns);
    feed_number(run, IN_SIZE, columns, rows);
}

void run_feed_clock(struct run *run, bool always)
{
    int64_t wall = clock_wall_ms(), difference = wall - clock_mono_ms();
    if (!always && llabs(difference - run->wall_minus_mono_ms) < CLOCK_JUMP_MS)
        return;
    run->wall_minus_mono_ms = difference;
    feed_number(run, IN_CLOCK, wall, 0);
}

/* ---- signals ---- */

static void resume(struct run *run)
{
    if (run->editor_fd >= 0)
        return;              /* the terminal is the editor's, which resumes by itself */
    terminal_resume(run->terminal);
    run_feed_name(run, IN_SIGNAL, "resume", NULL);
    run_feed_size(run);
    run_feed_clock(run, false);
}

void run_suspend(struct run *run)
{
    if (!run->terminal)
        return;
    if (run->editor_fd < 0) {
        run_feed_name(run, IN_SIGNAL, "suspend", NULL);
        terminal_suspend(run->terminal);
    }
    signals_stop_here();
    resume(run);
    run->pending_signals |= signals_take() & ~(unsigned)SIGNAL_CONTINUE;   /* that was this one */
}

static void end_by_signal(struct run *run, const char *name)
{
    run_feed_name(run, IN_SIGNAL, name, NULL);
    run->done = true;
    run->exit_code = err_exit_code(ERR_CANCELLED);
}

static void take_signals(struct run *run)
{
    unsigned bits = signals_take() | run->pending_signals;
    run->pending_signals = 0;
    if (bits & SIGNAL_HANGUP)
        end_by_signal(run, "hangup");
    if (bits & SIGNAL_TERMINATE)
        end_by_signal(run, "terminate");
    if (bits & SIGNAL_INTERRUPT) {
        /* from outside: ctrl-c is a key here. It stops what runs; whether it leaves, update decides */
        if (run->session)
            worker_cancel(run->session, 0);
        run_feed_name(run, IN_SIGNAL, "interrupt", NULL);
    }
    if (!run->terminal || run->done)
        return;
    if (bits & SIGNAL_SUSPEND)
        run_suspend(run);
    else if (bits & SIGNAL_CONTINUE)
        resume(run);
    if (bits & SIGNAL_SIZE && run->editor_fd < 0 && terminal_resize(run->terminal))
        run_feed_size(run);
}

/* ---- one turn ---- */

static bool may_draw(const struct run *run) { return run->terminal && run->editor_fd < 0; }

static int64_t earlier(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

/* When to wake up without being woken, by the monotonic clock; -1: never. */
static int64_t next_deadline(struct run *run)
{
    int64_t deadline = app_next_deadline(run->model);
    if (deadline >= 0)
        deadline += run->started_ms;
    if (run->terminal)
        deadline = earlier(deadline, terminal_deadline(run->terminal));
    if (run->dirty && may_draw(run) && terminal_taken_fd(run->terminal) < 0)
        deadline = earlier(deadline, run->drawn_ms + FRAME_MS);
    return deadline;
}

enum { POLL_SIGNALS, POLL_QUEUE, POLL_TERMINAL, POLL_TAKEN, POLL_EDITOR, POLL_COUNT };

static void wait_for_something(struct run *run, struct pollfd fds[POLL_COUNT])
{
    bool editing = run->editor_fd >= 0;
    fds[POLL_SIGNALS] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
    fds[POLL_QUEUE] = (struct pollfd){.fd = queue_fd(run->shared.queue), .events = POLLIN};
    fds[POLL_TERMINAL] = (struct pollfd){.fd = run->terminal && !editing ? terminal_fd(run->terminal) : -1,
                                         .events = POLLIN};
    fds[POLL_TAKEN] = (struct pollfd){.fd = run->dirty && may_draw(run) ? terminal_taken_fd(run->terminal) : -1,
                                      .events = POLLIN};
    fds[POLL_EDITOR] = (struct pollfd){.fd = run->editor_fd, .events = POLLIN};
    int64_t deadline = next_deadline(run), left = deadline < 0 ? -1 : deadline - clock_mono_ms();
    if (deadline >= 0 && left < 0)
        left = 0;
    if (run->effects.count || run->pending_signals)
        left = 0;
    if (poll(fds, POLL_COUNT, left > INT32_MAX ? INT32_MAX : (int)left) < 0)
        for (int i = 0; i < POLL_COUNT; i++)
            fds[i].revents = 0;
}

static void take_keys(struct run *run, const struct pollfd *fd)
{
    if (!run->terminal || run->editor_fd >= 0)
        return;
    int64_t now = clock_mono_ms();
    if (fd->revents && !terminal_read(run->terminal, now)) {
        end_by_signal(run, "hangup");
        return;
    }
    struct key_event event;
    /* each key's effects before the next key: it may be meant for the editor that this one opened */
    while (!run->done && run->editor_fd < 0 && terminal_event(run->terminal, now, &event)) {
        run_key_event(run, &event, now);
        run_carry_out(run);
        run->answer_at_once = true;
    }
}

/* As much as there is now; what comes while these are updated has the next turn, after a frame. */
static void take_events(struct run *run)
{
    struct input *in;
    for (int i = 0; i < TURN_EVENTS && (in = queue_take(run->shared.queue)); i++)
        run_feed(run, in);
}

static void tick(struct run *run)
{
    int64_t deadline = app_next_deadline(run->model);
    if (deadline >= 0 && offset_ms(run) >= deadline)
        feed_number(run, IN_NONE, 0, 0);
}

void run_view(struct run *run)
{
    grid_init(&run->grid, run->grid.rows, run->grid.columns);
    view_draw(run->model, &run->view, &run->grid);
}

/* Keys are answered at once; events alone are drawn at most every FRAME_MS. */
void run_draw(struct run *run)
{
    int64_t now = clock_mono_ms();
    if (!run->dirty || !may_draw(run) || (!run->answer_at_once && now - run->drawn_ms < FRAME_MS))
        return;
    if (!terminal_ready(run->terminal))
        return;              /* the frame after the one that it is taking now shows all that came meanwhile */
    run_view(run);
    terminal_draw(run->terminal, &run->grid);
    run->drawn_ms = now;
    run->dirty = run->answer_at_once = false;
}

/* Between two turns, behind the keys and the frame that answers them. */
static void checkpoint(struct run *run)
{
    if (!record_wants_checkpoint(run->shared.record))
        return;
    struct str model = {0};
    model_encode(run->model, &model);
    record_checkpoint(run->shared.record, run->last_offset_ms, str_take(&model));
}

void run_turn(struct run *run)
{
    struct pollfd fds[POLL_COUNT];
    wait_for_something(run, fds);
    run_feed_clock(run, false);
    take_signals(run);
    take_events(run);
    take_keys(run, &fds[POLL_TERMINAL]);
    if (fds[POLL_EDITOR].revents)
        run_editor_ended(run);
    tick(run);
    run_draw(run);
    run_carry_out(run);
    run_reap(run);
    checkpoint(run);
}
