/* clock - monotonic and wall time, and randomness for backoff. */
#include "base/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

static int64_t read_ms(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void) { return read_ms(CLOCK_MONOTONIC); }
int64_t clock_wall_ms(void) { return read_ms(CLOCK_REALTIME); }

void clock_format_utc(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, size, "%s.%03dZ", stamp, (int)(wall_ms % 1000));
}

uint32_t clock_jitter(uint32_t below) { return below ? randombytes_uniform(below) : 0; }
