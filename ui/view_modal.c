/* view_modal - what is open above the screen: help, palette, menu, and the dialogs. */
#include "view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dialog.h"
#include "app/human.h"
#include "app/request.h"
#include "app/util.h"
#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

void view_box(const struct view *v, const struct box *b, enum style style, const char *title)
{
    int right = b->column + b->columns - 1, bottom = b->row + b->rows - 1;
    grid_fill(v->g, b->row, b->column, b->rows, b->columns, STYLE_DIALOG, " ");
    grid_fill(v->g, b->row, b->column, 1, b->columns, style, "\xe2\x94\x80");
    grid_fill(v->g, bottom, b->column, 1, b->columns, style, "\xe2\x94\x80");
    grid_fill(v->g, b->row, b->column, b->rows, 1, style, "\xe2\x94\x82");
    grid_fill(v->g, b->row, right, b->rows, 1, style, "\xe2\x94\x82");
    grid_text(v->g, b->row, b->column, 1, style, "\xe2\x94\x8c");
    grid_text(v->g, b->row, right, 1, style, "\xe2\x94\x90");
    grid_text(v->g, bottom, b->column, 1, style, "\xe2\x94\x94");
    grid_text(v->g, bottom, right, 1, style, "\xe2\x94\x98");
    grid_text(v->g, b->row, b->column + 1, 1, style, " ");
    int used = grid_text(v->g, b->row, b->column + 2, b->columns - 5, STYLE_TITLE, title);
    grid_text(v->g, b->row, b->column + 2 + used, 1, style, " ");
    grid_hit(v->g, b->row, b->column, b->rows, b->columns, "", 0);   /* clicks do not fall through */
}

struct box view_centred(const struct view *v, int rows, int columns)
{
    struct box b = {.rows = rows < v->g->rows ? rows : v->g->rows,
                    .columns = columns < v->g->columns - 2 ? columns : v->g->columns - 2};
    b.row = (v->g->rows - b.rows) / 2;
    b.column = (v->g->columns - b.columns) / 2;
    return b;
}

/* ---- picking lists ---- */

static void first_key(const struct action *action, char out[16])
{
    snprintf(out, 16, "%.*s", (int)strcspn(action->keys, " "), action->keys);
}

static void draw_pick(const struct view *v, const struct box *b, int row, const struct pick *pick,
                      bool selected)
{
    bool menu = v->m->modal.kind == MODAL_MENU;
    int column = b->column + 2, width = b->columns - 4;
    char key[16] = "";
    if (!pick->action) {
        grid_printf(v->g, row, column + 11, width - 11, STYLE_PLAIN, "Open environment %s",
                    pick->environment);
    } else {
        const struct action *a = pick->action;
        bool here = a->where & 1u << v->m->screen;
        enum style style = here && !action_refused(v->m, a, NULL) ? STYLE_PLAIN : STYLE_DIM;
        if (menu)
            snprintf(key, sizeof key, "%s", a->menu_key);
        else if (*a->keys)
            first_key(a, key);
        else
            snprintf(key, sizeof key, "x %s", or_empty(a->menu_key));
        grid_text(v->g, row, column, 10, style == STYLE_DIM ? STYLE_DIM : STYLE_KEY, key);
        /* in a menu the consequence says what the second half of a title does */
        int title = menu ? (int)strcspn(a->title, ":") : (int)strlen(a->title);
        grid_printf(v->g, row, column + (menu ? 4 : 11), width - (menu ? 4 : 11), style, "%.*s%s", title,
                    a->title, a->needs & DESTRUCTIVE ? " \xe2\x9a\xa0" : "");
        if (menu && width > 60) {
            grid_fill(v->g, row, column + 38, 1, width - 38, STYLE_DIALOG, " ");
            grid_text(v->g, row, column + 39, width - 39, STYLE_DIM, a->consequence);
        }
    }
    if (selected)
        grid_restyle(v->g, row, b->column + 1, b->columns - 2, STYLE_SELECTED);
}

static const char *list_title(const struct model *m)
{
    return m->modal.kind == MODAL_HELP ? "Help: type to search, Enter runs"
         : m->modal.kind == MODAL_PALETTE ? "Commands" : "Actions";
}

