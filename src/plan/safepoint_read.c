/* safepoint_read - frames, bounds and checks; what the JSON lines say is safepoint_say.c's business. */
#include "plan/safepoint_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/str.h"
#include "plan/safepoint_format.h"
#include "plan/safepoint_say.h"

enum { LINE_MAX_BYTES = 64 * 1024 * 1024 };   /* of a JSON line: a plan of a million steps */

struct safepoint_reader {
    struct arena arena;                       /* of info */
    struct arena table_arena;                 /* of the present section */
    struct safepoint_info info;
    struct safepoint_table table;
    char *path;
    int fd;
    uint64_t size, at;
    uint64_t first;                           /* where the sections begin */
    uint64_t tail;                            /* where they end */
    uint64_t number, first_number;            /* of the next block; of the first section's */
    ZSTD_DCtx *zstd;
    unsigned char *raw, *packed;
    uint32_t raw_length;
    struct block block;                       /* the one in raw */
    bool waiting;                             /* raw was read ahead and not used yet */
    crypto_generichash_state chain, first_chain;
    uint64_t blocks;                          /* that the end says there are before it */
    char check[2 * CHECK_BYTES + 1];
    size_t section;                           /* how many were begun */
    int64_t section_rows, section_bytes;
    bool line_open;                           /* what was read of the section ends within a row */
    bool line_dash;                           /* ... and that row is a lone backslash so far */
    bool over;
};

/* ---- errors ---- */

/* `why` may be the message of `err` itself. */
static bool damaged(struct safepoint_reader *r, uint64_t at, const char *why, struct err *err)
{
    char reason[sizeof err->message];
    snprintf(reason, sizeof reason, "%s", why);
    err_set(err, ERR_GENERAL, "the safepoint %s is damaged", r->path);
    err_why(err, "byte %llu: %s", (unsigned long long)at, reason);
    return err_hint(err, "nothing was written; is there another copy of the file?");
}

/* ---- bytes and blocks ---- */

