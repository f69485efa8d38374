/* player - time, and what is open. Pure: what it cannot do itself it wants (player_want). */
#include "replay/player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "app/util.h"
#include "base/text.h"

void player_start(struct player *p)
{
    *p = (struct player){.speed2 = 2, .idle_cut_ms = IDLE_CUT_MS, .mark = UINT64_MAX, .columns = 80, .lines = 24};
}

void player_say(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->notice, sizeof p->notice, format, args);
    va_end(args);
}

void player_size(struct player *p, int columns, int lines)
{
    p->columns = (int)clamp(columns, 1, SIZE_MOST);
    p->lines = (int)clamp(lines, 1, SIZE_MOST);
}

/* ---- going somewhere ---- */

void player_go(struct player *p, const struct session_facts *facts, uint64_t n)
{
    p->position = n < facts->time->count ? n : facts->time->count;
    p->at_ms = timeline_offset(facts->time, p->position);
    p->rest2 = 0;
}

void player_go_ms(struct player *p, const struct session_facts *facts, int64_t ms)
{
    p->at_ms = clamp(ms, 0, timeline_length(facts->time));
    p->position = timeline_at(facts->time, p->at_ms);
    p->rest2 = 0;
}

void player_found(struct player *p, const struct session_facts *facts, uint64_t n)
{
    if (n)
        player_go(p, facts, n);
    else
        player_say(p, "Nothing %s holds \"%s\".", p->want.backwards ? "before" : "after this", p->search);
    if (n)
        p->playing = false;
}

/* ---- time ---- */

/* Where the pause after the input that is shown may be left: its end is the next input. */
static int64_t pause_end(const struct player *p, const struct session_facts *facts)
{
    int64_t next = timeline_offset(facts->time, p->position + 1);
    int64_t last = timeline_offset(facts->time, p->position);
    return p->idle_cut_ms && next - last > p->idle_cut_ms ? last + p->idle_cut_ms : next;
}

void player_tick(struct player *p, const struct session_facts *facts, int64_t ms)
{
    if (!p->playing)
        return;
    p->rest2 += clamp(ms, 0, INT64_C(1) << 32) * p->speed2;
    int64_t left = p->rest2 / 2;
    p->rest2 %= 2;
    while (p->position < facts->time->count) {
        int64_t need = pause_end(p, facts) - p->at_ms;
        if (need > left)
            break;
        left -= need > 0 ? need : 0;
        p->position++;
        p->at_ms = timeline_offset(facts->time, p->position);
    }
    if (p->position < facts->time->count) {
        p->at_ms += left;
        return;
    }
    p->playing = false;
    player_say(p, "The end. g plays it again from the start.");
}

int64_t player_next(const struct player *p, const struct session_facts *facts)
{
    if (!p->playing || p->position >= facts->time->count)
        return p->playing ? 0 : -1;
    int64_t need = (pause_end(p, facts) - p->at_ms) * 2 - p->rest2;
    return need <= 0 ? 0 : (need + p->speed2 - 1) / p->speed2;
}

/* ---- words that say where to go ---- */

static int64_t unit_ms(const char *unit)
{
    static const struct { const char *unit; int64_t ms; } units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"", 1000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].unit, unit) == 0)
            return units[i].ms;
    return 0;
}

/* "+10m": from here; the sign is there already. */
static bool go_by(struct player *p, const struct session_facts *facts, const char *text)
{
    size_t digits = strspn(text + 1, "0123456789");
    if (digits < 1 || digits > 9 || !unit_ms(text + 1 + digits))
        return false;
    int64_t ms = strtoll(text + 1, NULL, 10) * unit_ms(text + 1 + digits);
    player_go_ms(p, facts, p->at_ms + (*text == '-' ? -ms : ms));
    return true;
}

/* A time of day, UTC: the first such moment of the session, or on its first day. */
static bool go_clock(struct player *p, const struct session_facts *facts, const char *text)
{
    enum { DAY = 86400000 };
    int hours, minutes, seconds = 0, used = 0;
    if (sscanf(text, "%2d:%2d%n:%2d%n", &hours, &minutes, &used, &seconds, &used) < 2 ||
        (text[used] && strcmp(text + used, "Z") != 0) || hours < 0 || hours > 23 || minutes < 0 ||
        minutes > 59 || seconds < 0 || seconds > 59)
        return false;
    int64_t of_day = (hours * 60 + minutes) * INT64_C(60000) + seconds * INT64_C(1000);
    int64_t start = facts->started_ms, offset = of_day - (start % DAY + DAY) % DAY;
    if (offset < 0 && offset + DAY <= timeline_length(facts->time))
        offset += DAY;
    player_go_ms(p, facts, offset);
    if (offset < 0 || offset > timeline_length(facts->time))
        player_say(p, "%s is %s this session.", text, offset < 0 ? "before" : "after");
    return true;
}

static bool go_percent(struct player *p, const struct session_facts *facts, const char *text)
{
    int percent, used = 0;
    if (sscanf(text, "%3d%%%n", &percent, &used) != 1 || !used || text[used] || percent < 0 || percent > 100)
        return false;
    player_go_ms(p, facts, timeline_length(facts->time) / 100 * percent +
                               timeline_length(facts->time) % 100 * percent / 100);
    return true;
}

static bool go_number(struct player *p, const struct session_facts *facts, const char *text)
{
    unsigned long long n;
    int used = 0;
    if (sscanf(text, "#%18llu%n", &n, &used) != 1 || !used || text[used])
        return false;
    player_go(p, facts, n);
    return true;
}

static bool set_speed(struct player *p, const char *text)
{
    double speed;
    int used = 0;
    if (sscanf(text, "speed %8lf%n", &speed, &used) != 1 || text[used] || !(speed >= 0.5 && speed <= 64))
        return false;
    for (p->speed2 = 1; p->speed2 * 2 <= (int)(speed * 2); p->speed2 *= 2)
        ;
    return true;
}

static bool set_idle(struct player *p, const char *text)
{
    int seconds, used = 0;
    if (strcmp(text, "idle off") == 0) {
        p->idle_cut_ms = 0;
        return true;
    }
    if (sscanf(text, "idle %6d%n", &seconds, &used) != 1 || text[used] || seconds < 0)
        return false;
    p->idle_cut_ms = seconds * INT64_C(1000);
    return true;
}

bool player_command(struct player *p, const struct session_facts *facts, const char *text)
{
    if (set_speed(p, text) || set_idle(p, text))
        return true;
    if (strncmp(text, "at ", 3) == 0)
        text += 3;
    if (strcmp(text, "start") == 0)
        player_go(p, facts, 0);
    else if (strcmp(text, "end") == 0)
        player_go(p, facts, facts->time->count);
    else
        return (*text == '+' || *text == '-' ? go_by(p, facts, text) : false) || go_percent(p, facts, text) ||
               go_number(p, facts, text) || go_clock(p, facts, text);
    return true;
}

/* ---- typing ---- */

bool player_takes_text(const struct player *p) { return p->open != OPEN_NOTHING && p->open != OPEN_CHANGES; }

void player_type(struct player *p, const char *text)
{
    if (!player_takes_text(p))
        return;
    size_t length = strlen(p->text);
    for (; *text && length + 1 < sizeof p->text; text++)
        if ((unsigned char)*text >= 0x20 && *text != 0x7f)
            p->text[length++] = *text;
    p->text[length] = '\0';
    size_t whole;
    if (!text_valid(p->text, length, &whole))    /* a character that had no room left */
        p->text[whole] = '\0';
    p->selected = p->top = 0;
}
