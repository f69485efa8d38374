/* hash - SHA-256 by libsodium. */
#include "base/hash.h"

#include <md5.h>
#include <stdint.h>
#include <string.h>

void hash_init(struct hash *h) { crypto_hash_sha256_init(&h->state); }

void hash_add(struct hash *h, const void *bytes, size_t length)
{
    crypto_hash_sha256_update(&h->state, bytes, length);
}

void hash_add_field(struct hash *h, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;
    hash_add(h, &length, sizeof length);
    if (text)
        hash_add(h, text, strlen(text));
}

void hash_hex(struct hash *h, char hex[HASH_HEX])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&h->state, digest);
    sodium_bin2hex(hex, HASH_HEX, digest, sizeof digest);
}

void hash_hex_of(const void *bytes, size_t length, char hex[HASH_HEX])
{
    struct hash h;
    hash_init(&h);
    hash_add(&h, bytes, length);
    hash_hex(&h, hex);
}

void hash_md5_hex_of(const void *bytes, size_t length, char hex[33])
{
    MD5Data(bytes, length, hex);
}
