/* typed_in - secrets that a person typed, each kept under the title it was asked for by, so that a connection which is made
 * again does not ask again, and none is given to anybody else. */
#ifndef SEEDOPS_OP_TYPED_IN_H
#define SEEDOPS_OP_TYPED_IN_H

#include "base/secret.h"

enum { TYPED_IN_MOST = 4 };

struct typed_in { struct typed_in_one { char *title; struct secret *secret; } items[TYPED_IN_MOST]; };

/* Copies both, and replaces what was kept under that title. Which of them it is, -1: there is no room. */
int typed_in_keep(struct typed_in *typed, const char *title, const struct secret *secret);
/* Which of them, -1: none. */
int typed_in_find(const struct typed_in *typed, const char *title);
void typed_in_forget(struct typed_in *typed, int which);
void typed_in_free(struct typed_in *typed);

#endif
