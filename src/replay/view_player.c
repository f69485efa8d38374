/* view_player - the player's line and boxes around the console's screen. */
#include "replay/view_player.h"

#include <stdio.h>
#include <string.h>

#include "app/human.h"
#include "app/model.h"
#include "app/util.h"
#include "view.h"

int player_screen_rows(const struct player *p) { return p->bare ? p->lines : p->lines > 1 ? p->lines - 1 : 1; }

/* ---- the console's screen ---- */

/* Draws it at its own size and puts it at the top, clicks and all; what the player has open lies above it. */
static void draw_console(const struct player_view *v, struct grid *g)
{
    struct grid screen = {0};
    grid_init(&screen, player_screen_rows(v->player), g->columns);
    view_draw(v->shown, &(struct view_options){0}, &screen);
    for (int row = 0; row < screen.rows && row < g->rows; row++)
        memcpy(&g->cells[row * g->columns], &screen.cells[row * screen.columns],
               (size_t)g->columns * sizeof *g->cells);
    for (size_t i = 0; i < screen.hit_count; i++)
        grid_hit(g, screen.hits[i].row, screen.hits[i].column, screen.hits[i].rows, screen.hits[i].columns,
                 screen.hits[i].action, screen.hits[i].number);
    g->cursor_row = screen.cursor_row;
    g->cursor_column = screen.cursor_column;
    grid_free(&screen);
}

/* ---- the line ---- */

static void clock_of(const struct player_view *v, int64_t ms, char out[HUMAN])
{
    human_clock_seconds(out, v->facts->started_ms + ms);
    out[strcspn(out, "Z")] = '\0';
}

static enum style mark_style(enum mark_kind kind)
{
    static const enum style styles[MARK_KINDS] = {
        [MARK_ACTION] = STYLE_KEY, [MARK_ERROR] = STYLE_BAD, [MARK_REFUSED] = STYLE_WARN, [MARK_NOTE] = STYLE_GOOD};
    return styles[kind];
}

static int cell_of(int64_t ms, int64_t length, int width)
{
    /* lengths are bounded (source.c), so that this stays in range */
    return length > 0 ? (int)((clamp(ms, 0, length) * (width - 1) + length / 2) / length) : 0;
}

static void draw_bar(const struct player_view *v, struct grid *g, int row, int column, int width)
{
    int64_t length = timeline_length(v->facts->time);
    int here = cell_of(v->player->at_ms, length, width);
    grid_fill(g, row, column, 1, width, STYLE_DIM, "\xe2\x94\x80");              /* ─ */
    grid_fill(g, row, column, 1, here, STYLE_PLAIN, "\xe2\x94\x81");             /* ━ */
    for (size_t i = 0; i < v->facts->marks->count; i++) {
        const struct mark *mark = &v->facts->marks->items[i];
        grid_text(g, row, column + cell_of(mark->at_ms, length, width), 1, mark_style(mark->kind),
                  mark_sign(mark->kind));
    }
    if (v->player->mark != UINT64_MAX)
        grid_text(g, row, column + cell_of(timeline_offset(v->facts->time, v->player->mark), length, width), 1,
                  STYLE_WARN, "M");
    grid_text(g, row, column + here, 1, STYLE_BOLD, "\xe2\x97\x8f");             /* ● */
    for (int i = 0; i < width; i++)
        grid_hit(g, row, column + i, 1, 1, "@part", width > 1 ? i * 1000 / (width - 1) : 0);
}

