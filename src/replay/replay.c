/* replay - the loop of the player: waits for keys and for time, lets the pure player decide where to be, brings
 * the reel there in slices, draws.
 *
 * What the console's update() asks for goes nowhere; in roam it is answered from the journal. Nothing that is
 * written in a journal is ever opened, started or sent. */
#include "config.h"

#include "replay/replay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/model.h"
#include "base/clock.h"
#include "base/signals.h"
#include "base/str.h"
#include "base/text.h"
#include "replay/changes.h"
#include "replay/notes.h"
#include "replay/player.h"
#include "replay/reel.h"
#include "replay/roam.h"
#include "replay/search.h"
#include "replay/source.h"
#include "replay/view_player.h"
#include "terminal.h"

enum {
    LADDER_EYE = 96 << 20,
    LADDER_SURVEY = 1 << 20,
    SLICE = 1 << 20,
    LEAST = 4096, /* bytes of journal between two looks at the keyboard, at most and least */
    SLOW_MS = 40,
    FAST_MS = 10,   /* a slice that took that long was too large, or too small */
    CLOCK_MS = 500, /* the line's clock while it plays through a pause */
    FRAME_MS = 40
};

struct replay {
    struct source *source;
    struct reel *eye, *survey;       /* survey: once through all of it, for the marks */
    struct marks marks;
    struct roam *roam;
    struct player player;
    struct session_facts facts;
    struct model *shown;             /* in the eye; while roaming it is roam's */
    uint64_t roam_at;                /* the position that roam stands at */
    struct change_lines changes;
    struct search search;
    bool searching;
    size_t slice;                    /* bytes: as many as are fed in the time that nobody notices */
    char warning[320];
    struct terminal *terminal;
    struct grid grid;
    bool ascii, dirty, urgent, done, told;     /* told: of an input that cannot be read */
    enum source_chain chain;
    int64_t drawn_ms, ticked_ms;
    unsigned pending_signals;
    int exit_code;
};

/* ---- what is shown ---- */

static void take_marks(void *marks, const struct reel_step *step) { marks_take(marks, step); }

static int screen_rows(const struct replay *r) { return player_screen_rows(&r->player); }

static void show_eye(struct replay *r)
{
    model_free(r->shown);
    r->shown = reel_copy(r->eye);
    roam_fit(r->roam, r->shown, reel_position(r->eye), r->player.at_ms, r->player.columns, screen_rows(r));
}

/* Roam follows the position with the reviewer's own view; the eye forgets that there was one. */
static void show(struct replay *r)
{
    if (!r->player.roam) {
        roam_leave(r->roam);
        show_eye(r);
    } else if (!roam_in(r->roam) || r->roam_at != reel_position(r->eye)) {
        r->roam_at = reel_position(r->eye);
        roam_enter(r->roam, reel_copy(r->eye), r->roam_at, r->player.columns, screen_rows(r));
    }
}

static const struct model *shown(const struct replay *r)
{
    return r->player.roam && roam_in(r->roam) ? roam_model(r->roam) : r->shown;
}

static int busy(const struct replay *r)
{
    uint64_t count = r->facts.time->count;
    if (r->searching)
        return count ? (int)(r->search.at * 100 / count) : -1;
    if (reel_position(r->eye) != r->player.position)
        return r->player.position ? (int)(reel_position(r->eye) * 100 / r->player.position) : -1;
    return -1;
}

static void draw_grid(struct replay *r)
{
    const struct player_view view = {
        .player = &r->player,
        .facts = &r->facts,
        .shown = shown(r),
        .changes = &r->changes,
        .warning = r->warning,
        .chain = r->chain,
        .busy = busy(r),
        .ascii = r->ascii,
    };
    grid_init(&r->grid, r->player.lines, r->player.columns);
    player_draw(&view, &r->grid);
}

static void draw(struct replay *r)
{
    int64_t now = clock_mono_ms();
    if (!r->dirty || (!r->urgent && now - r->drawn_ms < FRAME_MS) || !terminal_ready(r->terminal))
        return;
    show(r);
    draw_grid(r);
    terminal_draw(r->terminal, &r->grid);
    r->drawn_ms = now;
    r->dirty = r->urgent = false;
}

/* ---- what the player wants ---- */

static void keep_note(struct replay *r)
{
    struct err err = {0};
    char where[512];
    struct player *p = &r->player;
    if (!notes_write(r->source, p->position, p->at_ms, p->text, where, &err)) {
        player_say(p, "%s: %s", err.message, err.why);
        return;
    }
    marks_add(&r->marks, p->position, timeline_offset(r->facts.time, p->position), MARK_NOTE, true, p->text);
    player_say(p, "Noted in %s", where);
}

