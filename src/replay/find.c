/* find - a session by the name that a person gives it. */
#include "replay/replay.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "journal/segments.h"

struct match {
    char *best;              /* session id: the newest so far */
    const char *dir;         /* where that is */
    int count;               /* sessions that match */
};

static void consider(struct match *m, const char *dir, const char *file, const char *prefix)
{
    size_t length;
    if (segment_of_name(file, &length) == 0 || strncmp(file, prefix, strlen(prefix)) != 0)
        return;
    char *id = xstrndup(file, length);
    int order = m->best ? strcmp(id, m->best) : 1;
    m->count += order != 0;
    if (order > 0) {
        free(m->best);
        m->best = id;
        m->dir = dir;
    } else {
        free(id);
    }
}

static bool unknown(struct err *err, const char *name, char *const *state_dirs, size_t count)
{
    struct str where = {0};
    for (size_t i = 0; i < count; i++)
        str_printf(&where, "%s%s/sessions", i ? " or " : "", state_dirs[i]);
    err_set(err, ERR_GENERAL, "there is no session \"%s\"", name);
    err_why(err, "it is no file, and none in %s begins so", str_text(&where));
    str_free(&where);
    return err_hint(err, "seedops sessions lists them; seedops replay last takes the newest");
}

static void look(struct match *m, const char *state_dir, const char *prefix)
{
    char *path = file_join(state_dir, "sessions");
    DIR *d = opendir(path);
    for (struct dirent *entry; d && (entry = readdir(d));)
        consider(m, state_dir, entry->d_name, prefix);
    if (d)
        closedir(d);
    free(path);
}

/* The first segment may have been dropped: any that is left leads to the others. NULL: none is. */
static char *segment_left(const struct match *m)
{
    char *dir = file_join(m->dir, "sessions"), *path = NULL;
    for (int segment = 1; segment < 10000 && !path; segment++) {
        char *file = segment_name(m->best, segment);
        path = file_join(dir, file);
        free(file);
        if (access(path, F_OK) != 0) {
            free(path);
            path = NULL;
        }
    }
    free(dir);
    return path;
}

bool replay_names_file(const char *name) { return strchr(name, '/') || access(name, F_OK) == 0; }

/* Ids begin with the moment they were made at, so the greatest is the newest. */
bool replay_find(char *const *state_dirs, size_t count, const char *name, char **path, struct err *err)
{
    struct match m = {0};
    bool last = strcmp(name, "last") == 0;
    *path = NULL;
    if (replay_names_file(name)) {
        *path = xstrdup(name);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        look(&m, state_dirs[i], last ? "" : name);
    if (m.count > 1 && !last) {
        err_set(err, ERR_USAGE, "\"%s\" may be any of %d sessions", name, m.count);
        err_hint(err, "give more of its name; %s is the newest of them", m.best);
    } else if (!m.best || !(*path = segment_left(&m))) {
        unknown(err, name, state_dirs, count);
    }
    free(m.best);
    return *path != NULL;
}
