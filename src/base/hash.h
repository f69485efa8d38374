/* hash - SHA-256 (libsodium) and MD5 (libmd): migration checksums, plan and fixture digests, the journal's chain. */
#ifndef SEEDOPS_BASE_HASH_H
#define SEEDOPS_BASE_HASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>

enum { HASH_HEX = 65 };   /* 64 hexadecimal digits and the NUL */

struct hash { crypto_hash_sha256_state state; };

void hash_init(struct hash *h);
void hash_add(struct hash *h, const void *bytes, size_t length);
/* Adds a length-prefixed field, so that ("ab","c") and ("a","bc") differ. NULL differs from "". */
void hash_add_field(struct hash *h, const char *text);
void hash_hex(struct hash *h, char hex[HASH_HEX]);        /* ends the hash */

/* A field of a hash that is too long for SHA-256: BLAKE2b, which takes a third of the time. */
struct hash_bulk { crypto_generichash_state state; };
void hash_bulk_init(struct hash_bulk *b);
void hash_bulk_add(struct hash_bulk *b, const void *bytes, size_t length);
void hash_bulk_end(struct hash_bulk *b, struct hash *into);

/* What a file holds, from an open descriptor by offset: BLAKE2b of pieces, two at a time, as a field. False: it cannot be
 * read, it is not of that size, or *stop (may be NULL) was set. */
bool hash_add_file(struct hash *h, int fd, uint64_t size, const atomic_bool *stop);

void hash_hex_of(const void *bytes, size_t length, char hex[HASH_HEX]);

/* MD5 (libmd; libsodium has none), for ledgers whose runner noted it. Not for security. */
void hash_md5_hex_of(const void *bytes, size_t length, char hex[33]);

/* HMAC-SHA-1 (libmd), for the hashed names of known_hosts. */
enum { HASH_SHA1 = 20 };
void hash_hmac_sha1(const void *key, size_t key_length, const void *bytes, size_t length,
                    unsigned char mac[HASH_SHA1]);

#endif