static void draw_field(const struct view *v, int row, int column, int width, const char *text, bool focus)
{
    grid_fill(v->g, row, column, 1, width, STYLE_FIELD, " ");
    const char *shown = or_empty(text);
    while (view_width(shown) > width - 1 && *shown)   /* what is typed last stays in sight */
        shown++;
    int used = grid_text(v->g, row, column, width, STYLE_FIELD, shown);
    if (focus) {
        v->g->cursor_row = row;
        v->g->cursor_column = column + used;
    }
}

/* Below the list: why the chosen action cannot run now, or what it will do. */
static void draw_about(const struct view *v, const struct box *b, const struct pick *pick)
{
    struct str why = {0};
    int row = b->row + b->rows - 2, width = b->columns - 4;
    if (pick->action && action_refused(v->m, pick->action, &why))
        grid_text(v->g, row, b->column + 2, width, STYLE_WARN, str_text(&why));
    else if (pick->action)
        grid_text(v->g, row, b->column + 2, width, STYLE_DIM, pick->action->consequence);
    str_free(&why);
}

static void draw_list(const struct view *v)
{
    struct pick picks[PICKS_MOST];
    const struct modal *d = &v->m->modal;
    int count = (int)picks_make(v->m, picks), most = layout_pick_rows(v->m);
    bool typed = d->kind != MODAL_MENU;
    int rows = d->kind == MODAL_MENU && count < most ? count : most;
    struct box b = view_centred(v, rows + 3 + typed, d->kind == MODAL_MENU ? 96 : 78);
    view_box(v, &b, STYLE_DIALOG, list_title(v->m));
    if (typed)
        draw_field(v, b.row + 1, b.column + 2, b.columns - 4, d->text, true);
    for (int i = 0; i < rows && d->top + i < count; i++) {
        int row = b.row + 1 + typed + i;
        draw_pick(v, &b, row, &picks[d->top + i], d->top + i == d->selected);
        grid_hit(v->g, row, b.column + 1, 1, b.columns - 2, "select", d->top + i);
    }
    if (count == 0)
        grid_text(v->g, b.row + 1 + typed, b.column + 2, b.columns - 4, STYLE_DIM, "Nothing is called that.");
    else if (d->selected < count)
        draw_about(v, &b, &picks[d->selected]);
}

/* ---- dialogs ---- */

enum { LINES_MOST = 40, STEPS_MOST = 14 };

/* What a dialog says, line by line, so that its box is as high as what it holds. */
struct lines {
    char *text[LINES_MOST];
    enum style style[LINES_MOST];
    int count, width, steps;     /* steps: how many of a plan there is room for */
};

static void lines_free(struct lines *lines)
{
    for (int i = 0; i < lines->count; i++)
        free(lines->text[i]);
}

/* Wraps into the box. A text with a newline of its own goes on in the next line. */
static void say(struct lines *lines, enum style style, const char *text)
{
    text = or_empty(text);
    while (*text && lines->count < LINES_MOST) {
        size_t skip, length = view_line(text, lines->width, &skip);
        lines->style[lines->count] = style;
        lines->text[lines->count++] = xstrndup(text, length);
        text += length;
        text += *text ? skip : 0;
    }
}

static void say_blank(struct lines *lines)
{
    if (lines->count < LINES_MOST) {
        lines->style[lines->count] = STYLE_DIALOG;
        lines->text[lines->count++] = xstrdup("");
    }
}

