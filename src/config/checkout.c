/* checkout - .git/HEAD, the branch it names, as a file or among the packed ones. */
#include "config/checkout.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { HEAD_MAX = 4096, PACKED_MAX = 16 * 1024 * 1024 };

static bool is_commit(const char *text, size_t length)
{
    return (length == 40 || length == 64) && strspn(text, "0123456789abcdef") >= length;
}

static bool take_commit(const char *text, char commit[HASH_HEX])
{
    size_t length = strcspn(text, " \t\r\n");
    if (!is_commit(text, length))
        return false;
    memcpy(commit, text, length);
    commit[length] = '\0';
    return true;
}

/* The first line of dir/name, without its end; NULL when there is none. Gives. */
static char *line_of(const char *dir, const char *name)
{
    char *path = file_join(dir, name), *bytes = NULL;
    size_t length;
    if (file_read(path, HEAD_MAX, &bytes, &length, NULL))
        bytes[strcspn(bytes, "\r\n")] = '\0';
    free(path);
    return bytes;
}

/* .git is a directory, or a file that says where it is (work trees, submodules). Gives; NULL: no work tree here. */
static char *git_dir(const char *dir)
{
    char *own = file_join(dir, ".git"), *head = line_of(own, "HEAD"), *found = NULL;
    if (head) {
        found = xstrdup(own);
    } else {
        char *link = line_of(dir, ".git");
        if (link && strncmp(link, "gitdir: ", 8) == 0)
            found = file_join(dir, link + 8);
        free(link);
    }
    free(head);
    free(own);
    return found;
}

/* Branches of a linked work tree lie with the repository that it belongs to. */
static char *common_dir(const char *git)
{
    char *link = line_of(git, "commondir");
    char *common = file_join(git, link ? link : ".");
    free(link);
    return common;
}

static bool packed(const char *common, const char *ref, char commit[HASH_HEX])
{
    char *path = file_join(common, "packed-refs"), *bytes = NULL;
    size_t length;
    bool found = false;
    if (file_read(path, PACKED_MAX, &bytes, &length, NULL))
        for (const char *line = bytes; *line && !found; line += strcspn(line, "\n"), line += *line == '\n') {
            size_t id = strcspn(line, " \n"), name = strlen(ref);
            found = line[id] == ' ' && strncmp(line + id + 1, ref, name) == 0 &&
                    strchr("\r\n", line[id + 1 + name]) && take_commit(line, commit);
        }
    free(bytes);
    free(path);
    return found;
}

/* A name that stays below the repository. */
static bool plain_ref(const char *ref)
{
    return strncmp(ref, "refs/", 5) == 0 && !strstr(ref, "..");
}

static bool resolve(const char *git, char commit[HASH_HEX])
{
    char *head = line_of(git, "HEAD"), *common = common_dir(git), *loose = NULL;
    bool found = false;
    if (head && strncmp(head, "ref: ", 5) != 0) {
        found = take_commit(head, commit);
    } else if (head && plain_ref(head + 5)) {
        loose = line_of(common, head + 5);
        found = loose ? take_commit(loose, commit) : packed(common, head + 5, commit);
    }
    free(loose);
    free(common);
    free(head);
    return found;
}

bool checkout_commit(const char *dir, char commit[HASH_HEX])
{
    char *at = xstrdup(dir);
    bool found = false;
    commit[0] = '\0';
    for (;;) {
        char *git = git_dir(at);
        if (git) {
            found = resolve(git, commit);
            free(git);
            break;
        }
        char *up = file_dirname(at);
        bool top = strcmp(up, at) == 0;
        free(at);
        at = up;
        if (top)
            break;
    }
    free(at);
    return found;
}
