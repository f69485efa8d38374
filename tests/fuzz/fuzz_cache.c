/* The cache's files: whatever one holds, it is an entry of that key or none; and what an entry holds is read or refused,
 * and what is read is written and read the same. The first byte says how many texts a key has. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache.h"
#include "diff/sums.h"
#include "fixture/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[HASH_HEX] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static void as_sums(const char *bytes, size_t length, size_t key_count)
{
    struct sums sums, again;
    struct str text = {0};
    if (sums_parse(&sums, bytes, length, key_count)) {
        sums_format(&sums, &text);
        if (text.length != length || memcmp(text.text, bytes, length) != 0 ||
            !sums_parse(&again, text.text, text.length, key_count))
            abort();
        sums_free(&again);
    }
    sums_free(&sums);
    str_free(&text);
}

static void as_rows(const char *bytes, size_t length)
{
    struct known_rows rows;
    if (known_rows_parse(bytes, length, &rows) && strlen(rows.digest) != HASH_HEX - 1)
        abort();
}

static void as_file(const char *bytes, size_t length)
{
    const char *payload;
    size_t payload_length;
    struct str file = {0};
    if (cache_parse(bytes, length, key, &payload, &payload_length) && payload + payload_length > bytes + length)
        abort();
    cache_format(&file, key, bytes, length);
    if (!cache_parse(file.text, file.length, key, &payload, &payload_length) || payload_length != length ||
        (length && memcmp(payload, bytes, length) != 0))
        abort();
    if (length && (file.text[length / 2] ^= 1, cache_parse(file.text, file.length, key, &payload, &payload_length)))
        abort();
    str_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    as_file(bytes, size - 1);
    as_rows(bytes, size - 1);
    as_sums(bytes, size - 1, data[0] % 4);
    free(bytes);
    return 0;
}
