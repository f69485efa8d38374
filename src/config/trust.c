/* trust - which configuration files may run commands, remembered by the digest of their bytes.
 *
 * One line a file in the state directory's "trusted": the digest, two spaces, where it was. Only the digest
 * counts: a file that changes is asked about again. */
#include "config/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/text.h"

enum { TRUST_FILE_MAX = 1024 * 1024, LOCK_MS = 1000 };

static bool usable(const char *digest)
{
    return digest && strlen(digest) == HASH_HEX - 1 && strspn(digest, "0123456789abcdef") == HASH_HEX - 1;
}

/* The remembered lines, "" when there are none; gives. */
static char *remembered(const char *path)
{
    char *bytes;
    size_t length;
    return file_read(path, TRUST_FILE_MAX, &bytes, &length, NULL) ? bytes : xstrdup("");
}

static bool has_line(const char *lines, const char *digest)
{
    for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, digest, HASH_HEX - 1) == 0)
            return true;
    }
    return false;
}

bool trust_known(const char *digest)
{
    char dir[PATH_MAX];
    if (!usable(digest) || !file_state_dir(dir, sizeof dir, NULL))
        return false;
    char *path = file_join(dir, "trusted"), *lines = remembered(path);
    bool known = has_line(lines, digest);
    free(lines);
    free(path);
    return known;
}

/* Under the lock: what another process added meanwhile stays. */
static bool add_line(const char *path, const char *digest, const char *file, struct err *err)
{
    char *lines = remembered(path);
    struct str all = {0};
    bool ok = true;
    str_add(&all, lines);
    if (all.length && str_text(&all)[all.length - 1] != '\n')
        str_add_char(&all, '\n');
    if (!has_line(lines, digest)) {
        str_add(&all, digest);
        str_add(&all, "  ");
        text_visible(&all, file ? file : "", file ? strlen(file) : 0);
        str_add_char(&all, '\n');
        ok = file_write_atomic(path, str_text(&all), all.length, 0600, err);
    }
    str_free(&all);
    free(lines);
    return ok;
}

bool trust_remember(const char *digest, const char *file, struct err *err)
{
    char dir[PATH_MAX];
    if (!usable(digest))
        return err_set(err, ERR_GENERAL, "a configuration without a digest cannot be remembered");
    if (!file_state_dir(dir, sizeof dir, err) || !file_make_dirs(dir, 0700, err))
        return false;
    char *lock = file_join(dir, "lock"), *path = file_join(dir, "trusted");
    int fd;
    bool ok = file_lock(lock, LOCK_MS, &fd, err) && add_line(path, digest, file, err);
    if (fd >= 0)
        close(fd);
    free(lock);
    free(path);
    return ok;
}
