/* player_actions - the player's keys, as a table: help, palette and the manual say what is said here. */
#include "replay/player.h"

#include <stdio.h>
#include <string.h>

#include "app/model.h"
#include "app/util.h"

#define ACTION(name) static void name(struct player *p __attribute__((unused)), \
    const struct session_facts *facts __attribute__((unused)), int64_t number __attribute__((unused)))

enum { TEN_MINUTES = 600000, TEN_SECONDS = 10000, SPEED2_MOST = 128 };

/* ---- playing ---- */

ACTION(pause_or_play)
{
    if (!p->playing && p->position >= facts->time->count)
        player_say(p, "This is the end. g goes to the start.");
    else
        p->playing = !p->playing;
}

static void step(struct player *p, const struct session_facts *facts, bool back)
{
    p->playing = false;
    if (!back)
        player_go(p, facts, p->position + 1);
    else if (p->at_ms > timeline_offset(facts->time, p->position))
        player_go(p, facts, p->position);         /* it was on its way to the next */
    else
        player_go(p, facts, p->position ? p->position - 1 : 0);
}

ACTION(step_on) { step(p, facts, false); }
ACTION(step_back) { step(p, facts, true); }
ACTION(faster) { p->speed2 = p->speed2 < SPEED2_MOST ? p->speed2 * 2 : SPEED2_MOST; }
ACTION(slower) { p->speed2 = p->speed2 > 1 ? p->speed2 / 2 : 1; }

/* Halves and doubles; above the most, pauses are played in full. */
static void idle_cut(struct player *p, bool longer)
{
    enum { LEAST_MS = 500, MOST_MS = 64000 };
    int64_t cut = p->idle_cut_ms;
    if (longer)
        cut = cut * 2 > MOST_MS ? 0 : cut * 2;
    else
        cut = cut == 0 ? MOST_MS : clamp(cut / 2, LEAST_MS, MOST_MS);
    p->idle_cut_ms = cut;
    if (cut)
        player_say(p, "Pauses are played for %.1f s, the rest is left out.", (double)cut / 1000);
    else
        player_say(p, "Pauses are played in full.");
}

ACTION(idle_longer) { idle_cut(p, true); }
ACTION(idle_shorter) { idle_cut(p, false); }

/* ---- going ---- */

ACTION(to_start) { player_go(p, facts, 0); }
ACTION(to_end) { player_go(p, facts, facts->time->count); p->playing = false; }
ACTION(minutes_on) { player_go_ms(p, facts, p->at_ms + TEN_MINUTES); }
ACTION(minutes_back) { player_go_ms(p, facts, p->at_ms - TEN_MINUTES); }
ACTION(seconds_on) { player_go_ms(p, facts, p->at_ms + TEN_SECONDS); }
ACTION(seconds_back) { player_go_ms(p, facts, p->at_ms - TEN_SECONDS); }

/* A click on the line of time, or a digit: thousandths of the session. */
ACTION(to_part)
{
    int64_t length = timeline_length(facts->time), part = clamp(number, 0, 1000);
    player_go_ms(p, facts, length / 1000 * part + length % 1000 * part / 1000);
}

static void to_mark(struct player *p, const struct session_facts *facts, int kind, bool back)
{
    const struct mark *mark = marks_next(facts->marks, p->position, kind, back);
    if (!mark) {
        player_say(p, "There is no %s %s this moment.",
                   kind == MARK_KINDS ? "mark" : mark_kind_name((enum mark_kind)kind), back ? "before" : "after");
        return;
    }
    player_go(p, facts, mark->n);
    p->playing = false;
    player_say(p, "%s %s", mark_sign(mark->kind), mark->text);
}

ACTION(next_mark) { to_mark(p, facts, MARK_KINDS, false); }
ACTION(previous_mark) { to_mark(p, facts, MARK_KINDS, true); }
ACTION(next_action) { to_mark(p, facts, MARK_ACTION, false); }
ACTION(previous_action) { to_mark(p, facts, MARK_ACTION, true); }
ACTION(next_error) { to_mark(p, facts, MARK_ERROR, false); }
ACTION(previous_error) { to_mark(p, facts, MARK_ERROR, true); }
ACTION(next_refusal) { to_mark(p, facts, MARK_REFUSED, false); }
ACTION(previous_refusal) { to_mark(p, facts, MARK_REFUSED, true); }
ACTION(next_note) { to_mark(p, facts, MARK_NOTE, false); }
ACTION(previous_note) { to_mark(p, facts, MARK_NOTE, true); }

