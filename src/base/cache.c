/* cache - an entry's file: a mark, its key, a length, the payload, and a hash over all of that. The mark is a number as
 * this machine writes it: on another kind of machine it is another mark. */
#include "base/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

enum { SUM = 32, ABANDONED_S = 3600 };

static const uint64_t mark = UINT64_C(0x31306b6565737003);    /* raised when what entries hold has another form */

struct head {
    uint64_t mark, length;
    char key[HASH_HEX - 1];
};

static void sum_of(const char *bytes, size_t length, unsigned char sum[SUM])
{
    if (sodium_init() < 0)
        err_abort("libsodium cannot be initialised");
    crypto_generichash(sum, SUM, (const unsigned char *)bytes, length, NULL, 0);
}

void cache_format(struct str *out, const char key[HASH_HEX], const void *payload, size_t length)
{
    struct head head = {.mark = mark, .length = length};
    unsigned char sum[SUM];
    memcpy(head.key, key, sizeof head.key);
    str_reset(out);
    str_add_bytes(out, &head, sizeof head);
    str_add_bytes(out, payload, length);
    sum_of(out->text, out->length, sum);
    str_add_bytes(out, sum, sizeof sum);
}

bool cache_parse(const char *bytes, size_t length, const char key[HASH_HEX], const char **payload,
                 size_t *payload_length)
{
    struct head head;
    unsigned char sum[SUM];
    if (length < sizeof head + SUM)
        return false;
    memcpy(&head, bytes, sizeof head);
    if (head.mark != mark || memcmp(head.key, key, sizeof head.key) != 0 || head.length != length - sizeof head - SUM)
        return false;
    sum_of(bytes, length - SUM, sum);
    if (memcmp(sum, bytes + length - SUM, SUM) != 0)
        return false;
    *payload = bytes + sizeof head;
    *payload_length = head.length;
    return true;
}

bool cache_read_bytes(struct cache_reader *reader, void *to, size_t length)
{
    if (length > (size_t)(reader->end - reader->at))
        return false;
    memcpy(to, reader->at, length);
    reader->at += length;
    return true;
}

void cache_add_text(struct str *out, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    str_add_bytes(out, &length, sizeof length);
    str_add_bytes(out, text, (size_t)length + 1);
}

bool cache_read_text(struct cache_reader *reader, const char **text, size_t *length)
{
    uint32_t said;
    if (!cache_read_bytes(reader, &said, sizeof said) || said >= (size_t)(reader->end - reader->at) ||
        memchr(reader->at, '\0', said + 1) != reader->at + said)
        return false;
    *text = reader->at;
    *length = said;
    reader->at += said + 1;
    return true;
}

/* ---- the directory ---- */

bool cache_dir(char *out, size_t size)
{
    const char *base = getenv("XDG_CACHE_HOME");
    char home[1024];
    if (base && base[0] == '/')
        return (size_t)snprintf(out, size, "%s/seedops", base) < size;
    return file_home(home, sizeof home) && (size_t)snprintf(out, size, "%s/.cache/seedops", home) < size;
}

static bool only_ours(const struct stat *st) { return st->st_uid == geteuid() && (st->st_mode & 077) == 0; }

/* -1: there is none, or it is not for us alone. */
static int open_dir(const char *dir)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !only_ours(&st))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool read_entry(int fd, struct str *bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !only_ours(&st) || st.st_size > CACHE_ENTRY_LIMIT)
        return false;
    str_reset(bytes);
    str_reserve(bytes, (size_t)st.st_size);
    for (;;) {
        char chunk[16384];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        str_add_bytes(bytes, chunk, (size_t)got);
        if (bytes->length > CACHE_ENTRY_LIMIT)
            return false;
    }
}

bool cache_get(const char *dir, const char key[HASH_HEX], struct str *payload)
{
    struct str bytes = {0};
    const char *found = NULL;
    size_t length = 0;
    int dir_fd = dir ? open_dir(dir) : -1, fd = -1;
    str_reset(payload);
    if (dir_fd >= 0)
        fd = openat(dir_fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool ok = fd >= 0 && read_entry(fd, &bytes) &&
              cache_parse(str_text(&bytes), bytes.length, key, &found, &length);
    if (ok) {
        str_add_bytes(payload, found, length);
        utimensat(dir_fd, key, NULL, AT_SYMLINK_NOFOLLOW);    /* it was used */
    }
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    str_free(&bytes);
    return ok;
}

/* ---- keeping ---- */

struct kept { char name[HASH_HEX]; off_t size; time_t used; };

static int longest_unused_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return (x->used > y->used) - (x->used < y->used);
}

static bool is_entry(const char *name)
{
    return strlen(name) == HASH_HEX - 1 && strspn(name, "0123456789abcdef") == HASH_HEX - 1;
}

/* Entries of this directory; what a run that was killed left half written goes. */
static size_t list_entries(int dir_fd, struct kept **kept)
{
    size_t count = 0, room = 0;
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    *kept = NULL;
    if (!dir && copy >= 0)
        close(copy);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (strncmp(entry->d_name, "new.", 4) == 0 && st.st_mtime < clock_wall_ms() / 1000 - ABANDONED_S)
            unlinkat(dir_fd, entry->d_name, 0);
        if (!is_entry(entry->d_name))
            continue;
        if (count == room)
            *kept = xrealloc(*kept, (room = room ? room * 2 : 64) * sizeof **kept);
        struct kept *k = &(*kept)[count++];
        memcpy(k->name, entry->d_name, HASH_HEX);
        k->size = st.st_size;
        k->used = st.st_mtime;
    }
    if (dir)
        closedir(dir);
    return count;
}

static void make_room(int dir_fd, size_t more)
{
    struct kept *kept;
    size_t count = list_entries(dir_fd, &kept);
    off_t all = (off_t)more;
    for (size_t i = 0; i < count; i++)
        all += kept[i].size;
    if (count)
        qsort(kept, count, sizeof *kept, longest_unused_first);
    for (size_t i = 0; i < count && all > CACHE_LIMIT; i++)
        if (unlinkat(dir_fd, kept[i].name, 0) == 0)
            all -= kept[i].size;
    free(kept);
}

/* Without fsync: a file that a crash cut off has another sum. */
static bool write_entry(int dir_fd, const char *key, const struct str *bytes)
{
    char name[32];
    snprintf(name, sizeof name, "new.%08x%08x", (unsigned)randombytes_random(), (unsigned)randombytes_random());
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = true;
    for (size_t done = 0; ok && done < bytes->length;) {
        ssize_t put = write(fd, bytes->text + done, bytes->length - done);
        if (put < 0 && errno == EINTR)
            continue;
        ok = put > 0;
        done += ok ? (size_t)put : 0;
    }
    ok = close(fd) == 0 && ok && renameat(dir_fd, name, dir_fd, key) == 0;
    if (!ok)
        unlinkat(dir_fd, name, 0);
    return ok;
}

bool cache_put(const char *dir, const char key[HASH_HEX], const void *payload, size_t length)
{
    struct str bytes = {0};
    struct err ignored;
    if (!dir || length > CACHE_ENTRY_LIMIT / 2 || !file_make_dirs(dir, 0700, &ignored))
        return false;
    int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return false;
    cache_format(&bytes, key, payload, length);
    make_room(dir_fd, bytes.length);
    bool ok = write_entry(dir_fd, key, &bytes);
    close(dir_fd);
    str_free(&bytes);
    return ok;
}
