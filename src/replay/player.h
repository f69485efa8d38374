/* player - the player's own state, as a struct that a pure update changes: where in the session it is, whether
 * and how fast it plays, what is open, and whose eye looks. It never touches the model it shows.
 *
 * Keys come through a table of actions of its own (player_actions.c), from which help, palette and the
 * manual are made. None of them can do anything to a database: there is none here. */
#ifndef SEEDOPS_REPLAY_PLAYER_H
#define SEEDOPS_REPLAY_PLAYER_H

#include "replay/marks.h"
#include "replay/source.h"

enum {
    PLAYER_TEXT = 400,
    IDLE_CUT_MS = 2000,              /* of a pause is played before the rest is stepped over */
    NOTE_MOST = PLAYER_TEXT
};

enum player_open {
    OPEN_NOTHING,
    OPEN_HELP, OPEN_PALETTE,         /* a list to pick from and a line to type in */
    OPEN_MARKS,
    OPEN_SEARCH, OPEN_NOTE,          /* a line */
    OPEN_CHANGES                     /* text to read: lines come from elsewhere */
};

/* What update may want done outside; the caller does it and clears it. */
struct player_want {
    bool search, backwards;          /* the next input that holds player.search: answered by player_found */
    bool note;                       /* keep player.text as a note at this position */
    bool compare;                    /* what changed between player.mark and here, into lines */
    bool quit, repaint, suspend;
};

struct player {
    uint64_t position;               /* inputs that are shown; 0: before the first */
    int64_t at_ms;                   /* the moment that is shown, at or after that input */
    bool playing, roam, bare;        /* bare: no line of the player on the screen */
    int speed2;                      /* twice the speed: 1 is half, 128 is 64 times */
    int64_t idle_cut_ms;             /* 0: pauses are played in full */
    int64_t rest2;                   /* of a tick, in halves of a millisecond */
    enum player_open open;
    char text[PLAYER_TEXT];          /* typed into what is open */
    char search[PLAYER_TEXT];
    int64_t selected, top, rows;     /* of what is open; rows: how many lines it has */
    uint64_t mark;                   /* where `c` compares from; UINT64_MAX: not set */
    char notice[PLAYER_TEXT];
    int columns, lines;              /* of the reviewer's terminal */
    struct player_want want;
};

/* What the player knows of the session; borrowed for the call. */
struct session_facts {
    const struct timeline *time;
    const struct marks *marks;
    int64_t started_ms;              /* wall clock of offset 0 */
};

struct player_action {
    const char *name, *title, *keys;
    unsigned where;                  /* WHILE_* */
    void (*run)(struct player *p, const struct session_facts *facts, int64_t number);
};
enum { WHILE_EYE = 1, WHILE_ROAM = 2, WHILE_PICK = 4, WHILE_LINE = 8, WHILE_READ = 16,
       WHILE_SHOWING = WHILE_EYE | WHILE_ROAM };

extern const struct player_action player_actions[];   /* in the order of help */
extern const int player_action_count;
const struct player_action *player_action_find(const char *name);
unsigned player_context(const struct player *p);
/* The action that a key means now; NULL: none of the player's. */
const struct player_action *player_key(const struct player *p, const char *key);
/* True while typed characters go into what is open. */
bool player_takes_text(const struct player *p);

void player_start(struct player *p);
/* Runs an action by name; one that does not work now does nothing. */
void player_act(struct player *p, const struct session_facts *facts, const char *action, int64_t number);
void player_type(struct player *p, const char *text);
void player_size(struct player *p, int columns, int lines);
/* `ms` of real time have gone by. */
void player_tick(struct player *p, const struct session_facts *facts, int64_t ms);
/* Real milliseconds until the next input is due; -1: nothing will move by itself. */
int64_t player_next(const struct player *p, const struct session_facts *facts);
/* The answer to want.search: input n (0: no other holds it). */
void player_found(struct player *p, const struct session_facts *facts, uint64_t n);
void player_say(struct player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* To input n, at its moment; to a moment. */
void player_go(struct player *p, const struct session_facts *facts, uint64_t n);
void player_go_ms(struct player *p, const struct session_facts *facts, int64_t ms);
/* "14:32", "14:32:05" (UTC), "+10m", "-30s", "50%", "#812", "start", "end", with or without "at " in front;
 * "speed 4", "idle 5". False: it is none of these. */
bool player_command(struct player *p, const struct session_facts *facts, const char *text);

/* What the open list offers: player actions (help, palette) or marks, best first. */
struct player_pick { const struct player_action *action; const struct mark *mark; };
enum { PLAYER_PICKS = 512 };
size_t player_picks(const struct player *p, const struct session_facts *facts,
                    struct player_pick picks[PLAYER_PICKS]);
/* Lines that the open box has room for. */
int player_box_rows(const struct player *p);

#endif