static bool read_at(struct safepoint_reader *r, uint64_t at, void *to, size_t length, struct err *err)
{
    char *next = to;
    if (at > r->size || length > r->size - at)
        return damaged(r, at, "it ends here, in the middle", err);
    while (length > 0) {
        ssize_t got = pread(r->fd, next, length, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_GENERAL, errno, "cannot read the safepoint %s", r->path);
        if (got == 0)
            return damaged(r, at, "it became shorter while it was read", err);
        next += got;
        at += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

static bool unpack(struct safepoint_reader *r, uint64_t at, struct err *err)
{
    struct block checked = r->block;
    format_check(&checked, r->packed);
    if (sodium_memcmp(checked.check, r->block.check, CHECK_BYTES) != 0)
        return damaged(r, at, "the check of this block does not match what is in it", err);
    if (ZSTD_getFrameContentSize(r->packed, r->block.packed) != r->block.raw)
        return damaged(r, at, "this block holds another amount than it says", err);
    size_t got = ZSTD_decompressDCtx(r->zstd, r->raw, BLOCK_RAW_MAX, r->packed, r->block.packed);
    if (ZSTD_isError(got) || got != r->block.raw)
        return damaged(r, at, "this block cannot be unpacked", err);
    r->raw_length = (uint32_t)got;
    return true;
}

/* The block at r->at, checked and unpacked. */
static bool read_block(struct safepoint_reader *r, struct err *err)
{
    unsigned char header[BLOCK_BYTES];
    uint64_t at = r->at;
    if (!read_at(r, at, header, sizeof header, err))
        return false;
    if (!format_read_block(header, &r->block))
        return damaged(r, at, "there should be a block here", err);
    if (r->block.number != r->number)
        return damaged(r, at, "this block belongs elsewhere: its number is not the next one", err);
    if (!read_at(r, at + sizeof header, r->packed, r->block.packed, err) || !unpack(r, at, err))
        return false;
    crypto_generichash_update(&r->chain, r->block.check, CHECK_BYTES);
    r->at = at + sizeof header + r->block.packed;
    r->number++;
    return true;
}

/* Blocks of one tag and section until a line is whole. `end`: no block may begin there or behind. */
static bool read_line(struct safepoint_reader *r, enum block_tag tag, uint32_t section, uint64_t end, struct str *line,
                      struct err *err)
{
    str_reset(line);
    do {
        uint64_t at = r->at;
        if (at >= end)
            return damaged(r, at, "a line ends in the middle", err);
        if (!read_block(r, err))
            return false;
        if (r->block.tag != tag || r->block.section != section)
            return damaged(r, at, "another kind of block was to come here", err);
        if (line->length + r->raw_length > LINE_MAX_BYTES)
            return damaged(r, at, "a description is longer than any seedops writes", err);
        str_add_bytes(line, r->raw, r->raw_length);
    } while (line->text[line->length - 1] != '\n');
    return true;
}

/* ---- opening ---- */

static bool open_file(struct safepoint_reader *r, struct err *err)
{
    struct stat st;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (r->fd < 0 || fstat(r->fd, &st) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read the safepoint %s", r->path);
    if (!S_ISREG(st.st_mode)) {
        err_set(err, ERR_GENERAL, "cannot read the safepoint %s", r->path);
        return err_why(err, "it is not a regular file");
    }
    r->size = (uint64_t)st.st_size;
    r->info.file_bytes = (int64_t)st.st_size;
    return true;
}

static bool read_start(struct safepoint_reader *r, struct err *err)
{
    static const char ours[] = "seedops safepoint ";
    unsigned char start[START_BYTES] = {0};
    bool whole = r->size >= sizeof start;
    if (whole && !read_at(r, 0, start, sizeof start, err))
        return false;
    if (whole && format_is_frame(start, START_BYTES - FRAME_BYTES) &&
        memcmp(start + FRAME_BYTES, SAFEPOINT_START, sizeof SAFEPOINT_START - 1) == 0) {
        r->at = sizeof start;
        return true;
    }
    if (whole && memcmp(start + FRAME_BYTES, ours, sizeof ours - 1) == 0) {
        err_set(err, ERR_GENERAL, "the safepoint %s is of another format", r->path);
        err_why(err, "this seedops reads format %d", SAFEPOINT_FORMAT);
        return err_hint(err, "use the seedops that wrote it, or a newer one");
    }
    err_set(err, ERR_GENERAL, "%s is not a safepoint", r->path);
    return err_hint(err, "seedops restore --list shows those there are");
}

static bool read_head(struct safepoint_reader *r, struct err *err)
{
    struct str line = {0};
    bool ok = read_line(r, BLOCK_HEAD, 0, r->size, &line, err);
    if (ok && !say_head(&r->arena, &r->info, line.text, line.length, err))
        ok = damaged(r, START_BYTES, err->message, err);
    str_free(&line);
    r->first = r->at;
    r->first_number = r->number;
    r->first_chain = r->chain;
    return ok;
}

/* The end is found by the foot; its own blocks are numbered behind those that it sums up. */
static bool read_tail(struct safepoint_reader *r, struct err *err)
{
    unsigned char foot[FOOT_BYTES];
    struct str line = {0};
    struct say_tail tail = {0};
    if (r->size < r->first + FOOT_BYTES)
        return damaged(r, r->size, "it ends here, in the middle", err);
    uint64_t end = r->size - FOOT_BYTES;
    if (!read_at(r, end, foot, sizeof foot, err))
        return false;
    if (!format_read_foot(foot, &r->tail) || r->tail < r->first || r->tail >= end)
        return damaged(r, end, "its end is missing: it was cut short or written over", err);
    unsigned char header[BLOCK_BYTES];
    struct block block;
    r->at = r->tail;
    if (!read_at(r, r->at, header, sizeof header, err))
        return false;
    if (!format_read_block(header, &block))
        return damaged(r, r->at, "there should be a block here", err);
    r->number = block.number;
    bool ok = read_line(r, BLOCK_TAIL, 0, end, &line, err);
    if (ok && r->at != end)
        ok = damaged(r, r->at, "there is more than there should be", err);
    if (ok && !say_end(&r->arena, &r->info, &tail, line.text, line.length, err))
        ok = damaged(r, r->tail, err->message, err);
    if (ok && (tail.blocks != block.number || strlen(tail.check) != 2 * CHECK_BYTES))
        ok = damaged(r, r->tail, "the end does not belong to this file", err);
    if (ok) {
        r->blocks = tail.blocks;
        memcpy(r->check, tail.check, sizeof r->check);
    }
    str_free(&line);
    return ok;
}

bool safepoint_rewind(struct safepoint_reader *r, struct err *err)
{
    (void)err;
    r->at = r->first;
    r->number = r->first_number;
    r->chain = r->first_chain;
    r->section = 0;
    r->waiting = r->over = r->line_open = r->line_dash = false;
    return true;
}

bool safepoint_open(struct safepoint_reader **reader, const char *path, struct err *err)
{
    struct safepoint_reader *r = *reader = xcalloc(1, sizeof *r);
    r->path = xstrdup(path);
    r->fd = -1;
    r->zstd = ZSTD_createDCtx();
    r->raw = xmalloc(BLOCK_RAW_MAX);
    r->packed = xmalloc(BLOCK_PACKED_MAX);
    crypto_generichash_init(&r->chain, NULL, 0, CHECK_BYTES);
    bool ok = open_file(r, err) && read_start(r, err) && read_head(r, err) && read_tail(r, err) &&
              safepoint_rewind(r, err);
    r->info.path = r->path;
    if (!ok) {
        safepoint_close(r);
        *reader = NULL;
    }
    return ok;
}

void safepoint_let_go(struct safepoint_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    ZSTD_freeDCtx(r->zstd);
    free(r->raw);
    free(r->packed);
    r->fd = -1;
    r->zstd = NULL;
    r->raw = r->packed = NULL;
}

void safepoint_close(struct safepoint_reader *r)
{
    if (!r)
        return;
    safepoint_let_go(r);
    free(r->path);
    arena_free(&r->arena);
    arena_free(&r->table_arena);
    free(r);
}

const struct safepoint_info *safepoint_info(const struct safepoint_reader *r) { return &r->info; }

/* ---- the stream ---- */

/* Reads one block ahead; false in *more where the sections end. */
static bool look_ahead(struct safepoint_reader *r, bool *more, struct err *err)
{
    *more = r->waiting || r->at < r->tail;
    if (r->waiting || !*more)
        return true;
    if (!read_block(r, err))
        return false;
    if (r->at > r->tail)
        return damaged(r, r->tail, "a block runs into the end", err);
    r->waiting = true;
    return true;
}

static bool end_section(struct safepoint_reader *r, struct err *err)
{
    if (r->section == 0)
        return true;
    const struct safepoint_held *held = &r->info.held[r->section - 1];
    if (r->line_open)
        return damaged(r, r->at, "the last row of a table is not whole", err);
    if (held->rows != r->section_rows || held->bytes != r->section_bytes)
        return damaged(r, r->at, "a table has another number of rows than the end says", err);
    return true;
}

static bool end_all(struct safepoint_reader *r, struct err *err)
{
    unsigned char check[CHECK_BYTES];
    char hex[2 * CHECK_BYTES + 1];
    crypto_generichash_state chain = r->chain;
    crypto_generichash_final(&chain, check, sizeof check);
    sodium_bin2hex(hex, sizeof hex, check, sizeof check);
    if (r->number != r->blocks || r->section != r->info.held_count || strcmp(hex, r->check) != 0)
        return damaged(r, r->tail, "the check of the whole does not match", err);
    r->over = true;
    return true;
}

static bool read_table(struct safepoint_reader *r, struct err *err)
{
    struct str line = {0};
    uint64_t at = r->at;
    bool ok = r->section < r->info.held_count || damaged(r, at, "there are more tables than the end says", err);
    uint32_t section = (uint32_t)r->section;
    arena_reset(&r->table_arena);
    r->table = (struct safepoint_table){0};
    if (ok && (r->block.tag != BLOCK_TABLE || r->block.section != section))
        ok = damaged(r, at, "a table was to begin here", err);
    if (ok)
        str_add_bytes(&line, r->raw, r->raw_length);
    while (ok && line.text[line.length - 1] != '\n') {
        struct str more = {0};
        ok = line.length <= LINE_MAX_BYTES || damaged(r, at, "a description is longer than any seedops writes", err);
        ok = ok && read_line(r, BLOCK_TABLE, section, r->tail, &more, err);
        if (ok)
            str_add_bytes(&line, more.text, more.length);
        str_free(&more);
    }
    r->waiting = false;
    if (ok && !say_table(&r->table_arena, &r->table, line.text, line.length, err))
        ok = damaged(r, at, err->message, err);
    str_free(&line);
    if (!ok)
        return false;
    const struct safepoint_held *held = &r->info.held[r->section];
    if (strcmp(held->table, r->table.name) != 0 || strcmp(held->schema, r->table.schema) != 0 ||
        held->kind != r->table.kind)
        return damaged(r, at, "the end names another table here", err);
    r->section++;
    r->section_rows = r->section_bytes = 0;
    r->line_open = r->line_dash = false;
    return true;
}

bool safepoint_next(struct safepoint_reader *r, const struct safepoint_table **table, struct err *err)
{
    const char *bytes;
    size_t length;
    bool more;
    *table = NULL;
    if (r->over)
        return true;
    if (r->section)
        do {
            if (!safepoint_text(r, &bytes, &length, err))
                return false;
        } while (bytes);
    if (!end_section(r, err) || !look_ahead(r, &more, err))
        return false;
    if (!more)
        return end_all(r, err);
    if (!read_table(r, err))
        return false;
    *table = &r->table;
    return true;
}

/* Counts, and looks out for a line that begins with \. (it ends the data, and what follows would be read as commands
 * by whoever is given the text): a server writes no such row. */
static bool count_lines(struct safepoint_reader *r)
{
    const char *at = (const char *)r->raw, *end = at + r->raw_length;
    if (r->line_dash && *at == '.')
        return false;
    for (bool begins = !r->line_open; at < end; begins = true) {
        if (begins && at[0] == '\\' && at + 1 < end && at[1] == '.')
            return false;
        r->line_dash = begins && at[0] == '\\' && at + 1 == end;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        r->line_open = !newline;
        r->section_rows += newline != NULL;
        at = newline ? newline + 1 : end;
    }
    r->section_bytes += r->raw_length;
    return true;
}

bool safepoint_text(struct safepoint_reader *r, const char **bytes, size_t *length, struct err *err)
{
    bool more;
    *bytes = NULL;
    *length = 0;
    if (!look_ahead(r, &more, err))
        return false;
    if (!more || r->block.tag != BLOCK_ROWS || r->section == 0)
        return true;
    if (r->block.section != r->section - 1)
        return damaged(r, r->at, "rows of another table", err);
    r->waiting = false;
    if (!count_lines(r))
        return damaged(r, r->at, "a row would end its table early", err);
    *bytes = (const char *)r->raw;
    *length = r->raw_length;
    return true;
}

bool safepoint_verify(struct safepoint_reader *r, struct err *err)
{
    const struct safepoint_table *table;
    do {
        if (!safepoint_next(r, &table, err))
            return false;
    } while (table);
    return safepoint_rewind(r, err);
}
