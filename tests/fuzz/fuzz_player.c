/* fuzz_player - any bytes as a recorded session, gone through as a reviewer would: the first byte of the input says
 * which keys, the rest is the journal. The hashes are not checked on this way, so what is broken gets deep. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "app/update.h"
#include "base/str.h"
#include "replay/changes.h"
#include "replay/marks.h"
#include "replay/player.h"
#include "replay/reel.h"
#include "replay/roam.h"
#include "replay/search.h"
#include "replay/source.h"
#include "replay/view_player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS_MOST = 200, LADDER = 1 << 20 };

static const char *const walks[][12] = {
    {".", ".", "R", "4", "enter", "R", "G", ",", "?", "R", "3", "enter"},
    {"G", "R", "2", "enter", ".", "7", "/", "a", "enter", "R", "'", "enter"},
    {"G", "R", "0", "enter", "1", "f", "a", "enter", "esc", "6", ",", ","},
    {"]", "]", "R", "4", "G", "enter", "f", "e", "enter", ",", "[", "."},
};

static void take(void *marks, const struct reel_step *step) { marks_take(marks, step); }

static void draw(const struct player *p, const struct session_facts *facts, const struct model *shown,
                 const struct change_lines *changes)
{
    struct grid g = {0};
    const struct player_view view = {.player = p, .facts = facts, .shown = shown, .changes = changes, .warning = "",
                                     .busy = -1};
    if (!model_sane(shown))
        abort();
    grid_init(&g, p->lines, p->columns);
    player_draw(&view, &g);
    for (int i = 0; i < g.rows * g.columns; i++)
        for (const char *c = g.cells[i].text; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                abort();
    grid_free(&g);
}

static void show(struct player *p, const struct session_facts *facts, struct reel *eye, struct roam *roam)
{
    const struct change_lines none = {0};
    reel_go(eye, p->position);
    if (p->roam) {
        if (!roam_in(roam))
            roam_enter(roam, reel_copy(eye), p->position, p->columns, player_screen_rows(p));
        draw(p, facts, roam_model(roam), &none);
        return;
    }
    struct model *shown = reel_copy(eye);
    roam_leave(roam);
    roam_fit(roam, shown, p->position, p->at_ms, p->columns, player_screen_rows(p));
    draw(p, facts, shown, &none);
    model_free(shown);
}

static void press(struct player *p, const struct session_facts *facts, struct reel *eye, struct roam *roam, const char *key)
{
    const struct player_action *action = player_key(p, key);
    uint64_t position = p->position;
    struct input *in = NULL;
    if (action)
        player_act(p, facts, action->name, 0);
    else if (p->roam && (in = keymap_key(roam_model(roam), key)) && !roam_input(roam, in))
        player_act(p, facts, "roam", 0);
    if (p->position != position && p->roam) {
        reel_go(eye, p->position);
        roam_enter(roam, reel_copy(eye), p->position, p->columns, player_screen_rows(p));
    }
    p->want = (struct player_want){0};
}

static void compare(struct source *source, struct reel *eye)
{
    struct change_lines lines;
    uint64_t end = source_timeline(source)->count;
    reel_go(eye, end / 2);
    struct model *from = reel_copy(eye);
    reel_go(eye, end);
    changes_make(&lines, source, from, end / 2, reel_model(eye), end);
    changes_free(&lines);
    model_free(from);
}

static void walk(struct source *source, const char *const *keys)
{
    struct marks marks = {0};
    struct search search = {0};
    struct player p;
    uint64_t found;
    struct reel *eye = reel_new(source, LADDER), *survey = reel_new(source, 0);
    struct roam *roam = roam_new(source);
    reel_watch(survey, take, &marks);
    reel_go(survey, source_timeline(source)->count);
    const struct session_facts facts = {.time = source_timeline(source), .marks = &marks,
                                        .started_ms = source_header(source)->started_ms};
    player_start(&p);
    show(&p, &facts, eye, roam);
    for (int i = 0; i < 12; i++) {
        press(&p, &facts, eye, roam, keys[i]);
        show(&p, &facts, eye, roam);
    }
    search_start(&search, "e", 0, false);
    search_work(&search, source, 1 << 20, &found);
    search_end(&search);
    compare(source, eye);
    roam_free(roam);
    reel_free(eye);
    reel_free(survey);
    marks_free(&marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source *source;
    struct err err = {0};
    if (!size || !source_bytes(&source, "f", (const char *)data + 1, size - 1, &err))
        return 0;
    if (source_timeline(source)->count <= INPUTS_MOST)
        walk(source, walks[data[0] % 4]);
    source_close(source);
    return 0;
}
