/* A directory that a test program makes for itself and takes away when it ends. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>

/* `pattern` is mkdtemp(3)'s, and becomes the path. Returns what cmocka wants of a setup. */
static inline int scratch_make(char *pattern)
{
    return mkdtemp(pattern) ? 0 : -1;
}

/* Returns what cmocka wants of a teardown. */
static inline int scratch_remove(const char *dir)
{
    char command[4096];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : -1;
}

#endif
