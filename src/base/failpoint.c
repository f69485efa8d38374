/* failpoint - the table's names, and what SEEDOPS_FAIL asks for. */
#include "base/failpoint.h"

#ifdef SEEDOPS_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#endif

#define FAILPOINT_NAME(id, name, help) [FAIL_##id] = name,
static const char *const names[FAILPOINT_COUNT] = {FAILPOINTS(FAILPOINT_NAME)};

const char *failpoint_name(enum failpoint point) { return names[point]; }

#ifdef SEEDOPS_FAILPOINTS
bool failpoint(enum failpoint point, struct err *err)
{
    const char *wish = getenv("SEEDOPS_FAIL");
    size_t length = strlen(names[point]);
    if (!wish || strncmp(wish, names[point], length) != 0 || wish[length] != ':')
        return true;
    const char *how = wish + length + 1;
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "pause") == 0)
        raise(SIGSTOP);
    return strcmp(how, "error") != 0 || err_set(err, ERR_GENERAL, "fail point %s", names[point]);
}
#endif
