/* view_player - a moment of a session drawn: the console's own screen, the player's line below it, and what the
 * player has open above it. Pure. */
#ifndef SEEDOPS_REPLAY_VIEW_PLAYER_H
#define SEEDOPS_REPLAY_VIEW_PLAYER_H

#include "replay/changes.h"
#include "replay/player.h"
#include "ui.h"

struct player_view {
    const struct player *player;
    const struct session_facts *facts;
    const struct model *shown;            /* fitted to the size that is left (player_screen_rows) */
    const struct change_lines *changes;   /* what OPEN_CHANGES shows */
    const char *warning;                  /* about the journal, "" none: stands before notices */
    enum source_chain chain;
    int busy;                             /* percent of what is being worked on; -1: nothing */
    bool ascii;
};

/* Rows that the console's screen has. */
int player_screen_rows(const struct player *p);
/* Draws at the grid's size. */
void player_draw(const struct player_view *v, struct grid *grid);

#endif
