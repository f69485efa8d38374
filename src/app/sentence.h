/* sentence - the first line of the Overview: what is wrong, why we think so, and what to do. Pure. */
#ifndef SEEDOPS_APP_SENTENCE_H
#define SEEDOPS_APP_SENTENCE_H

#include "app/model.h"

enum sentence_mood { MOOD_GOOD, MOOD_WAIT, MOOD_WARN, MOOD_BAD };

struct sentence {
    enum sentence_mood mood;
    char word[20];        /* "EMPTY": state is never colour alone */
    char text[768];       /* the sentence, then whatever else there is to say */
    char next[768];       /* what to do; "" nothing */
};

struct sentence_input {
    const struct facts *facts;
    const char *environment;
    bool write_mode;
    bool command;         /* told by a command: what to type instead of keys */
    int64_t wall_ms;      /* now, so that times of today need no date; 0 unknown */
};

void sentence_make(const struct sentence_input *in, struct sentence *out);

#endif
