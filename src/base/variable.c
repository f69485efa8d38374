/* variable - NAME, then NAME_FILE, then $CREDENTIALS_DIRECTORY/NAME. */
#include "base/variable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

enum { VARIABLE_FILE_MAX = 64 * 1024 };

static const char *get(const char *(*getenv_fn)(const char *), const char *name)
{
    return getenv_fn ? getenv_fn(name) : getenv(name);
}

/* What stands in the file, up to a line end at its end. A NUL would end it unseen. */
static enum variable_state read_file(const char *name, const char *by, const char *path, struct str *out, struct err *err)
{
    char *bytes;
    size_t length;
    struct err cannot = {0};
    if (!file_read(path, VARIABLE_FILE_MAX, &bytes, &length, &cannot)) {
        err_set(err, ERR_CONFIG, "%s is to be read from a file: %s", name, cannot.message);
        err_why(err, "%s", cannot.why);
        err_hint(err, "%s says so: put a readable file there, or set %s itself", by, name);
        return VARIABLE_BROKEN;
    }
    enum variable_state state = VARIABLE_SET;
    if (memchr(bytes, '\0', length)) {
        err_set(err, ERR_CONFIG, "%s is to be read from a file: %s is no text", name, path);
        err_why(err, "it holds a NUL byte");
        err_hint(err, "%s says so: put the text there, or set %s itself", by, name);
        state = VARIABLE_BROKEN;
    }
    size_t used = length;
    used -= used && bytes[used - 1] == '\n';
    used -= used && bytes[used - 1] == '\r';
    if (state == VARIABLE_SET && used == 0)
        state = VARIABLE_EMPTY_FILE;
    if (state == VARIABLE_SET)
        str_add_bytes(out, bytes, used);
    secret_wipe(bytes);
    free(bytes);
    return state;
}

static enum variable_state from_file(const char *(*getenv_fn)(const char *), const char *name, struct str *out,
                                     struct err *err)
{
    struct str variable = {0};
    str_printf(&variable, "%s_FILE", name);
    const char *path = get(getenv_fn, str_text(&variable));
    enum variable_state state = path && *path ? read_file(name, str_text(&variable), path, out, err)
                                              : VARIABLE_UNSET;
    str_free(&variable);
    return state;
}

/* A service that was given other credentials has none of this name: that is no mistake. */
static enum variable_state from_credential(const char *(*getenv_fn)(const char *), const char *name, struct str *out,
                                           struct err *err)
{
    const char *dir = get(getenv_fn, "CREDENTIALS_DIRECTORY");
    if (!dir || !*dir)
        return VARIABLE_UNSET;
    char *path = file_join(dir, name);
    enum variable_state state = VARIABLE_UNSET;
    if (access(path, F_OK) == 0)
        state = read_file(name, "CREDENTIALS_DIRECTORY", path, out, err);
    free(path);
    return state;
}

enum variable_state variable_read(const char *(*getenv_fn)(const char *), const char *name, struct str *out,
                                  struct err *err)
{
    const char *value = get(getenv_fn, name);
    if (value && *value) {
        str_add(out, value);
        return VARIABLE_SET;
    }
    enum variable_state state = from_file(getenv_fn, name, out, err);
    if (state == VARIABLE_UNSET)
        state = from_credential(getenv_fn, name, out, err);
    return state == VARIABLE_UNSET && value ? VARIABLE_EMPTY : state;
}

const char *variable_lack(enum variable_state state)
{
    return state == VARIABLE_EMPTY ? "empty" : state == VARIABLE_EMPTY_FILE ? "in a file that is empty" : "not set";
}