/* One line whatever is in it: foreign names cannot make lines of their own. */
static void sayf(struct lines *lines, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void sayf(struct lines *lines, enum style style, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (lines->count < LINES_MOST) {
        lines->style[lines->count] = style;
        lines->text[lines->count++] = xstrdup(line);
    }
}

static void say_step(struct lines *lines, const struct fact_step *step)
{
    char count[HUMAN] = "";
    if (step->rows < 0) {
        sayf(lines, step->danger ? STYLE_WARN : STYLE_PLAIN, "%s%-7s %s  %s", step->danger ? "\xe2\x9a\xa0 " : "  ",
             or_empty(step->action), or_empty(step->object), or_empty(step->detail));
        return;
    }
    human_count(count, step->rows);
    sayf(lines, step->danger ? STYLE_WARN : STYLE_PLAIN, "%s%-8s %7s %s %-22s %s",
         step->danger ? "\xe2\x9a\xa0 " : "  ", or_empty(step->action), count,
         step->rows == 1 ? "row " : "rows",
         or_empty(step->object), or_empty(step->detail));
}

/* The dangerous ones first: they are not what a small screen leaves out. */
static void say_steps(struct lines *lines, const struct modal *d)
{
    char rows[HUMAN];
    int said = 0, by_hand = 0;
    for (int danger = 1; danger >= 0; danger--)
        for (size_t i = 0; i < d->step_count; i++) {
            bool ours = !text_same(d->steps[i].action, "by hand");
            by_hand += !ours && !danger;
            if (ours && d->steps[i].danger == danger && said++ < lines->steps)
                say_step(lines, &d->steps[i]);
        }
    if (said > lines->steps)
        sayf(lines, STYLE_DIM, "  \xe2\x80\xa6 and %d more", said - lines->steps);
    if (by_hand)
        sayf(lines, STYLE_DIM, "In the log (7): %d line%s for a shell on the server, or someone with more rights",
             by_hand, by_hand == 1 ? "" : "s");
    if (!text_same(d->action, "seed"))
        return;
    sayf(lines, STYLE_PLAIN, "%s row%s in one transaction: all of it or nothing.", human_count(rows, d->rows),
         d->rows == 1 ? "" : "s");
}

static void say_pending(struct lines *lines, const struct model *m, const char *only)
{
    const struct screen_migrations *s = &m->migrations;
    int pending = 0;
    for (size_t i = 0; i < s->item_count; i++) {
        const struct fact_migration *item = &s->items[i];
        if (!text_same(item->state, "pending") || (!text_is_empty(only) && !text_same(item->name, only)))
            continue;
        if (pending++ >= lines->steps)
            continue;
        sayf(lines, STYLE_PLAIN, "  %s%s", or_empty(item->name),
             item->transactional ? "" : "   (not in one transaction)");
        for (size_t n = 0; n < item->risk_count && n < 3; n++)
            sayf(lines, STYLE_WARN, "    \xe2\x9a\xa0 cannot be undone: %s", or_empty(item->risks[n].text));
    }
    if (pending > lines->steps)
        sayf(lines, STYLE_DIM, "  \xe2\x80\xa6 and %d more", pending - lines->steps);
    if (!s->loaded)
        sayf(lines, STYLE_PLAIN, "%lld pending; their names are being read \xe2\x80\xa6",
             (long long)m->facts.ledger.pending);
}

/* "7301…552": enough to tell two clusters apart, and to read aloud. */
static void say_target(struct lines *lines, const struct model *m)
{
    const char *identity = or_empty(m->facts.server.system_identifier), *digest = or_empty(m->modal.digest);
    size_t length = strlen(identity);
    sayf(lines, STYLE_DIM, "On %s", or_empty(m->facts.server.target));
    char line[96] = "";
    if (length > 10)
        snprintf(line, sizeof line, "identity %.4s\xe2\x80\xa6%s", identity, identity + length - 3);
    else if (length)
        snprintf(line, sizeof line, "identity %s", identity);
    if (strlen(digest) >= 8)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%splan %.4s-%.4s", length ? "   " : "",
                 digest, digest + 4);
    sayf(lines, STYLE_DIM, "%s", line);
}

/* SAFETY 4: an INSERT of the same key prunes what the deleted rows left behind. */
static void say_held(struct lines *lines, const struct facts *f)
{
    int held = 0;
    for (size_t i = 0; i < f->table_count; i++)
        held += f->tables[i].held && f->tables[i].fixture_rows >= 0;
    if (held)
        sayf(lines, STYLE_HELD,
             "\xe2\x9a\xa0 %d table%s held: writing ends what deleted rows could be read back from.", held,
             held == 1 ? " is" : "s are");
}

static void say_confirm(struct lines *lines, const struct model *m)
{
    const struct modal *d = &m->modal;
    say(lines, STYLE_WARN, d->why);
    say(lines, STYLE_PLAIN, d->body);
    if (d->request)
        say(lines, STYLE_BOLD, "Making the plan \xe2\x80\xa6");
    else if (d->step_count)
        say_steps(lines, d);
    if (text_same(d->action, "seed"))
        say_held(lines, &m->facts);
    if (text_same(d->action, "migrate-all") || text_same(d->action, "migrate-one"))
        say_pending(lines, m, d->target);
    if (!text_same(d->action, "quit"))
        say_target(lines, m);
}

