/* term_pace - from a key to its effect on the screen: in a list that is the line of the mark, ▸, which moves or holds
 * another row. For bench/keys; no test looks at a time. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "term.h"

enum { KEYS_MOST = 100000, GAP_LEAST_MS = 2, GAP_MOST_MS = 20 };

static struct {
    double ms[KEYS_MOST];
    size_t count, bytes;
} paced;

static double precise_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* "17: ▸ ~  2011 ...": where the mark is, and its line. "" where there is none. */
static char *marked_line(void)
{
    char *text = screen_text(), *line = text, *found = NULL;
    for (int row = 0; !found && *line; row++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (strstr(line, "\xe2\x96\xb8") && asprintf(&found, "%d:%s", row, line) < 0)
            abort();
        line = end ? end + 1 : line + strlen(line);
    }
    free(text);
    return found ? found : strdup("");
}

static bool marked_otherwise(const char *before)
{
    char *now = marked_line();
    bool otherwise = strcmp(now, before) != 0;
    free(now);
    return otherwise;
}

/* What comes meanwhile is read as it comes, as a terminal does. */
static void wait_a_little(void)
{
    int64_t end = now_ms() + GAP_LEAST_MS + rand() % (GAP_MOST_MS - GAP_LEAST_MS);
    for (int64_t left; (left = end - now_ms()) > 0;)
        step((int)left);
}

static void press(char *key)
{
    char *before = marked_line(), name[32];
    size_t bytes = t.output_length;
    snprintf(name, sizeof name, "%s", key);
    double begin = precise_ms();
    press_keys(name);
    wait_until(marked_otherwise, before, "the mark stays where it is");
    if (paced.count < KEYS_MOST)
        paced.ms[paced.count++] = precise_ms() - begin;
    paced.bytes += t.output_length - bytes;
    free(before);
}

void pace(char *keys, int64_t count, const char *while_shown)
{
    char *names[8], *rest;
    size_t name_count = 0;
    for (char *name = strtok_r(keys, " ", &rest); name && name_count < 8; name = strtok_r(NULL, " ", &rest))
        names[name_count++] = name;
    for (int64_t i = 0; name_count && i < count && (!while_shown || screen_shows(while_shown)); i++) {
        press(names[(size_t)i % name_count]);
        wait_a_little();
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void pace_say(const char *name)
{
    if (!paced.count)
        fail("no key was paced");
    qsort(paced.ms, paced.count, sizeof *paced.ms, by_size);
    printf("%s\t%zu\t%.1f\t%.1f\t%.1f\t%zu\n", name, paced.count, paced.ms[paced.count / 2],
           paced.ms[paced.count * 99 / 100], paced.ms[paced.count - 1], paced.bytes / paced.count);
    fflush(stdout);
    paced.count = paced.bytes = 0;
}
