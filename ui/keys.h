/* keys - what a terminal sends, read as keys, mouse events and pastes. Pure: bytes and times in, names out.
 *
 * A lone ESC is a key only after KEYS_ESC_MS without a byte behind it; the caller sleeps until
 * keys_deadline. A paste, however long, is one event. */
#ifndef SEEDOPS_UI_KEYS_H
#define SEEDOPS_UI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYS_ESC_MS = 25, KEYS_NAME = 32, KEYS_PASTE_MAX = 1024 * 1024 };

enum key_kind { KEY_EVENT_KEY, KEY_EVENT_MOUSE, KEY_EVENT_PASTE };
struct key_event {
    enum key_kind kind;
    char name[KEYS_NAME];    /* as keymap_key names keys; a mouse event: click wheel-up wheel-down */
    int row, column;         /* mouse, from 0 */
    char *paste;             /* given: free(); NUL-terminated, newlines as \n */
};

struct keys;
struct keys *keys_new(void);
void keys_free(struct keys *keys);
/* A sequence that this terminal sends for a key (terminfo's); the usual ones are known without. */
void keys_define(struct keys *keys, const char *sequence, const char *name);
/* Hands over what was read; bytes are overwritten here once they are decoded, they may be a password's. */
void keys_feed(struct keys *keys, const char *bytes, size_t length, int64_t now_ms);
/* The next event, or false: nothing, or not yet. */
bool keys_next(struct keys *keys, int64_t now_ms, struct key_event *event);
/* When keys_next should be asked again without a new byte; -1: never. */
int64_t keys_deadline(const struct keys *keys);

#endif