static void compare(struct replay *r)
{
    uint64_t here = r->player.position, there = r->player.mark;
    reel_go(r->eye, there);
    struct model *from = reel_copy(r->eye);
    reel_go(r->eye, here);
    changes_free(&r->changes);
    changes_make(&r->changes, r->source, from, there, reel_model(r->eye), here);
    r->player.rows = (int64_t)r->changes.count;
    model_free(from);
}

static void suspend(struct replay *r)
{
    terminal_suspend(r->terminal);
    signals_stop_here();
    terminal_resume(r->terminal);
    r->pending_signals |= signals_take() & ~(unsigned)SIGNAL_CONTINUE;
    terminal_resize(r->terminal);
    r->ticked_ms = clock_mono_ms();
}

static void take_wants(struct replay *r)
{
    struct player_want want = r->player.want;
    if (want.note)
        keep_note(r);
    if (want.compare)
        compare(r);
    if (want.search) {
        search_start(&r->search, r->player.search, r->player.position, want.backwards);
        r->searching = true;
    }
    if (want.repaint)
        terminal_repaint(r->terminal);
    if (want.suspend)
        suspend(r);
    r->done |= want.quit;
    r->player.want = (struct player_want){.backwards = want.backwards};
}

/* ---- keys ---- */

/* The character that a key types, or NULL. */
static const char *typed(const char *key)
{
    int32_t point;
    size_t length = strlen(key);
    if (strcmp(key, "space") == 0)
        return " ";
    return length && text_decode(key, length, &point) == length && point >= 0x20 && point != 0x7f ? key : NULL;
}

static void give_console(struct replay *r, struct input *in)
{
    if (!in)
        return;
    if (!roam_input(r->roam, in))
        player_act(&r->player, &r->facts, "roam", 0);
}

/* While roaming with something of the console's open, keys are that one's. */
static bool console_has_keys(const struct replay *r)
{
    return r->player.roam && r->player.open == OPEN_NOTHING && roam_in(r->roam) &&
           roam_model(r->roam)->modal.kind != MODAL_NONE;
}

static void take_key(struct replay *r, const char *key)
{
    const struct player_action *action = console_has_keys(r) ? NULL : player_key(&r->player, key);
    if (player_takes_text(&r->player) && typed(key))
        player_type(&r->player, typed(key));
    else if (action)
        player_act(&r->player, &r->facts, action->name, 0);
    else if (r->player.open == OPEN_NOTHING && !r->player.roam && key[0] >= '0' && key[0] <= '9' && !key[1])
        player_act(&r->player, &r->facts, "part", (key[0] - '0') * 100);
    else if (r->player.open == OPEN_NOTHING && r->player.roam && roam_in(r->roam))
        give_console(r, keymap_key(roam_model(r->roam), key));
}

/* Wheel and clicks: the player's own regions begin with '@'; the console's count while roaming. */
static void take_mouse(struct replay *r, const struct key_event *event)
{
    const struct hit *hit = grid_hit_at(&r->grid, event->row, event->column);
    bool click = strcmp(event->name, "click") == 0;
    if (r->player.open != OPEN_NOTHING && strncmp(event->name, "wheel", 5) == 0)
        player_act(&r->player, &r->facts, strcmp(event->name, "wheel-up") == 0 ? "up" : "down", 0);
    else if (click && hit && hit->action[0] == '@')
        player_act(&r->player, &r->facts, hit->action + 1, hit->number);
    else if (r->player.roam && r->player.open == OPEN_NOTHING && roam_in(r->roam))
        give_console(r, keymap_mouse(roam_model(r->roam), &r->grid, event->name, event->row, event->column));
}

static void take_event(struct replay *r, struct key_event *event)
{
    if (event->kind == KEY_EVENT_PASTE) {
        if (player_takes_text(&r->player))
            player_type(&r->player, event->paste);
        free(event->paste);
    } else if (event->kind == KEY_EVENT_MOUSE) {
        take_mouse(r, event);
    } else {
        take_key(r, event->name);
    }
    take_wants(r);
    show(r);                     /* the next key is for what this one led to */
    r->dirty = r->urgent = true;
}

static void take_keys(struct replay *r, bool readable)
{
    struct key_event event;
    int64_t now = clock_mono_ms();
    if (readable && !terminal_read(r->terminal, now)) {
        r->done = true;
        r->exit_code = err_exit_code(ERR_CANCELLED);
        return;
    }
    while (!r->done && terminal_event(r->terminal, now, &event))
        take_event(r, &event);
}

