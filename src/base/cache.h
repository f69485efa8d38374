/* cache - what could be worked out again, kept from one run to the next: small files in ${XDG_CACHE_HOME}/seedops.
 *
 * A key is the hash of everything that an entry's content depends on, so an entry is never out of date: it is found, or
 * it is another one's. What is not ours (another owner, open to others, a link), not whole or not of this key is as if
 * it were not there, and is written anew. Nothing in here is ever a reason to fail. */
#ifndef SEEDOPS_BASE_CACHE_H
#define SEEDOPS_BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

enum {
    CACHE_ENTRY_LIMIT = 1024 * 1024,          /* bytes of an entry */
    CACHE_LIMIT = 64 * 1024 * 1024            /* and of all of them: the ones not used for longest go */
};

/* ${XDG_CACHE_HOME:-~/.cache}/seedops. False without any. */
bool cache_dir(char *out, size_t size);
/* Into *payload (emptied first). dir NULL: there is no cache. */
bool cache_get(const char *dir, const char key[HASH_HEX], struct str *payload);
/* Makes the directory where it is not there. False: not kept. */
bool cache_put(const char *dir, const char key[HASH_HEX], const void *payload, size_t length);
/* The bytes of an entry's file; *payload borrows from them. Pure. */
bool cache_parse(const char *bytes, size_t length, const char key[HASH_HEX], const char **payload,
                 size_t *payload_length);
void cache_format(struct str *out, const char key[HASH_HEX], const void *payload, size_t length);

/* Reading what an entry holds: numbers as this machine has them, texts with their length. False where too little is
 * left, or it is no such thing. */
struct cache_reader { const char *at, *end; };
bool cache_read_bytes(struct cache_reader *reader, void *to, size_t length);
/* Borrows from the entry, which holds its NUL. */
bool cache_read_text(struct cache_reader *reader, const char **text, size_t *length);
void cache_add_text(struct str *out, const char *text);

#endif
