/* file - reading whole, writing atomically, and the two directories that are ours. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/str.h"

static bool check_readable(const char *path, const struct stat *st, size_t limit, struct err *err)
{
    if (S_ISDIR(st->st_mode)) {
        err_set(err, ERR_GENERAL, "cannot read %s", path);
        return err_why(err, "it is a directory");
    }
    if (!S_ISREG(st->st_mode)) {
        err_set(err, ERR_GENERAL, "cannot read %s", path);
        return err_why(err, "it is not a regular file");
    }
    if ((unsigned long long)st->st_size > limit) {
        err_set(err, ERR_GENERAL, "cannot read %s", path);
        return err_why(err, "it has %lld bytes; the limit is %zu", (long long)st->st_size, limit);
    }
    return true;
}

/* Reads to the end of the file or just over the limit: the size may have changed since we asked. */
static bool read_all(int fd, const char *path, size_t expected, size_t limit, struct str *to, struct err *err)
{
    size_t room = expected + 1;
    char *chunk = xmalloc(room);
    for (;;) {
        ssize_t got = read(fd, chunk, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(chunk);
            return err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
        }
        if (got == 0)
            break;
        str_add_bytes(to, chunk, (size_t)got);
        if (to->length > limit) {
            free(chunk);
            err_set(err, ERR_GENERAL, "cannot read %s", path);
            return err_why(err, "it grew over the limit of %zu bytes while it was read", limit);
        }
    }
    free(chunk);
    return true;
}

bool file_read(const char *path, size_t limit, char **bytes, size_t *length, struct err *err)
{
    *bytes = NULL;
    *length = 0;
    /* O_NONBLOCK: opening a pipe without a writer must not hang before we can refuse it */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
    struct stat st;
    struct str text = {0};
    bool ok;
    if (fstat(fd, &st) != 0)
        ok = err_errno(err, ERR_GENERAL, errno, "cannot read %s", path);
    else
        ok = check_readable(path, &st, limit, err) &&
             read_all(fd, path, (size_t)st.st_size, limit, &text, err);
    close(fd);
    if (!ok) {
        str_free(&text);
        return false;
    }
    *length = text.length;
    *bytes = str_take(&text);
    return true;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, bytes, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        length -= (size_t)put;
    }
    return true;
}

/* The rename itself is only safe once the directory is on disk. Some file systems refuse; then so be it. */
static void sync_directory_of(const char *path)
{
    char *dir = file_dirname(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

bool file_write_atomic(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
    char *temporary = xmalloc(strlen(path) + 32);
    sprintf(temporary, "%s.%08x.tmp", path, (unsigned)randombytes_random());
    bool ok = false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
        goto out;
    }
    if (!write_all(fd, bytes, length) || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
        close(fd);
        goto out_unlink;
    }
    if (close(fd) != 0 || rename(temporary, path) != 0) {
        err_errno(err, ERR_GENERAL, errno, "cannot write %s", path);
        goto out_unlink;
    }
    sync_directory_of(path);
    ok = true;
    goto out;
out_unlink:
    unlink(temporary);
out:
    free(temporary);
    return ok;
}

bool file_lock(const char *path, int timeout_ms, int *fd, struct err *err)
{
    enum { PAUSE_MS = 20 };
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (*fd < 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot lock %s", path);
    for (int waited = 0; flock(*fd, LOCK_EX | LOCK_NB) != 0; waited += PAUSE_MS) {
        int errnum = errno;
        if (errnum == EWOULDBLOCK && waited < timeout_ms) {
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
            continue;
        }
        close(*fd);
        *fd = -1;
        if (errnum != EWOULDBLOCK)
            return err_errno(err, ERR_GENERAL, errnum, "cannot lock %s", path);
        err_set(err, ERR_GENERAL, "cannot lock %s", path);
        return err_why(err, "another process has held it for %d ms", timeout_ms);
    }
    return true;
}

static bool make_dir(const char *path, mode_t mode, struct err *err)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return true;
    int errnum = errno;
    if (errnum == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    /* "exists" would be true, and no help */
    return err_errno(err, ERR_GENERAL, errnum == EEXIST ? ENOTDIR : errnum, "cannot make the directory %s",
                     path);
}

bool file_make_dirs(const char *path, mode_t mode, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = copy + 1; ok && *copy && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        struct stat st;   /* a parent we may not write to need only be there */
        ok = (stat(copy, &st) == 0 && S_ISDIR(st.st_mode)) || make_dir(copy, mode, err);
        *slash = '/';
    }
    ok = ok && make_dir(path, mode, err);
    free(copy);
    return ok;
}

bool file_temporary(int *fd, struct err *err)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
#ifdef O_TMPFILE
    *fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return true;
#endif
    char *path = file_join(dir, "seedops.XXXXXX");   /* not every file system has O_TMPFILE */
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0) {
        err_errno(err, ERR_GENERAL, errno, "cannot make a temporary file in %s", dir);
        err_hint(err, "set TMPDIR to a directory that can be written to");
    } else {
        unlink(path);
    }
    free(path);
    return *fd >= 0;
}