static void take_signals(struct replay *r)
{
    unsigned bits = signals_take() | r->pending_signals;
    r->pending_signals = 0;
    if (bits & (SIGNAL_HANGUP | SIGNAL_TERMINATE | SIGNAL_INTERRUPT)) {
        r->done = true;
        r->exit_code = err_exit_code(ERR_CANCELLED);
    }
    if (bits & SIGNAL_SUSPEND)
        suspend(r);
    if (bits & SIGNAL_CONTINUE)
        terminal_resume(r->terminal);
    if (bits & (SIGNAL_SIZE | SIGNAL_SUSPEND | SIGNAL_CONTINUE)) {
        int columns, rows;
        terminal_resize(r->terminal);
        terminal_size(r->terminal, &columns, &rows);
        player_size(&r->player, columns, rows);
        roam_leave(r->roam);
        r->dirty = r->urgent = true;
    }
}

/* ---- time and work ---- */

static void take_time(struct replay *r)
{
    int64_t now = clock_mono_ms(), elapsed = now - r->ticked_ms;
    r->ticked_ms = now;
    if (!r->player.playing)
        return;
    player_tick(&r->player, &r->facts, elapsed);
    if (!r->player.playing && *source_problem(r->source))     /* why this is the end */
        player_say(&r->player, "%s", source_problem(r->source));
    r->dirty = true;
}

/* The screen of that moment need not show what was found: a statement is in the Log only. */
static void say_found(struct replay *r, uint64_t n)
{
    char text[sizeof r->player.notice];
    struct input *in = source_input(r->source, n, NULL);
    if (in) {
        search_excerpt(in, r->search.needle, text, sizeof text);
        player_say(&r->player, "%s", text);
    }
    input_free(in);
}

/* A slice of the search; where it ends, the eye has to go there. */
static void search_on(struct replay *r)
{
    uint64_t found;
    if (!search_work(&r->search, r->source, SLICE * 4, &found))
        return;
    r->searching = false;
    player_found(&r->player, &r->facts, found);
    if (found)
        say_found(r, found);
    r->dirty = r->urgent = true;
}

/* How long a byte takes is up to the journal: one from elsewhere may be made to be slow. */
static bool feed_slice(struct replay *r, struct reel *reel)
{
    int64_t start = clock_mono_ms();
    bool more = reel_work(reel, r->slice);
    int64_t took = clock_mono_ms() - start;
    if (took > SLOW_MS && r->slice > LEAST)
        r->slice /= 2;
    else if (took < FAST_MS && r->slice < SLICE)
        r->slice *= 2;
    return more;
}

/* One slice of the most urgent. True while there is more. */
static bool work(struct replay *r)
{
    if (reel_position(r->eye) != r->player.position) {
        reel_seek(r->eye, r->player.position);
        bool more = feed_slice(r, r->eye);
        r->dirty = true;
        r->urgent |= !more;
        return true;
    }
    if (r->searching) {
        search_on(r);
        return true;
    }
    bool more = feed_slice(r, r->survey);
    r->dirty |= more;
    return more;
}

static void look_at_chain(struct replay *r)
{
    const struct err *err;
    enum source_chain chain = source_chain(r->source, &err);
    if (chain == r->chain)
        return;
    r->chain = chain;
    r->dirty = true;
    if (chain == CHAIN_BROKEN)
        player_say(&r->player, "This journal was altered or damaged: %s (%s)", err->why, err->at);
}

/* An input that cannot be read is stepped over, but not without a word. */
static void tell_problem(struct replay *r)
{
    if (r->told || !*reel_problem(r->survey))
        return;
    player_say(&r->player, "%s", reel_problem(r->survey));
    r->told = r->dirty = true;
}