static void say_error(struct lines *lines, const struct modal *d)
{
    say(lines, STYLE_BAD, d->body);
    say(lines, STYLE_PLAIN, d->why);
    say(lines, STYLE_DIM, d->place);
    if (!text_is_empty(d->hint)) {
        say_blank(lines);
        say(lines, STYLE_BOLD, d->hint);
    }
}

/* Bytes that both texts begin with, back to where a character begins. */
static size_t common_start(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] && a[i] == b[i])
        i++;
    while (i > 0 && ((unsigned char)a[i] & 0xc0) == 0x80)
        i--;
    return i;
}

enum { LEAD = 60, VALUE_MOST = 600 };   /* bytes shown before the first difference, and of a value in all */

static void say_value_part(struct lines *lines, const char *label, const char *text, size_t from)
{
    sayf(lines, STYLE_BOLD, "%s", label);
    if (!text) {
        say(lines, STYLE_DIM, "no value");
        return;
    }
    size_t length = strlen(text), start = from < length ? from : length;
    while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80)
        start--;
    struct str part = {0}, shown = {0};
    size_t end = length - start < VALUE_MOST ? length : start + VALUE_MOST;
    while (end < length && end > start && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    str_add_bytes(&part, text + start, end - start);
    text_visible(&shown, str_text(&part), part.length);
    if (start)
        sayf(lines, STYLE_DIM, "\xe2\x80\xa6 from byte %zu of %zu", start + 1, length);
    say(lines, STYLE_PLAIN, str_text(&shown));
    if (end < length)
        say(lines, STYLE_DIM, "\xe2\x80\xa6");
    str_free(&part);
    str_free(&shown);
}

/* Long values are shown from shortly before where they part. */
static void say_value(struct lines *lines, const struct modal *d)
{
    size_t same = common_start(or_empty(d->body), or_empty(d->why)), from = same > LEAD ? same - LEAD : 0;
    bool both = d->body && d->why;
    say_value_part(lines, "fixture", d->body, both ? from : 0);
    say_value_part(lines, "live", d->why, both ? from : 0);
    if (both)
        sayf(lines, STYLE_DIM, "the first difference is at byte %zu", same + 1);
    if (!text_is_empty(d->place))
        sayf(lines, STYLE_DIM, "declared at %s", d->place);
}

/* From the line on that the arrows moved to. */
static void say_details(struct lines *lines, const struct modal *d)
{
    const char *at = or_empty(d->body);
    for (int64_t i = 0; i < d->top && strchr(at, '\n'); i++)
        at = strchr(at, '\n') + 1;
    if (d->top > 0)
        sayf(lines, STYLE_DIM, "\xe2\x80\xa6 %lld line%s above", (long long)d->top, d->top == 1 ? "" : "s");
    say(lines, STYLE_PLAIN, at);
}

static bool only_closes(const struct modal *d)
{
    return d->kind == MODAL_ERROR || d->kind == MODAL_VALUE || d->kind == MODAL_DETAILS;
}