static void search(struct player *p, bool back)
{
    if (!p->search[0]) {
        player_say(p, "Nothing was searched for yet: / does.");
        return;
    }
    p->want.search = true;
    p->want.backwards = back;
}

ACTION(search_next) { search(p, false); }
ACTION(search_previous) { search(p, true); }

/* ---- looking ---- */

ACTION(roam)
{
    p->roam = !p->roam;
    p->playing = p->playing && !p->roam;
    player_say(p, p->roam ? "Roaming: R goes back."
                          : "What the operator saw.");
}

ACTION(bare) { p->bare = !p->bare; }

ACTION(set_mark)
{
    p->mark = p->position;
    player_say(p, "Marked. Go somewhere else, and c says what changed in between.");
}

ACTION(compare)
{
    if (p->mark == UINT64_MAX) {
        player_say(p, "Set a mark first (M); c then says what changed between it and the moment shown.");
        return;
    }
    p->want.compare = true;
    p->open = OPEN_CHANGES;
    p->selected = p->top = 0;
}

/* ---- what opens ---- */

static void open_box(struct player *p, enum player_open what)
{
    p->open = what;
    p->text[0] = '\0';
    p->selected = p->top = 0;
    p->playing = false;
}

ACTION(open_help) { open_box(p, OPEN_HELP); }
ACTION(open_palette) { open_box(p, OPEN_PALETTE); }
ACTION(open_marks) { open_box(p, OPEN_MARKS); }
ACTION(open_search) { open_box(p, OPEN_SEARCH); }
ACTION(open_note) { open_box(p, OPEN_NOTE); }
ACTION(close_box) { p->open = OPEN_NOTHING; }

int player_box_rows(const struct player *p) { return (int)clamp(p->lines - 10, 1, 24); }

static void move(struct player *p, const struct session_facts *facts, int64_t by)
{
    struct player_pick picks[PLAYER_PICKS];
    int64_t count = p->open == OPEN_CHANGES ? p->rows : (int64_t)player_picks(p, facts, picks);
    int64_t rows = player_box_rows(p);
    if (p->open == OPEN_CHANGES) {
        p->top = clamp(p->top + by, 0, clamp(count - rows, 0, INT64_MAX));
        return;
    }
    p->selected = clamp(p->selected + by, 0, clamp(count - 1, 0, INT64_MAX));
    p->top = clamp(p->top, p->selected - rows + 1, p->selected);
    p->top = clamp(p->top, 0, p->selected);
}

ACTION(up) { move(p, facts, -1); }
ACTION(down) { move(p, facts, 1); }
ACTION(page_up) { move(p, facts, -player_box_rows(p)); }
ACTION(page_down) { move(p, facts, player_box_rows(p)); }

static void choose(struct player *p, const struct session_facts *facts)
{
    struct player_pick picks[PLAYER_PICKS];
    size_t count = player_picks(p, facts, picks);
    enum player_open was = p->open;
    p->open = OPEN_NOTHING;
    if (was == OPEN_PALETTE && player_command(p, facts, p->text))
        return;
    if ((size_t)p->selected >= count) {
        player_say(p, was == OPEN_PALETTE ? "\"%s\" is neither a command nor a moment (14:32, +10m, 50%%, #812)."
                                          : "Nothing here is called \"%s\".", p->text);
        return;
    }
    const struct player_pick *pick = &picks[p->selected];
    if (pick->mark) {
        player_go(p, facts, pick->mark->n);
        player_say(p, "%s %s", mark_sign(pick->mark->kind), pick->mark->text);
    } else if (pick->action->where & player_context(p)) {
        pick->action->run(p, facts, 0);
    } else {
        player_say(p, "%s: not here.", pick->action->title);
    }
}

