/* hash_file - a large file's hash by two processors: BLAKE2b of each piece, then the hash of those. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/thread.h"

enum { PIECE = 4 * 1024 * 1024, BUFFER = 256 * 1024, LEAF = 32, WORTH_A_THREAD = 2 * PIECE };

struct pieces {
    int fd;
    uint64_t size;
    const atomic_bool *stop;
    unsigned char (*leaves)[LEAF];
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
};

static bool one_piece(struct pieces *p, size_t n, unsigned char *buffer)
{
    crypto_generichash_state state;
    uint64_t at = (uint64_t)n * PIECE, end = at + PIECE < p->size ? at + PIECE : p->size;
    crypto_generichash_init(&state, NULL, 0, LEAF);
    while (at < end) {
        ssize_t got = pread(p->fd, buffer, end - at < BUFFER ? end - at : BUFFER, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || (p->stop && atomic_load(p->stop)))
            return false;
        crypto_generichash_update(&state, buffer, (size_t)got);
        at += (uint64_t)got;
    }
    crypto_generichash_final(&state, p->leaves[n], LEAF);
    return true;
}

static void *work(void *argument)
{
    struct pieces *p = argument;
    unsigned char *buffer = xmalloc(BUFFER);
    for (size_t n; !atomic_load(&p->failed) && (n = atomic_fetch_add(&p->next, 1)) < p->count;)
        if (!one_piece(p, n, buffer))
            atomic_store(&p->failed, true);
    free(buffer);
    return NULL;
}

bool hash_add_file(struct hash *h, int fd, uint64_t size, const atomic_bool *stop)
{
    struct pieces p = {.fd = fd, .size = size, .stop = stop, .count = (size_t)((size + PIECE - 1) / PIECE)};
    pthread_t other;
    char beyond;
    if (sodium_init() < 0)
        err_abort("libsodium cannot be initialised");
    p.leaves = xcalloc(p.count + 1, sizeof *p.leaves);
    bool two = size >= WORTH_A_THREAD && thread_start_sized(&other, THREAD_STACK_SMALL, work, &p);
    work(&p);
    if (two)
        pthread_join(other, NULL);
    bool ok = !atomic_load(&p.failed) && pread(fd, &beyond, 1, (off_t)size) == 0;
    struct hash_bulk all;
    hash_bulk_init(&all);
    hash_bulk_add(&all, &size, sizeof size);
    hash_bulk_add(&all, p.leaves, p.count * LEAF);
    if (ok)
        hash_bulk_end(&all, h);
    free(p.leaves);
    return ok;
}
