/* safepoint_pack - two buffers of text: one is filled, the other one packed. */
#include "plan/safepoint_pack.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/thread.h"

enum { ZSTD_LEVEL = 1 };                      /* COPY text: half of level 3's time, and no larger */

struct text {
    unsigned char *bytes;                     /* BLOCK_RAW_MAX of them; NULL until needed */
    uint32_t length, section;
    enum block_tag tag;
};

struct packer {
    const char *name;
    struct text filling;
    /* Whoever packs has these to himself: the thread while `handed`, else the caller. */
    int fd;
    ZSTD_CCtx *zstd;
    unsigned char *packed;
    uint64_t blocks, bytes;
    crypto_generichash_state chain;
    struct text handed_over;
    /* Under the lock, once the thread runs. */
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool handed, stop, failed;
    struct err err;
};

/* ---- one block ---- */

bool packer_write(struct packer *p, const void *bytes, size_t length, struct err *err)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = write(p->fd, at, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            err_errno(err, ERR_GENERAL, put < 0 ? errno : ENOSPC, "cannot write the safepoint %s", p->name);
            return err_hint(err, "make room, or name another directory with --safepoint-dir");
        }
        at += put;
        length -= (size_t)put;
        p->bytes += (uint64_t)put;
    }
    return true;
}

static bool pack(struct packer *p, const struct text *text, struct err *err)
{
    unsigned char header[BLOCK_BYTES];
    size_t packed = ZSTD_compress2(p->zstd, p->packed, BLOCK_PACKED_MAX, text->bytes, text->length);
    if (ZSTD_isError(packed)) {
        err_set(err, ERR_GENERAL, "cannot compress the safepoint %s", p->name);
        return err_why(err, "%s", ZSTD_getErrorName(packed));
    }
    struct block block = {.tag = text->tag, .section = text->section, .raw = text->length, .packed = (uint32_t)packed,
                          .number = p->blocks++};
    format_check(&block, p->packed);
    crypto_generichash_update(&p->chain, block.check, CHECK_BYTES);
    format_block(&block, header);
    return packer_write(p, header, sizeof header, err) && packer_write(p, p->packed, packed, err);
}

/* ---- the thread ---- */

static void *work(void *argument)
{
    struct packer *p = argument;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->handed && !p->stop)
            pthread_cond_wait(&p->turn, &p->lock);
        if (!p->handed)
            break;
        pthread_mutex_unlock(&p->lock);
        bool ok = pack(p, &p->handed_over, &p->err);
        pthread_mutex_lock(&p->lock);
        p->failed |= !ok;
        p->handed = false;
        pthread_cond_broadcast(&p->turn);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

bool packer_settle(struct packer *p, struct err *err)
{
    if (p->threaded) {
        pthread_mutex_lock(&p->lock);
        while (p->handed)
            pthread_cond_wait(&p->turn, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
    if (p->failed && err)
        *err = p->err;
    return !p->failed;
}

/* The block goes to the thread, which has nothing else to do, and its buffer comes back. */
static bool hand_over(struct packer *p, struct err *err)
{
    if (!packer_settle(p, err))
        return false;
    struct text filled = p->filling;
    p->filling.bytes = p->handed_over.bytes ? p->handed_over.bytes : xmalloc(BLOCK_RAW_MAX);
    p->filling.length = 0;
    p->handed_over = filled;
    pthread_mutex_lock(&p->lock);
    p->handed = true;
    pthread_cond_broadcast(&p->turn);
    pthread_mutex_unlock(&p->lock);
    return true;
}

static bool pack_here(struct packer *p, struct err *err)
{
    p->failed = !pack(p, &p->filling, &p->err);
    p->filling.length = 0;
    return packer_settle(p, err);
}

bool packer_end_block(struct packer *p, struct err *err)
{
    if (p->filling.length == 0)
        return true;
    if (!p->threaded && p->filling.length == BLOCK_RAW_MAX)
        p->threaded = thread_start_sized(&p->thread, THREAD_STACK_SMALL, work, p);
    return p->threaded ? hand_over(p, err) : pack_here(p, err);
}

bool packer_put(struct packer *p, enum block_tag tag, uint32_t section, const char *bytes, size_t length, struct err *err)
{
    struct text *to = &p->filling;
    if ((to->tag != tag || to->section != section) && to->length && !packer_end_block(p, err))
        return false;
    to->tag = tag;
    to->section = section;
    while (length > 0) {
        size_t room = BLOCK_RAW_MAX - to->length, take = length < room ? length : room;
        memcpy(to->bytes + to->length, bytes, take);
        to->length += (uint32_t)take;
        bytes += take;
        length -= take;
        if (to->length == BLOCK_RAW_MAX && !packer_end_block(p, err))
            return false;
    }
    return true;
}

/* ---- begin and end ---- */

struct packer *packer_new(const char *name, struct err *err)
{
    struct packer *p = xcalloc(1, sizeof *p);
    p->name = name;
    p->zstd = ZSTD_createCCtx();
    p->filling.bytes = xmalloc(BLOCK_RAW_MAX);
    p->packed = xmalloc(BLOCK_PACKED_MAX);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->turn, NULL);
    crypto_generichash_init(&p->chain, NULL, 0, CHECK_BYTES);
    if (p->zstd && !ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1)))
        return p;
    packer_free(p);
    err_set(err, ERR_GENERAL, "cannot set up compression for a safepoint");
    return NULL;
}

bool packer_start(struct packer *p, int fd, struct err *err)
{
    unsigned char frame[FRAME_BYTES];
    p->fd = fd;
    format_frame(frame, START_BYTES - FRAME_BYTES);
    return packer_write(p, frame, sizeof frame, err) &&
           packer_write(p, SAFEPOINT_START, START_BYTES - FRAME_BYTES, err);
}

void packer_free(struct packer *p)
{
    if (!p)
        return;
    if (p->threaded) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_broadcast(&p->turn);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->turn);
    ZSTD_freeCCtx(p->zstd);
    free(p->filling.bytes);
    free(p->handed_over.bytes);
    free(p->packed);
    free(p);
}

uint64_t packer_blocks(const struct packer *p) { return p->blocks; }
uint64_t packer_bytes(const struct packer *p) { return p->bytes; }

void packer_check(const struct packer *p, unsigned char check[CHECK_BYTES])
{
    crypto_generichash_state so_far = p->chain;
    crypto_generichash_final(&so_far, check, CHECK_BYTES);
}