static int64_t earlier(int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

static int wait_ms(struct replay *r, bool working)
{
    int64_t wait = -1, now = clock_mono_ms(), deadline = terminal_deadline(r->terminal);
    if (working || r->pending_signals)
        return 0;
    if (r->player.playing)
        wait = player_next(&r->player, &r->facts) < CLOCK_MS ? player_next(&r->player, &r->facts) : CLOCK_MS;
    if (wait >= 0 && wait < FRAME_MS)
        wait = FRAME_MS;
    if (r->dirty && terminal_taken_fd(r->terminal) < 0)
        wait = earlier(wait, FRAME_MS);
    if (deadline >= 0)
        wait = earlier(wait, deadline > now ? deadline - now : 0);
    if (r->chain == CHAIN_UNCHECKED)
        wait = earlier(wait, CLOCK_MS);
    return (int)wait;
}

static void turn(struct replay *r, bool *working)
{
    struct pollfd fds[3] = {{.fd = signals_fd(), .events = POLLIN},
                            {.fd = terminal_fd(r->terminal), .events = POLLIN},
                            {.fd = r->dirty ? terminal_taken_fd(r->terminal) : -1, .events = POLLIN}};
    if (poll(fds, 3, wait_ms(r, *working)) < 0)
        fds[1].revents = 0;
    take_signals(r);
    take_time(r);
    take_keys(r, fds[1].revents != 0);
    look_at_chain(r);
    tell_problem(r);
    *working = work(r);
    draw(r);
}

/* ---- beginning and end ---- */

/* What a reviewer must know of the file before believing what it shows. */
static void warn(struct replay *r)
{
    const struct journal_header *header = source_header(r->source);
    if (*source_problem(r->source))
        snprintf(r->warning, sizeof r->warning, "%.300s", source_problem(r->source));
    else if (source_newer(r->source) || source_unknown(r->source))
        snprintf(r->warning, sizeof r->warning, "%llu events not shown: by seedops %.40s, this is %s",
                 (unsigned long long)source_unknown(r->source), header->version, PACKAGE_VERSION);
    else if (source_before(r->source))
        snprintf(r->warning, sizeof r->warning, "The first %llu events of this session are gone",
                 (unsigned long long)source_before(r->source));
    else if (*header->command && strcmp(header->command, "console") != 0)
        snprintf(r->warning, sizeof r->warning, "seedops %.60s has no screens: R, then 7 shows what it said",
                 header->command);
}

static bool set_up(struct replay *r, const char *path, struct err *err)
{
    if (!source_open(&r->source, path, err))
        return false;
    r->eye = reel_new(r->source, LADDER_EYE);
    r->survey = reel_new(r->source, LADDER_SURVEY);
    r->roam = roam_new(r->source);
    reel_watch(r->survey, take_marks, &r->marks);
    reel_seek(r->survey, source_timeline(r->source)->count);
    notes_read(r->source, &r->marks);
    player_start(&r->player);
    r->slice = SLICE / 8;
    r->facts = (struct session_facts){.time = source_timeline(r->source), .marks = &r->marks,
                                      .started_ms = source_header(r->source)->started_ms};
    warn(r);
    return true;
}

static void take_down(struct replay *r)
{
    model_free(r->shown);
    roam_free(r->roam);
    reel_free(r->eye);
    reel_free(r->survey);
    marks_free(&r->marks);
    changes_free(&r->changes);
    search_end(&r->search);
    source_close(r->source);
    grid_free(&r->grid);
}

static bool go_to(struct replay *r, const char *at, struct err *err)
{
    if (!at || player_command(&r->player, &r->facts, at))
        return true;
    err_set(err, ERR_USAGE, "--at does not know the moment \"%s\"", at);
    return err_hint(err, "it takes 14:32 (UTC), +10m, 50%%, #812, start or end");
}

static void dump(struct replay *r)
{
    struct str text = {0};
    while (reel_work(r->survey, SLICE))
        ;
    reel_go(r->eye, r->player.position);
    show(r);
    draw_grid(r);
    grid_print(&r->grid, &text);
    fwrite(str_text(&text), 1, text.length, stdout);
    fflush(stdout);
    str_free(&text);
}

static bool play(struct replay *r, const struct replay_options *o, struct err *err)
{
    int columns, rows;
    bool utf8 = terminal_locale(), working = true;
    r->ascii = !utf8;
    signals_install(terminal_restore_now, terminal_restore_settings);
    if (!terminal_open(&r->terminal, o->color, utf8, err))
        return false;
    terminal_size(r->terminal, &columns, &rows);
    player_size(&r->player, columns, rows);
    r->player.playing = !o->at && !r->warning[0];     /* a warning is to be read first */
    r->ticked_ms = clock_mono_ms();
    source_verify(r->source);
    show(r);
    r->dirty = r->urgent = true;
    draw(r);
    while (!r->done)
        turn(r, &working);
    terminal_close(r->terminal);
    return true;
}

int replay_run(const struct replay_options *o, struct err *err)
{
    struct replay r = {0};
    if (!set_up(&r, o->path, err))
        return err_exit_code(err->class);
    bool headless = o->dump_columns > 0;
    if (headless)
        player_size(&r.player, o->dump_columns, o->dump_rows);
    bool ok = go_to(&r, o->at, err);
    if (ok && headless)
        dump(&r);
    else if (ok)
        ok = play(&r, o, err);
    take_down(&r);
    return ok ? r.exit_code : err_exit_code(err->class);
}
