#include "journal/segments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

static const char ending[] = ".jsonl";

char *segment_name(const char *session, int segment)
{
    size_t size = strlen(session) + 32;
    char *name = xmalloc(size);
    if (segment == 1)
        snprintf(name, size, "%s%s", session, ending);
    else
        snprintf(name, size, "%s.%d%s", session, segment, ending);
    return name;
}

int segment_of_name(const char *name, size_t *length)
{
    size_t size = strlen(name), cut = sizeof ending - 1;
    *length = 0;
    if (size <= cut || strcmp(name + size - cut, ending) != 0 || name[0] == '.')
        return 0;
    *length = strcspn(name, ".");
    if (*length == size - cut)
        return 1;
    int segment = 0;
    const char *digit = name + *length + 1;
    if (*digit == '0')
        return 0;
    for (; *digit >= '0' && *digit <= '9' && segment < 1000000; digit++)
        segment = segment * 10 + (*digit - '0');
    return segment > 1 && strcmp(digit, ending) == 0 ? segment : 0;
}

static char *path_of(const char *directory, const char *session, int segment)
{
    char *name = segment_name(session, segment), *path = file_join(directory, name);
    free(name);
    return path;
}

static bool exists(const char *directory, const char *session, int segment)
{
    char *path = path_of(directory, session, segment);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

void segments_beside(const char *path, size_t limit, struct segment_names *names)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length;
    int own = segment_of_name(name, &length);
    if (own == 0) {
        *names = (struct segment_names){.paths = xmalloc(sizeof *names->paths), .count = 1};
        names->paths[0] = xstrdup(path);
        return;
    }
    char *directory = file_dirname(path), *session = xstrndup(name, length);
    int first = own, last = own;
    while (first > 1 && (size_t)(own - first) + 1 < limit && exists(directory, session, first - 1))
        first--;
    while ((size_t)(last - first) + 1 < limit && exists(directory, session, last + 1))
        last++;
    *names = (struct segment_names){.paths = xcalloc((size_t)(last - first) + 1, sizeof *names->paths)};
    for (int k = first; k <= last; k++)
        names->paths[names->count++] = k == own ? xstrdup(path) : path_of(directory, session, k);
    free(session);
    free(directory);
}

void segment_names_free(struct segment_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->paths[i]);
    free(names->paths);
    *names = (struct segment_names){0};
}