/* What stays in sight on the right, from the edge inwards; gives where it begins. */
static int draw_right(const struct player_view *v, struct grid *g, int row)
{
    bool wide = g->columns >= 100, roam = v->player->roam;
    int column = g->columns - 1;
    char busy[16] = "";
    const char *hint = roam ? "R back  ? help" : "R roam  ? help";
    column -= (int)strlen(hint);
    grid_text(g, row, column, 20, STYLE_DIM, hint);
    const char *mode = roam ? " ROAM " : wide ? "operator's eye" : "eye";
    column -= (int)strlen(mode) + 2;
    grid_text(g, row, column, 20, roam ? STYLE_WRITE_MODE : STYLE_BOLD, mode);
    if (v->chain == CHAIN_BROKEN) {
        column -= 9;
        grid_text(g, row, column, 9, STYLE_BAD, "\xe2\x9c\x97 altered");
    }
    if (v->busy >= 0) {
        snprintf(busy, sizeof busy, "%d %%", v->busy);
        column -= (int)strlen(busy) + 2;
        grid_text(g, row, column, 8, STYLE_DIM, busy);
    }
    if (g->columns >= 120) {
        column -= 32;
        int at = column;
        for (int kind = 0; kind < MARK_KINDS; kind++) {
            at += grid_text(g, row, at, 1, mark_style((enum mark_kind)kind), mark_sign((enum mark_kind)kind));
            at += grid_printf(g, row, at, 9, STYLE_DIM, "%s ", mark_kind_name((enum mark_kind)kind));
        }
    }
    return column;
}

static void draw_line(const struct player_view *v, struct grid *g)
{
    const struct player *p = v->player;
    char now[HUMAN], end[HUMAN], speed[16];
    int row = g->rows - 1;
    grid_fill(g, row, 0, 1, g->columns, STYLE_PLAIN, " ");
    const char *told = p->notice[0] ? p->notice : p->position == 0 ? v->warning : "";
    int right = draw_right(v, g, row);
    snprintf(speed, sizeof speed, p->speed2 == 1 ? "0.5\xc3\x97" : "%d\xc3\x97", p->speed2 / 2);
    clock_of(v, p->at_ms, now);
    clock_of(v, timeline_length(v->facts->time), end);
    grid_text(g, row, 1, 1, STYLE_BOLD, p->playing ? "\xe2\x96\xb6" : "\xe2\x80\x96");   /* ▶ ‖ */
    grid_hit(g, row, 0, 1, 3, "@play", 0);
    int column = 3 + grid_text(g, row, 3, 5, STYLE_PLAIN, speed) + 1;
    column += grid_text(g, row, column, 10, STYLE_BOLD, now) + 1;
    int width = right - column - 12;
    if (*told && view_width(told) > right - column - 2) {      /* it has the line to itself */
        right = g->columns;
        grid_fill(g, row, column, 1, right - column, STYLE_PLAIN, " ");
    }
    if (*told)
        grid_text(g, row, column + 1, right - column - 2, p->notice[0] ? STYLE_WARN : STYLE_BAD, told);
    else if (width > 4) {
        draw_bar(v, g, row, column, width);
        grid_text(g, row, column + width + 1, 10, STYLE_DIM, end);
    }
}

/* ---- what is open ---- */

static const char *box_title(enum player_open open)
{
    static const char *const titles[] = {
        [OPEN_HELP] = "Replay: type to search, Enter runs",
        [OPEN_PALETTE] = "Replay: a moment (14:32, +10m, 50%, #812), speed 8, idle 5, or an action",
        [OPEN_MARKS] = "Marks: type to search, Enter goes there",
        [OPEN_SEARCH] = "Search in everything that was recorded",
        [OPEN_NOTE] = "Note about this moment",
        [OPEN_CHANGES] = "What changed",
    };
    return titles[open];
}

static void draw_field(const struct player_view *v, struct grid *g, int row, int column, int width)
{
    const char *shown = v->player->text;
    grid_fill(g, row, column, 1, width, STYLE_FIELD, " ");
    while (view_width(shown) > width - 1 && *shown)      /* what is typed last stays in sight */
        do
            shown++;
        while (((unsigned char)*shown & 0xc0) == 0x80);
    g->cursor_column = column + grid_text(g, row, column, width, STYLE_FIELD, shown);
    g->cursor_row = row;
}

