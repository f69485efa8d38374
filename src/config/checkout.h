/* checkout - which commit of a git work tree a directory is at, read from its files.
 *
 * git itself is not run: the configuration of a repository that somebody else made can name programs. */
#ifndef SEEDOPS_CONFIG_CHECKOUT_H
#define SEEDOPS_CONFIG_CHECKOUT_H

#include <stdbool.h>

#include "base/hash.h"

/* Looks from `dir` upward. The commit's name in hexadecimal into `commit`, or "" and false when there is none. Says
 * nothing of changes that are not committed. */
bool checkout_commit(const char *dir, char commit[HASH_HEX]);

#endif
