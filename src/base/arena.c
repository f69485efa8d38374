/* arena - bump allocation in blocks that double up to 256 KiB. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024 };

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size = (size + align - 1) / align * align;
    if (size == 0)
        size = align;
    if (!a->blocks || a->size - a->used < size) {
        size_t want = a->size ? a->size * 2 : FIRST_BLOCK;
        if (want > LARGEST_BLOCK)
            want = LARGEST_BLOCK;
        if (want < size)
            want = size;
        struct arena_block *b = xmalloc(sizeof *b + want);
        b->next = a->blocks;
        a->blocks = b;
        a->size = want;
        a->used = 0;
    }
    void *p = (char *)a->blocks->data + a->used;
    a->used += size;
    return memset(p, 0, size);
}

char *arena_strndup(struct arena *a, const char *text, size_t length)
{
    char *copy = arena_alloc(a, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        err_abort("arena_printf: bad format");
    char *text = arena_alloc(a, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(struct arena *a, const void *old, size_t count, size_t capacity, size_t size)
{
    void *bigger = arena_alloc(a, capacity * size);
    if (count)
        memcpy(bigger, old, count * size);
    return bigger;
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    if (!a->blocks)
        return;
    struct arena newest = {.blocks = a->blocks->next};
    arena_free(&newest);
    a->blocks->next = NULL;
    a->used = 0;
}
