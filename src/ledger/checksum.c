/* checksum - one table of variants: which digest, over which form of the text. */
#include "ledger/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

enum form { FORM_RAW = 0, FORM_LF = 1, FORM_TRIMMED = 2 };   /* bits */
enum digest { DIGEST_SHA256, DIGEST_MD5, DIGEST_SHA512, DIGEST_LENGTH };

const char *const checksum_variants[] = {"sha256", "sha256-trimmed", "sha256-lf", "sha256-lf-trimmed", "md5",
                                         "md5-trimmed", "md5-lf", "md5-lf-trimmed", "sha512", "length", NULL};
static const struct { enum digest digest; unsigned form; } variants[] = {
    {DIGEST_SHA256, FORM_RAW}, {DIGEST_SHA256, FORM_TRIMMED}, {DIGEST_SHA256, FORM_LF},
    {DIGEST_SHA256, FORM_LF | FORM_TRIMMED}, {DIGEST_MD5, FORM_RAW}, {DIGEST_MD5, FORM_TRIMMED},
    {DIGEST_MD5, FORM_LF}, {DIGEST_MD5, FORM_LF | FORM_TRIMMED}, {DIGEST_SHA512, FORM_RAW},
    {DIGEST_LENGTH, FORM_RAW}};

int checksum_variant(const char *name)
{
    for (int i = 0; checksum_variants[i]; i++)
        if (strcmp(checksum_variants[i], name) == 0)
            return i;
    return -1;
}

static void to_lf(struct str *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != '\r' || i + 1 == length || bytes[i + 1] != '\n')
            str_add_char(out, bytes[i]);
}

static void to_crlf(struct str *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            str_add_char(out, '\r');
        str_add_char(out, bytes[i]);
    }
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void checksum_of(int variant, const char *bytes, size_t length, char out[CHECKSUM_MAX])
{
    struct str lf = {0};
    if (variants[variant].form & FORM_LF) {
        to_lf(&lf, bytes, length);
        bytes = str_text(&lf);
        length = lf.length;
    }
    if (variants[variant].form & FORM_TRIMMED) {
        for (; length > 0 && is_space(*bytes); bytes++)
            length--;
        while (length > 0 && is_space(bytes[length - 1]))
            length--;
    }
    unsigned char sum[crypto_hash_sha512_BYTES];
    switch (variants[variant].digest) {
    case DIGEST_SHA256: hash_hex_of(bytes, length, out); break;
    case DIGEST_MD5: hash_md5_hex_of(bytes, length, out); break;
    case DIGEST_SHA512:
        crypto_hash_sha512(sum, (const unsigned char *)bytes, length);
        sodium_bin2hex(out, CHECKSUM_MAX, sum, sizeof sum);
        break;
    case DIGEST_LENGTH: snprintf(out, CHECKSUM_MAX, "%zu", length); break;
    }
    str_free(&lf);
}

bool checksum_equal(const char *a, const char *b) { return strcasecmp(a, b) == 0; }

void checksum_prisma(const char *bytes, size_t length, char out[CHECKSUM_MAX])
{
    hash_hex_of(bytes, length, out);
}

/* The old format wrote each byte of the digest as {:x}, so 0x0a became "a". */
static bool matches_unpadded(const char *noted, const char *hex)
{
    char unpadded[HASH_HEX];
    size_t used = 0;
    for (size_t i = 0; hex[i]; i++)
        if (i % 2 || hex[i] != '0')
            unpadded[used++] = hex[i];
    unpadded[used] = '\0';
    return strcmp(noted, unpadded) == 0;
}

bool checksum_prisma_matches(const char *noted, const char *bytes, size_t length)
{
    char hex[HASH_HEX];
    hash_hex_of(bytes, length, hex);
    if (noted[0] && strlen(noted) != HASH_HEX - 1)
        return matches_unpadded(noted, hex);
    if (strcmp(noted, hex) == 0)
        return true;
    bool same = false;
    void (*const forms[])(struct str *, const char *, size_t) = {to_lf, to_crlf};
    for (size_t i = 0; i < 2 && !same; i++) {
        struct str other = {0};
        forms[i](&other, bytes, length);
        hash_hex_of(str_text(&other), other.length, hex);
        same = strcmp(noted, hex) == 0;
        str_free(&other);
    }
    return same;
}
