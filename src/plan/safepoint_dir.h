/* safepoint_dir - where safepoints live, and whether that is a place to keep rows in. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_DIR_H
#define SEEDOPS_PLAN_SAFEPOINT_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* `dir` if given, else safepoints/ below `state_dir`, else below the user's own. Gives a text to free(); NULL and an
 * error where there is no home. */
char *safepoint_dir(const char *dir, const char *state_dir, struct err *err);
/* Makes it (0700) and opens it; one of ours (`own`) is closed to others again if need be. -1 and an error. */
int safepoint_dir_open(const char *path, bool own, struct err *err);
/* False with an error if what is written there is lost with the machine or the container. */
bool safepoint_dir_lasts(int fd, const char *path, struct err *err);
/* False with an error if there is less room than that. */
bool safepoint_dir_room(int fd, const char *path, int64_t bytes, struct err *err);
/* Removes temporaries whose writers are gone. */
void safepoint_dir_clean(int fd);

#endif
