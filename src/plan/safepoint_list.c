/* safepoint_list - which safepoints there are, and which one a word means. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "plan/safepoint_dir.h"
#include "plan/safepoint_format.h"
#include "plan/safepoint_read.h"

/* ---- names ---- */

static bool is_safepoint(const char *name)
{
    size_t length = strlen(name), suffix = sizeof SAFEPOINT_SUFFIX - 1;
    return name[0] != '.' && length > suffix && strcmp(name + length - suffix, SAFEPOINT_SUFFIX) == 0;
}

struct names { char **items; size_t count; };

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

/* Names begin with the time: backwards is newest first. */
static int newest_first(const void *a, const void *b)
{
    return strcmp(*(char *const *)b, *(char *const *)a);
}

static bool read_names(const char *path, struct names *names, struct err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT || err_errno(err, ERR_GENERAL, errno, "cannot read the directory of safepoints %s", path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!is_safepoint(entry->d_name))
            continue;
        names->items = xrealloc(names->items, (names->count + 1) * sizeof *names->items);
        names->items[names->count++] = xstrdup(entry->d_name);
    }
    closedir(dir);
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, newest_first);
    return true;
}

/* ---- listing ---- */

bool safepoint_list(struct safepoint_list *list, const char *dir, const char *state_dir, struct err *err)
{
    struct names names = {0};
    *list = (struct safepoint_list){.dir = safepoint_dir(dir, state_dir, err)};
    if (!list->dir || !read_names(list->dir, &names, err)) {
        safepoint_list_free(list);
        return false;
    }
    list->items = xcalloc(names.count + 1, sizeof *list->items);
    for (size_t i = 0; i < names.count; i++) {
        struct safepoint_item *item = &list->items[list->count++];
        item->path = file_join(list->dir, names.items[i]);
        if (safepoint_open(&item->reader, item->path, &item->err))
            safepoint_let_go(item->reader);
    }
    names_free(&names);
    return true;
}

void safepoint_list_free(struct safepoint_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        safepoint_close(list->items[i].reader);
        free(list->items[i].path);
    }
    free(list->items);
    free(list->dir);
    *list = (struct safepoint_list){0};
}

/* ---- finding ---- */

static bool of_environment(const char *path, const char *environment)
{
    struct safepoint_reader *reader;
    struct err ignored = {0};
    if (!environment)
        return true;
    if (!safepoint_open(&reader, path, &ignored))
        return false;
    bool same = strcmp(safepoint_info(reader)->environment, environment) == 0;
    safepoint_close(reader);
    return same;
}

static char *find_last(const char *dir, const struct names *names, const char *environment, struct err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        char *path = file_join(dir, names->items[i]);
        if (of_environment(path, environment))
            return path;
        free(path);
    }
    err_set(err, ERR_USAGE, "there is no safepoint%s%s in %s", environment ? " of " : "",
            environment ? environment : "", dir);
    err_hint(err, "seedops restore --list shows those there are; --safepoint-dir looks elsewhere");
    return NULL;
}

static char *find_id(const char *dir, const struct names *names, const char *id, struct err *err)
{
    const char *found = NULL;
    size_t length = strlen(id), count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (strncmp(names->items[i], id, length) != 0)
            continue;
        found = names->items[i];
        if (strcmp(found + length, SAFEPOINT_SUFFIX) == 0)
            return file_join(dir, found);
        count++;
    }
    if (count == 1)
        return file_join(dir, found);
    if (count > 1)
        err_set(err, ERR_USAGE, "%zu safepoints begin with \"%s\"", count, id);
    else
        err_set(err, ERR_USAGE, "there is no safepoint \"%s\" in %s", id, dir);
    err_hint(err, "seedops restore --list shows those there are; --safepoint-dir looks elsewhere");
    return NULL;
}

char *safepoint_find(const char *name, const char *environment, const char *dir, const char *state_dir,
                     struct err *err)
{
    if (strchr(name, '/') || is_safepoint(name))
        if (access(name, F_OK) == 0 || strchr(name, '/'))
            return xstrdup(name);
    struct names names = {0};
    char *where = safepoint_dir(dir, state_dir, err), *found = NULL;
    if (where && read_names(where, &names, err))
        found = strcmp(name, "last") == 0 ? find_last(where, &names, environment, err)
                                          : find_id(where, &names, name, err);
    names_free(&names);
    free(where);
    return found;
}