ACTION(accept)
{
    switch (p->open) {
    case OPEN_SEARCH:
        p->open = OPEN_NOTHING;
        if (p->text[0])
            snprintf(p->search, sizeof p->search, "%s", p->text);
        search(p, false);
        break;
    case OPEN_NOTE:
        p->open = OPEN_NOTHING;
        p->want.note = p->text[0] != '\0';
        break;
    case OPEN_CHANGES: p->open = OPEN_NOTHING; break;
    default: choose(p, facts); break;
    }
}

ACTION(pick_row)
{
    p->selected = clamp(number, 0, PLAYER_PICKS);
    accept(p, facts, 0);
}

ACTION(backspace)
{
    size_t length = strlen(p->text);
    while (length && ((unsigned char)p->text[--length] & 0xc0) == 0x80)
        ;
    p->text[length] = '\0';
    p->selected = p->top = 0;
}

ACTION(clear_line) { p->text[0] = '\0'; }
ACTION(quit) { p->want.quit = true; }
ACTION(redraw) { p->want.repaint = true; }
ACTION(suspend) { p->want.suspend = true; }

/* ---- the table ---- */

enum { OPENED = WHILE_PICK | WHILE_LINE | WHILE_READ, ALWAYS = WHILE_SHOWING | OPENED };

/* In the order that help shows them: what a review needs most comes first. */
const struct player_action player_actions[] = {
    {"play", "Play, or pause", "space", WHILE_SHOWING, pause_or_play},
    {"on", "One event on", ".", WHILE_SHOWING, step_on},
    {"back", "One event back", ",", WHILE_SHOWING, step_back},
    {"next-mark", "To the next mark of any kind", "]", WHILE_SHOWING, next_mark},
    {"previous-mark", "To the mark before, of any kind", "[", WHILE_SHOWING, previous_mark},
    {"marks", "List of marks: actions, errors, refusals, notes; Enter goes there", "'", WHILE_SHOWING, open_marks},
    {"roam", "Roam: leave the operator's eye and look around, or go back to it", "R", WHILE_SHOWING, roam},
    {"palette", "Go to a moment (14:32, +10m, 50%, #812), or any of these by name", ":", WHILE_SHOWING, open_palette},
    {"search", "Search: text, SQL, a table, an SQLSTATE", "/", WHILE_EYE, open_search},
    {"search-next", "To the next event that holds it", "n", WHILE_EYE, search_next},
    {"search-previous", "To the event before that holds it", "N", WHILE_EYE, search_previous},
    {"note", "Note something about this moment, beside the journal", "m", WHILE_SHOWING, open_note},
    {"next-action", "To the next action", "a", WHILE_EYE, next_action},
    {"previous-action", "To the action before", "A", WHILE_EYE, previous_action},
    {"next-error", "To the next error", "e", WHILE_EYE, next_error},
    {"previous-error", "To the error before", "E", WHILE_EYE, previous_error},
    {"next-refusal", "To the next refusal", "u", WHILE_EYE, next_refusal},
    {"previous-refusal", "To the refusal before", "U", WHILE_EYE, previous_refusal},
    {"next-note", "To the next note", "o", WHILE_EYE, next_note},
    {"previous-note", "To the note before", "O", WHILE_EYE, previous_note},
    {"faster", "Twice as fast, up to 64 times", "}", WHILE_SHOWING, faster},
    {"slower", "Half as fast, down to half", "{", WHILE_SHOWING, slower},
    {"seconds-on", "Ten seconds on", "right l", WHILE_EYE, seconds_on},
    {"seconds-back", "Ten seconds back", "left h", WHILE_EYE, seconds_back},
    {"minutes-on", "Ten minutes on", "t", WHILE_SHOWING, minutes_on},
    {"minutes-back", "Ten minutes back", "T", WHILE_SHOWING, minutes_back},
    {"start", "To the start", "g home", WHILE_EYE, to_start},
    {"end", "To the end", "G end", WHILE_EYE, to_end},
    {"mark", "Set the mark that c compares with", "M", WHILE_SHOWING, set_mark},
    {"compare", "What changed between the mark and this moment", "c", WHILE_EYE, compare},
    {"idle-longer", "Play more of a pause", "+", WHILE_EYE, idle_longer},
    {"idle-shorter", "Play less of a pause", "-", WHILE_EYE, idle_shorter},
    {"bare", "Hide this line, or show it", "b", WHILE_EYE, bare},
    {"help", "Help: every key, searchable; Enter runs one", "? f1", WHILE_SHOWING, open_help},
    {"redraw", "Draw the screen anew", "ctrl-l", ALWAYS, redraw},
    {"suspend", "Stop here and go to the shell", "ctrl-z", ALWAYS, suspend},
    {"quit", "Leave the replay", "q ctrl-c", WHILE_EYE, quit},
    {"accept", "Choose", "enter", OPENED, accept},
    {"close", "Close", "esc ctrl-c", OPENED, close_box},
    {"up", "Up", "up ctrl-p", WHILE_PICK | WHILE_READ, up},
    {"down", "Down", "down ctrl-n", WHILE_PICK | WHILE_READ, down},
    {"page-up", "A page up", "pgup", WHILE_PICK | WHILE_READ, page_up},
    {"page-down", "A page down", "pgdn", WHILE_PICK | WHILE_READ, page_down},
    {"erase", "Remove the last character", "backspace ctrl-h", WHILE_PICK | WHILE_LINE, backspace},
    {"clear", "Clear the line", "ctrl-u", WHILE_PICK | WHILE_LINE, clear_line},
    {"part", "To a part of the session, in thousandths", "", WHILE_SHOWING, to_part},
    {"pick", "Choose a line", "", WHILE_PICK, pick_row},
};
const int player_action_count = sizeof player_actions / sizeof *player_actions;

