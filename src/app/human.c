/* human - numbers, sizes and times as people read them. */
#include "app/human.h"

#include <stdio.h>
#include <string.h>

#include "app/util.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (INT64_C(24) * HOUR)

const char *human_count(char out[HUMAN], int64_t n)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu",
                                     n < 0 ? 0ULL - (unsigned long long)n : (unsigned long long)n);
    size_t used = 0;
    if (n < 0)
        out[used++] = '-';
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ' ';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *human_short(char out[HUMAN], int64_t n)
{
    static const char units[] = "kMGTPE";
    if (n < 1000) {
        snprintf(out, HUMAN, "%lld", (long long)n);
        return out;
    }
    int64_t tenths = n / 100;   /* of the unit */
    size_t unit = 0;
    while (tenths >= 10000) {
        tenths /= 1000;
        unit++;
    }
    if (tenths < 100)
        snprintf(out, HUMAN, "%d.%d%c", (int)(tenths / 10), (int)(tenths % 10), units[unit]);
    else
        snprintf(out, HUMAN, "%d%c", (int)(tenths / 10), units[unit]);
    return out;
}

const char *human_bytes(char out[HUMAN], int64_t bytes)
{
    static const char units[][4] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(out, HUMAN, "%lld B", (long long)bytes);
        return out;
    }
    int64_t tenths = bytes / 100;   /* of the unit */
    size_t unit = 0;
    while (tenths >= 10000 && unit + 1 < sizeof units / sizeof units[0]) {
        tenths /= 1000;
        unit++;
    }
    if (tenths < 100)
        snprintf(out, HUMAN, "%d.%d %s", (int)(tenths / 10), (int)(tenths % 10), units[unit]);
    else
        snprintf(out, HUMAN, "%lld %s", (long long)(tenths / 10), units[unit]);
    return out;
}

const char *human_span(char out[HUMAN], int64_t ms)
{
    if (ms < SECOND)
        snprintf(out, HUMAN, "%lld ms", (long long)ms);
    else if (ms < 10 * SECOND)
        snprintf(out, HUMAN, "%d.%d s", (int)(ms / SECOND), (int)(ms / 100 % 10));
    else if (ms < MINUTE)
        snprintf(out, HUMAN, "%d s", (int)(ms / SECOND));
    else if (ms < HOUR)
        snprintf(out, HUMAN, "%d min", (int)(ms / MINUTE));
    else if (ms < 2 * DAY)
        snprintf(out, HUMAN, "%d h", (int)(ms / HOUR));
    else
        snprintf(out, HUMAN, "%lld d", (long long)(ms / DAY));
    return out;
}

const char *human_timer(char out[HUMAN], int64_t ms)
{
    int64_t seconds = ms < 0 ? 0 : ms / SECOND;
    if (seconds < 3600)
        snprintf(out, HUMAN, "%02d:%02d", (int)(seconds / 60), (int)(seconds % 60));
    else
        snprintf(out, HUMAN, "%02lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60),
                 (int)(seconds % 60));
    return out;
}

static int64_t of_day(int64_t wall_ms)
{
    int64_t ms = wall_ms % DAY;
    return ms < 0 ? ms + DAY : ms;
}

const char *human_clock(char out[HUMAN], int64_t wall_ms)
{
    int64_t ms = of_day(wall_ms);
    snprintf(out, HUMAN, "%02d:%02dZ", (int)(ms / HOUR), (int)(ms / MINUTE % 60));
    return out;
}

const char *human_clock_seconds(char out[HUMAN], int64_t wall_ms)
{
    int64_t ms = of_day(wall_ms);
    snprintf(out, HUMAN, "%02d:%02d:%02dZ", (int)(ms / HOUR), (int)(ms / MINUTE % 60),
             (int)(ms / SECOND % 60));
    return out;
}

/* Days since 1970-01-01 of a Gregorian date (years start in March, so leap days come last). */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t human_parse_utc(const char *iso)
{
    static const char shape[] = "0000-00-00?00:00:00";
    int part[6] = {0};
    size_t n = 0;
    for (size_t i = 0; shape[i]; i++) {
        char c = or_empty(iso)[i];
        if (shape[i] == '0') {
            if (c < '0' || c > '9')
                return -1;
            part[n] = part[n] * 10 + (c - '0');
        } else {
            if (shape[i] == '?' ? c != 'T' && c != ' ' : c != shape[i])
                return -1;
            n++;
        }
    }
    if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 || part[4] > 59 ||
        part[5] > 60)
        return -1;
    return days_of(part[0], part[1], part[2]) * DAY + part[3] * (int64_t)HOUR + part[4] * MINUTE +
           part[5] * SECOND;
}
