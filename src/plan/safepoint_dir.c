/* safepoint_dir - the directory of the safepoints: made, judged, swept; and how much room rows take there. */
#include "plan/safepoint_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "plan/safepoint.h"
#include "plan/safepoint_format.h"

enum { SPARE_BYTES = 16 * 1024 * 1024 };   /* a disk filled to the last byte helps nobody */

char *safepoint_dir(const char *dir, const char *state_dir, struct err *err)
{
    char own[4096];
    if (dir)
        return xstrdup(dir);
    if (state_dir)
        return file_join(state_dir, "safepoints");
    if (!file_state_dir(own, sizeof own, err)) {
        err_context(err, "no place for a safepoint");
        err_hint(err, "name one with --safepoint-dir");
        return NULL;
    }
    return file_join(own, "safepoints");
}

/* Rows of any table may be in there: nobody else's business. A directory that was named is the operator's. */
static bool keep_private(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot look at the directory of safepoints %s", path);
    if (st.st_uid != geteuid()) {
        err_set(err, ERR_GENERAL, "the directory of safepoints %s belongs to someone else", path);
        return err_hint(err, "name another one with --safepoint-dir");
    }
    if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot close the directory of safepoints %s to others", path);
    return true;
}

int safepoint_dir_open(const char *path, bool own, struct err *err)
{
    if (!file_make_dirs(path, 0700, err)) {
        err_context(err, "no place for a safepoint");
        err_hint(err, "name another directory with --safepoint-dir");
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(err, ERR_GENERAL, errno, "cannot open the directory of safepoints %s", path);
        return -1;
    }
    if (own && !keep_private(fd, path, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool safepoint_dir_lasts(int fd, const char *path, struct err *err)
{
    static const struct { unsigned long magic; const char *name; } passing[] = {
        {TMPFS_MAGIC, "a memory file system (tmpfs)"}, {RAMFS_MAGIC, "a memory file system (ramfs)"},
        {OVERLAYFS_SUPER_MAGIC, "a container's own layer (overlay)"},
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot tell what file system %s is on", path);
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if ((unsigned long)fs.f_type != passing[i].magic)
            continue;
        err_set(err, ERR_REFUSED, "a safepoint in %s would not last", path);
        err_why(err, "it is on %s, and goes with the machine or the container", passing[i].name);
        return err_hint(err, "name a directory on a disk with --safepoint-dir (naming this one says that you know)");
    }
    return true;
}

bool safepoint_dir_room(int fd, const char *path, int64_t bytes, struct err *err)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs) != 0)
        return err_errno(err, ERR_GENERAL, errno, "cannot tell how much room %s has", path);
    int64_t free_bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
    if (free_bytes >= bytes + SPARE_BYTES)
        return true;
    err_set(err, ERR_GENERAL, "there is too little room for a safepoint in %s", path);
    err_why(err, "about %lld MB of rows are to be saved, and %lld MB are free", (long long)(bytes / 1000000 + 1),
            (long long)(free_bytes / 1000000));
    return err_hint(err, "make room, or name another directory with --safepoint-dir; nothing was written");
}

static bool is_partial(const char *name)
{
    size_t length = strlen(name), suffix = sizeof SAFEPOINT_PARTIAL - 1;
    return name[0] == '.' && length > suffix && strcmp(name + length - suffix, SAFEPOINT_PARTIAL) == 0;
}

/* A writer holds a lock on its temporary for as long as it lives, whatever its process number means here. */
static void remove_abandoned(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(dir, name, 0);
    close(fd);
}

void safepoint_dir_clean(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (is_partial(entry->d_name))
            remove_abandoned(fd, entry->d_name);
    closedir(dir);
}

int64_t safepoint_estimate(const struct db_table *table, int64_t rows)
{
    enum { UNKNOWN_WIDTH = 200 };
    double live = table->reltuples > 0 ? table->reltuples : (double)table->live;
    if (rows <= 0)
        return 0;
    if (live <= 0 || table->bytes <= 0)
        return rows * UNKNOWN_WIDTH;
    double heap = table->heap_bytes > 0 ? (double)table->heap_bytes : (double)table->bytes;
    double share = rows < live ? (double)rows / live : 1;
    return (int64_t)(heap * share) + 1;
}
