/* hash - SHA-256 and BLAKE2b by libsodium, MD5 by libmd. */
#include "base/hash.h"

#include <md5.h>
#include <sha1.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

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

void hash_bulk_init(struct hash_bulk *b)
{
    if (sodium_init() < 0)   /* without it the slowest of its implementations is at work */
        err_abort("libsodium cannot be initialised");
    crypto_generichash_init(&b->state, NULL, 0, crypto_generichash_BYTES);
}

void hash_bulk_add(struct hash_bulk *b, const void *bytes, size_t length)
{
    crypto_generichash_update(&b->state, bytes, length);
}

void hash_bulk_end(struct hash_bulk *b, struct hash *into)
{
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash_final(&b->state, digest, sizeof digest);
    hash_add(into, digest, sizeof digest);
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

void hash_hmac_sha1(const void *key, size_t key_length, const void *bytes, size_t length,
                    unsigned char mac[HASH_SHA1])
{
    unsigned char inner[SHA1_BLOCK_LENGTH] = {0}, outer[SHA1_BLOCK_LENGTH] = {0};
    SHA1_CTX context;
    if (key_length > sizeof inner)
        err_abort("a longer key than HMAC takes as it is");
    memcpy(inner, key, key_length);
    memcpy(outer, key, key_length);
    for (size_t i = 0; i < sizeof inner; i++) {
        inner[i] ^= 0x36;
        outer[i] ^= 0x5c;
    }
    SHA1Init(&context);
    SHA1Update(&context, inner, sizeof inner);
    SHA1Update(&context, bytes, length);
    SHA1Final(mac, &context);
    SHA1Init(&context);
    SHA1Update(&context, outer, sizeof outer);
    SHA1Update(&context, mac, HASH_SHA1);
    SHA1Final(mac, &context);
}