static void draw_pick(const struct player_view *v, struct grid *g, int row, const struct box *b,
                      const struct player_pick *pick)
{
    int column = b->column + 2, width = b->columns - 4;
    char clock[HUMAN];
    if (pick->action) {
        bool here = pick->action->where & (v->player->roam ? WHILE_ROAM : WHILE_EYE);
        grid_text(g, row, column, 10, here ? STYLE_KEY : STYLE_DIM, pick->action->keys);
        grid_text(g, row, column + 14, width - 14, here ? STYLE_PLAIN : STYLE_DIM, pick->action->title);
        return;
    }
    clock_of(v, pick->mark->at_ms, clock);
    grid_text(g, row, column, 9, STYLE_DIM, clock);
    grid_text(g, row, column + 10, 1, mark_style(pick->mark->kind), mark_sign(pick->mark->kind));
    grid_text(g, row, column + 12, width - 12, STYLE_PLAIN, pick->mark->text);
}

static void draw_picks(const struct player_view *v, const struct view *on)
{
    struct player_pick picks[PLAYER_PICKS];
    const struct player *p = v->player;
    int count = (int)player_picks(p, v->facts, picks), rows = player_box_rows(p);
    struct box b = view_centred(on, rows + 3, 90);
    view_box(on, &b, STYLE_DIALOG, box_title(p->open));
    draw_field(v, on->g, b.row + 1, b.column + 2, b.columns - 4);
    for (int i = 0; i < rows && p->top + i < count; i++) {
        int row = b.row + 2 + i;
        draw_pick(v, on->g, row, &b, &picks[p->top + i]);
        if (p->top + i == p->selected)
            grid_restyle(on->g, row, b.column + 1, b.columns - 2, STYLE_SELECTED);
        grid_hit(on->g, row, b.column + 1, 1, b.columns - 2, "@pick", p->top + i);
    }
    if (!count)
        grid_text(on->g, b.row + 2, b.column + 2, b.columns - 4, STYLE_DIM,
                  p->open == OPEN_PALETTE ? "Enter goes there, if it is a moment."
                  : p->open == OPEN_MARKS ? "No mark holds that." : "Nothing is called that.");
    if (p->open == OPEN_HELP && p->roam)
        grid_text(on->g, b.row + b.rows - 1, b.column + 2, b.columns - 4, STYLE_DIM,
                  " and the console's own keys: 0-7, Enter, /, f, n, arrows, esc ");
}

static void draw_prompt(const struct player_view *v, const struct view *on)
{
    struct box b = view_centred(on, 3, 90);
    view_box(on, &b, STYLE_DIALOG, box_title(v->player->open));
    draw_field(v, on->g, b.row + 1, b.column + 2, b.columns - 4);
}

static void draw_changes(const struct player_view *v, const struct view *on)
{
    static const enum style styles[] = {[CHANGE_PLAIN] = STYLE_PLAIN, [CHANGE_TITLE] = STYLE_BOLD,
        [CHANGE_ADDED] = STYLE_ADDED, [CHANGE_REMOVED] = STYLE_REMOVED, [CHANGE_CHANGED] = STYLE_CHANGED};
    const struct player *p = v->player;
    int rows = player_box_rows(p), count = (int)v->changes->count;
    struct box b = view_centred(on, (count < rows ? count : rows) + 2, 110);
    view_box(on, &b, STYLE_DIALOG, box_title(p->open));
    for (int i = 0; i < rows && p->top + i < count; i++) {
        const struct change_line *line = &v->changes->items[p->top + i];
        grid_text(on->g, b.row + 1 + i, b.column + 2, b.columns - 4, styles[line->kind], line->text);
    }
    if (count > p->top + rows)
        grid_printf(on->g, b.row + b.rows - 1, b.column + 2, b.columns - 4, STYLE_DIM, " %d more: down ",
                    count - (int)p->top - rows);
}

void player_draw(const struct player_view *v, struct grid *g)
{
    grid_init(g, g->rows, g->columns);
    draw_console(v, g);
    if (!v->player->bare && g->rows > 1)
        draw_line(v, g);
    const struct view on = {.m = v->shown, .g = g};
    switch (v->player->open) {
    case OPEN_NOTHING: break;
    case OPEN_HELP:
    case OPEN_PALETTE:
    case OPEN_MARKS: draw_picks(v, &on); break;
    case OPEN_SEARCH:
    case OPEN_NOTE: draw_prompt(v, &on); break;
    case OPEN_CHANGES: draw_changes(v, &on); break;
    }
    if (v->ascii)
        view_ascii(g);
}
