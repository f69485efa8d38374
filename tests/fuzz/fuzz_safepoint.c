/* Any bytes as a safepoint: no crash, one clear error. And with the checks made right, so that what is behind them
 * is reached too: the input's lines become the text of a head, tables, rows and an end. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "base/str.h"
#include "plan/safepoint_format.h"
#include "plan/safepoint_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_file(const char *path)
{
    struct safepoint_reader *r;
    const struct safepoint_table *table;
    const char *bytes;
    size_t length;
    struct err err = {0};
    if (!safepoint_open(&r, path, &err)) {
        if (err.class != ERR_GENERAL || !err.message[0])
            abort();
        return;
    }
    bool ok = true;
    do {
        ok = safepoint_next(r, &table, &err);
        for (bytes = ""; ok && table && bytes;) {
            ok = safepoint_text(r, &bytes, &length, &err);
            if (ok && bytes && (length == 0 || length > BLOCK_RAW_MAX))
                abort();
        }
    } while (ok && table);
    if (!ok && (err.class != ERR_GENERAL || !err.why[0]))
        abort();
    if (ok && !safepoint_verify(r, &err))
        abort();
    safepoint_close(r);
}

static void put(int fd, const void *bytes, size_t length)
{
    if (write(fd, bytes, length) != (ssize_t)length)
        abort();
}

struct maker {
    int fd;
    uint64_t number, at;
    crypto_generichash_state chain;
};

static void put_block(struct maker *m, enum block_tag tag, uint32_t section, const char *text, size_t length)
{
    unsigned char packed[BLOCK_PACKED_MAX / 8], header[BLOCK_BYTES];
    size_t got = ZSTD_compress(packed, sizeof packed, text, length, 1);
    if (ZSTD_isError(got) || length == 0)
        return;
    struct block b = {.tag = tag, .section = section, .raw = (uint32_t)length, .packed = (uint32_t)got,
                      .number = m->number++};
    format_check(&b, packed);
    crypto_generichash_update(&m->chain, b.check, CHECK_BYTES);
    format_block(&b, header);
    put(m->fd, header, sizeof header);
    put(m->fd, packed, got);
    m->at += sizeof header + got;
}

/* A line that begins with '{' is a table, the first one the head, the last one the end; "CHECK" and "BLOCKS" in it
 * become what they have to be. Any other is a row. */
static void put_end(struct maker *m, const char *line, size_t length)
{
    unsigned char check[CHECK_BYTES], foot[FOOT_BYTES];
    char hex[2 * CHECK_BYTES + 1];
    struct str end = {0};
    uint64_t tail = m->at;
    crypto_generichash_final(&m->chain, check, sizeof check);
    crypto_generichash_init(&m->chain, NULL, 0, CHECK_BYTES);
    sodium_bin2hex(hex, sizeof hex, check, sizeof check);
    for (size_t i = 0; i < length;) {
        if (length - i >= 5 && memcmp(line + i, "CHECK", 5) == 0) {
            str_add(&end, hex);
            i += 5;
        } else if (length - i >= 6 && memcmp(line + i, "BLOCKS", 6) == 0) {
            str_printf(&end, "%llu", (unsigned long long)m->number);
            i += 6;
        } else {
            str_add_char(&end, line[i++]);
        }
    }
    put_block(m, BLOCK_TAIL, 0, str_text(&end), end.length);
    format_foot(tail, foot);
    put(m->fd, foot, sizeof foot);
    str_free(&end);
}

static void make_file(int fd, const char *text, size_t size)
{
    struct maker m = {.fd = fd};
    unsigned char frame[FRAME_BYTES];
    uint32_t tables = 0;
    bool head = true;
    crypto_generichash_init(&m.chain, NULL, 0, CHECK_BYTES);
    format_frame(frame, START_BYTES - FRAME_BYTES);
    put(fd, frame, sizeof frame);
    put(fd, SAFEPOINT_START, START_BYTES - FRAME_BYTES);
    m.at = START_BYTES;
    for (const char *end = text + size, *next; text < end; text = next) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        next = newline ? newline + 1 : end;
        size_t length = (size_t)(next - text);
        if (next == end)
            put_end(&m, text, length);
        else if (head)
            put_block(&m, BLOCK_HEAD, 0, text, length);
        else if (*text == '{')
            put_block(&m, BLOCK_TABLE, tables++, text, length);
        else
            put_block(&m, BLOCK_ROWS, tables ? tables - 1 : 0, text, length);
        head = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    int fd;
    char path[64];
    if (size > 64 * 1024)
        return 0;
    for (int made = 0; made < 2; made++) {
        if (!file_temporary(&fd, &err))
            abort();
        if (made)
            make_file(fd, (const char *)data, size);
        else
            put(fd, data, size);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        read_file(path);
        close(fd);
    }
    return 0;
}