/* Our own home. Under sudo HOME may still be the caller's: writing there as root would leave files that the
 * caller cannot remove, so such a HOME does not count. */
bool file_home(char *out, size_t size)
{
    const char *home = getenv("HOME");
    struct stat st;
    if (home && home[0] == '/' && stat(home, &st) == 0 && st.st_uid == geteuid())
        return (size_t)snprintf(out, size, "%s", home) < size;
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) != 0 || !found ||
        found->pw_dir[0] != '/')
        return false;
    return (size_t)snprintf(out, size, "%s", found->pw_dir) < size;
}

static bool user_dir(const char *variable, const char *below_home, char *out, size_t size, struct err *err)
{
    const char *base = getenv(variable);
    char home[1024];
    size_t length;
    if (base && base[0] == '/') {
        length = (size_t)snprintf(out, size, "%s/seedops", base);
    } else if (file_home(home, sizeof home)) {
        length = (size_t)snprintf(out, size, "%s/%s/seedops", home, below_home);
    } else {
        err_set(err, ERR_GENERAL, "there is no home directory");
        err_why(err, "%s is not set, HOME is not ours, and the password database has none", variable);
        return err_hint(err, "set %s to an absolute path", variable);
    }
    if (length >= size)
        return err_set(err, ERR_GENERAL, "the path of %s is too long", variable);
    return true;
}

bool file_state_dir(char *out, size_t size, struct err *err)
{
    return user_dir("XDG_STATE_HOME", ".local/state", out, size, err);
}

bool file_note_path(const char *kind, const char *config, const char *environment, char *out, size_t size,
                    struct err *err)
{
    char dir[PATH_MAX], name[HASH_HEX];
    struct str text = {0};
    if (!file_state_dir(dir, sizeof dir, err))
        return false;
    str_printf(&text, "%s\n%s", config, environment);
    hash_hex_of(str_text(&text), text.length, name);
    str_free(&text);
    return (size_t)snprintf(out, size, "%s/%s/%.32s.json", dir, kind, name) < size ||
           err_set(err, ERR_GENERAL, "the path of the note is too long");
}

bool file_config_dir(char *out, size_t size, struct err *err)
{
    return user_dir("XDG_CONFIG_HOME", ".config", out, size, err);
}

char *file_join(const char *dir, const char *name)
{
    if (name[0] == '/' || !*dir)
        return xstrdup(name);
    struct str path = {0};
    str_add(&path, dir);
    if (path.text[path.length - 1] != '/')
        str_add_char(&path, '/');
    str_add(&path, name);
    return str_take(&path);
}

char *file_dirname(const char *path)
{
    const char *end = path + strlen(path);
    while (end > path + 1 && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    while (end > path + 1 && end[-1] == '/')
        end--;
    return end == path ? xstrdup(".") : xstrndup(path, (size_t)(end - path));
}