/* "[ Seed ]": the button's word is the action's first. */
static const char *go_word(const struct modal *d)
{
    static const struct { const char *action, *word; } words[] = {
        {"seed", "Seed"}, {"carry-out", "Carry out"}, {"restore", "Restore"}, {"preserve", "Preserve"}, {"preserve-undo", "Undo"}, {"migrate-all", "Apply"}, {"migrate-one", "Apply"}, {"write-mode", "Write mode"},
        {"trust-identity", "Accept"}, {"write-mark", "Mark"},
        {"scan", "Scan"}, {"terminate", "Terminate"}, {"cancel-backend", "Cancel statement"}, {"quit", "Leave"},
        {"resolve-applied", "Mark"}, {"resolve-rolled-back", "Mark"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_same(words[i].action, d->action))
            return words[i].word;
    return only_closes(d) ? "Close" : "Yes";
}

static int draw_button(const struct view *v, int row, int right, const char *word, bool focus,
                       enum focus which)
{
    char text[40];
    snprintf(text, sizeof text, focus ? "[ %s ]" : "  %s  ", word);
    int width = view_width(text), column = right - width;
    grid_text(v->g, row, column, width, focus ? STYLE_BUTTON_FOCUS : STYLE_BUTTON, text);
    grid_hit(v->g, row, column, 1, width, "press", which);
    return column - 1;
}

static void draw_buttons(const struct view *v, const struct box *b, int row)
{
    const struct modal *d = &v->m->modal;
    int right = b->column + b->columns - 2;
    right = draw_button(v, row, right, go_word(d), d->focus == FOCUS_GO, FOCUS_GO);
    if (!only_closes(d))
        draw_button(v, row, right, text_same(d->action, "cancel-backend") ? "Leave it" : "Cancel",
                    d->focus == FOCUS_CANCEL, FOCUS_CANCEL);
}

static void draw_prompt_line(const struct view *v, const struct box *b, int row, const char *expect, const char *text,
                             bool focus)
{
    int column = b->column + 2;
    column += grid_printf(v->g, row, column, (b->columns - 4) * 2 / 3, STYLE_PLAIN, "Type \"%s\" to confirm", expect) + 2;
    draw_field(v, row, column, b->column + b->columns - 2 - column, text, focus);
}

static void draw_typed(const struct view *v, const struct box *b, int row)
{
    const struct modal *d = &v->m->modal;
    int column = b->column + 2;
    if (d->secret) {
        char stars[64] = "";
        for (int i = 0; i < d->secret_length && i < 40; i++)
            strcat(stars, "*");
        column += grid_text(v->g, row, column, 20, STYLE_PLAIN, "Not recorded") + 2;
        draw_field(v, row, column, b->column + b->columns - 2 - column, stars, d->focus == FOCUS_FIELD);
        return;
    }
    if (!text_is_empty(d->expect_second))
        draw_prompt_line(v, b, row--, d->expect_second, d->second, d->focus == FOCUS_SECOND);
    draw_prompt_line(v, b, row, d->expect, d->text, d->focus == FOCUS_FIELD);
}

static void draw_dialog(const struct view *v)
{
    const struct modal *d = &v->m->modal;
    bool field = dialog_has_field(v->m);
    int typed = field ? 2 + !text_is_empty(d->expect_second) : 0;
    int columns = v->g->columns - 4 < 84 ? v->g->columns - 4 : 84;
    struct lines lines = {.width = columns - 4,
                          .steps = (int)clamp(v->g->rows - 10 - typed, 1, STEPS_MOST)};
    if (d->kind == MODAL_CONFIRM)
        say_confirm(&lines, v->m);
    else if (d->kind == MODAL_ERROR)
        say_error(&lines, d);
    else if (d->kind == MODAL_VALUE)
        say_value(&lines, d);
    else if (d->kind == MODAL_DETAILS)
        say_details(&lines, d);
    else
        say(&lines, STYLE_PLAIN, d->body);
    struct box b = view_centred(v, lines.count + 4 + typed, columns);
    int last = b.row + b.rows - 2, end = last - 1 - typed;
    view_box(v, &b, d->danger || d->kind == MODAL_ERROR ? STYLE_BAD : STYLE_DIALOG, d->title);
    for (int i = 0; i < lines.count && b.row + 1 + i <= end; i++) {
        bool cut = b.row + 1 + i == end && i + 1 < lines.count; /* the box is full: say that there is more */
        grid_text(v->g, b.row + 1 + i, b.column + 2, lines.width, lines.style[i],
                  cut ? "\xe2\x80\xa6" : lines.text[i]);
    }
    if (field)
        draw_typed(v, &b, last - 2);
    draw_buttons(v, &b, last);
    lines_free(&lines);
}

void view_modal(const struct view *v)
{
    switch (v->m->modal.kind) {
    case MODAL_HELP:
    case MODAL_PALETTE:
    case MODAL_MENU: draw_list(v); break;
    case MODAL_CONFIRM:
    case MODAL_QUESTION:
    case MODAL_ERROR:
    case MODAL_VALUE:
    case MODAL_DETAILS: draw_dialog(v); break;
    default: break;
    }
}