const struct player_action *player_action_find(const char *name)
{
    for (int i = 0; i < player_action_count; i++)
        if (strcmp(player_actions[i].name, name) == 0)
            return &player_actions[i];
    return NULL;
}

unsigned player_context(const struct player *p)
{
    switch (p->open) {
    case OPEN_HELP:
    case OPEN_PALETTE:
    case OPEN_MARKS: return WHILE_PICK;
    case OPEN_SEARCH:
    case OPEN_NOTE: return WHILE_LINE;
    case OPEN_CHANGES: return WHILE_READ;
    default: return p->roam ? WHILE_ROAM : WHILE_EYE;
    }
}

static bool has_key(const struct player_action *action, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = action->keys; *at;) {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, key, word) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

const struct player_action *player_key(const struct player *p, const char *key)
{
    unsigned context = player_context(p);
    for (int i = 0; i < player_action_count; i++)
        if (player_actions[i].where & context && has_key(&player_actions[i], key))
            return &player_actions[i];
    return NULL;
}

void player_act(struct player *p, const struct session_facts *facts, const char *name, int64_t number)
{
    const struct player_action *action = player_action_find(name);
    if (!action || !(action->where & player_context(p)))
        return;
    p->notice[0] = '\0';
    action->run(p, facts, number);
}

/* ---- what a list offers ---- */

static size_t action_picks(const struct player *p, struct player_pick *picks)
{
    size_t count = 0;
    for (int i = 0; i < player_action_count; i++) {
        const struct player_action *a = &player_actions[i];
        if (a->where & WHILE_SHOWING && *a->keys &&
            (text_holds(a->title, p->text) || text_holds(a->name, p->text) || strcmp(a->keys, p->text) == 0))
            picks[count++] = (struct player_pick){.action = a};
    }
    return count;
}

size_t player_picks(const struct player *p, const struct session_facts *facts,
                    struct player_pick picks[PLAYER_PICKS])
{
    size_t count = 0;
    if (p->open == OPEN_HELP || p->open == OPEN_PALETTE)
        return action_picks(p, picks);
    if (p->open != OPEN_MARKS)
        return 0;
    for (size_t i = 0; i < facts->marks->count && count < PLAYER_PICKS; i++) {
        const struct mark *mark = &facts->marks->items[i];
        if (text_holds(mark->text, p->text) || text_holds(mark_kind_name(mark->kind), p->text))
            picks[count++] = (struct player_pick){.mark = mark};
    }
    return count;
}
