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
    int count;               /* sessions that match */
};

static void consider(struct match *m, const char *file, const char *prefix)
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
    } else {
        free(id);
    }
}

static bool unknown(struct err *err, const char *name, const char *dir)
{
    err_set(err, ERR_GENERAL, "there is no session \"%s\"", name);
    err_why(err, "it is no file, and none in %s begins so", dir);
    return err_hint(err, "seedops sessions lists them; seedops replay last takes the newest");
}

/* Ids begin with the moment they were made at, so the greatest is the newest. */
static bool find_in(const char *dir, const char *name, char **path, struct err *err)
{
    struct match m = {0};
    bool last = strcmp(name, "last") == 0;
    DIR *d = opendir(dir);
    for (struct dirent *entry; d && (entry = readdir(d));)
        consider(&m, entry->d_name, last ? "" : name);
    if (d)
        closedir(d);
    if (!m.best)
        return unknown(err, name, dir);
    if (m.count > 1 && !last) {
        err_set(err, ERR_USAGE, "\"%s\" may be any of %d sessions", name, m.count);
        err_hint(err, "give more of its name; %s is the newest of them", m.best);
        free(m.best);
        return false;
    }
    /* the first segment may have been dropped: any that is left leads to the others */
    for (int segment = 1; segment < 10000; segment++) {
        char *file = segment_name(m.best, segment);
        *path = file_join(dir, file);
        free(file);
        if (access(*path, F_OK) == 0)
            break;
        free(*path);
        *path = NULL;
    }
    free(m.best);
    return *path || unknown(err, name, dir);
}

bool replay_find(const char *name, char **path, struct err *err)
{
    char state[4096] = "";
    *path = NULL;
    if (strchr(name, '/') || access(name, F_OK) == 0) {
        *path = xstrdup(name);
        return true;
    }
    if (!file_state_dir(state, sizeof state, err))
        return false;
    char *dir = file_join(state, "sessions");
    bool ok = find_in(dir, name, path, err);
    free(dir);
    return ok;
}
