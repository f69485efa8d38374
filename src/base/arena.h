/* arena - memory for things that live and die together (a loaded fixture set, a catalogue, a frame).
 * Allocation cannot fail (err_abort); everything goes at once with arena_free. Not for threads to share. */
#ifndef SEEDOPS_BASE_ARENA_H
#define SEEDOPS_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used, size;   /* of the newest block */
};

/* A zeroed struct is an empty arena. */
void *arena_alloc(struct arena *a, size_t size);        /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *text);  /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *text, size_t length);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A copy of `count` old elements with room for `capacity`; for arrays that grow (old memory is not reused). */
void *arena_grow(struct arena *a, const void *old, size_t count, size_t capacity, size_t size);
void arena_free(struct arena *a);
void arena_reset(struct arena *a);   /* empties, but keeps one block: for loops */

#endif
