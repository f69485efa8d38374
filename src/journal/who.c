/* who - who sits here: what the operating system knows of it. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/header.h"

enum { TEXT_MAX = 255 };

static void put(const char **text, const char *found, size_t length)
{
    if (*text && **text)
        return;
    free((char *)(uintptr_t)*text);
    *text = xstrndup(found, length < TEXT_MAX ? length : TEXT_MAX);
}

static void put_variable(const char **text, const char *name, const char *end)
{
    const char *value = getenv(name);
    if (value && *value)
        put(text, value, strcspn(value, end));
}

void journal_header_complete(struct journal_header *h)
{
    struct passwd entry, *found = NULL;
    char buffer[4096], host[256] = "", tty[256] = "";
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
        put(&h->user, found->pw_name, strlen(found->pw_name));
    gethostname(host, sizeof host - 1);
    put(&h->host, host, strlen(host));
    for (int fd = 0; fd < 3 && !*tty; fd++)
        if (ttyname_r(fd, tty, sizeof tty) != 0)
            *tty = '\0';
    put(&h->tty, tty, strlen(tty));
    put_variable(&h->from, "SSH_CONNECTION", " ");
    put_variable(&h->from, "SSH_CLIENT", " ");
    put_variable(&h->real_user, "SUDO_USER", "");
    h->pid = getpid();
}
