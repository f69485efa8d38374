#include "cmd/state_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cmd/face.h"
#include "replay/replay.h"

/* One directory may have two names. */
static void add(struct state_dirs *dirs, const char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;
    const char *name = real ? real : path;
    for (size_t i = 0; name && i < dirs->count; i++)
        if (strcmp(dirs->items[i], name) == 0)
            name = NULL;
    if (name) {
        dirs->items = xrealloc(dirs->items, (dirs->count + 1) * sizeof *dirs->items);
        dirs->items[dirs->count++] = xstrdup(name);
    }
    free(real);
}

static void add_configured(struct state_dirs *dirs, const struct settings_options *options)
{
    struct settings settings = {0};
    struct err err = {0};
    if (settings_load(&settings, options, NULL, &err)) {
        add(dirs, settings.state_dir);
        for (size_t i = 0; i < settings.environment_count; i++)
            add(dirs, settings.environments[i].state_dir);
    } else {
        err_context(&err, "its state_dir is not looked at");
        face_print_error(&err, false);
    }
    settings_free(&settings);
}

bool state_dirs_find(struct state_dirs *dirs, const struct settings_options *options, struct err *err)
{
    char own[4096];
    struct err without = {0};
    *dirs = (struct state_dirs){0};
    if (file_state_dir(own, sizeof own, &without))
        add(dirs, own);
    add_configured(dirs, options);
    if (dirs->count)
        return true;
    *err = without;
    return false;
}

bool state_dirs_session(struct state_dirs *dirs, const struct settings_options *options, const char *name, char **path,
                        struct err *err)
{
    if (!replay_names_file(name) && dirs->count == 0 && !state_dirs_find(dirs, options, err))
        return false;
    return replay_find(dirs->items, dirs->count, name, path, err);
}

void state_dirs_free(struct state_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        free(dirs->items[i]);
    free(dirs->items);
    *dirs = (struct state_dirs){0};
}
