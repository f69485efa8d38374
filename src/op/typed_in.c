#include "op/typed_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int typed_in_find(const struct typed_in *typed, const char *title)
{
    for (int i = 0; i < TYPED_IN_MOST; i++)
        if (typed->items[i].title && strcmp(typed->items[i].title, title) == 0)
            return i;
    return -1;
}

void typed_in_forget(struct typed_in *typed, int which)
{
    struct typed_in_one *one = &typed->items[which];
    free(one->title);
    secret_free(one->secret);
    *one = (struct typed_in_one){0};
}

int typed_in_keep(struct typed_in *typed, const char *title, const struct secret *secret)
{
    int at = typed_in_find(typed, title);
    for (int i = 0; at < 0 && i < TYPED_IN_MOST; i++)
        if (!typed->items[i].title)
            at = i;
    if (at < 0)
        return at;
    struct typed_in_one fresh = {xstrdup(title), secret_copy(secret)};
    typed_in_forget(typed, at);
    typed->items[at] = fresh;
    return at;
}

void typed_in_free(struct typed_in *typed)
{
    for (int i = 0; i < TYPED_IN_MOST; i++)
        typed_in_forget(typed, i);
}
