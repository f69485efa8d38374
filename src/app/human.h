/* human - numbers, sizes and times as people read them. No locale: always the same marks. */
#ifndef SEEDOPS_APP_HUMAN_H
#define SEEDOPS_APP_HUMAN_H

#include <stddef.h>
#include <stdint.h>

enum { HUMAN = 40 };   /* every buffer below */

const char *human_count(char out[HUMAN], int64_t n);            /* 18 204 */
const char *human_short(char out[HUMAN], int64_t n);            /* 999, 4.8k, 48M: four cells */
const char *human_bytes(char out[HUMAN], int64_t bytes);        /* 812 B, 4.1 MB */
const char *human_span(char out[HUMAN], int64_t ms);            /* 240 ms, 1.2 s, 04:10, 17 h, 3 d */
const char *human_timer(char out[HUMAN], int64_t ms);           /* 00:12, 01:02:40 */
const char *human_clock(char out[HUMAN], int64_t wall_ms);      /* 12:15Z */
const char *human_clock_seconds(char out[HUMAN], int64_t wall_ms);
/* Milliseconds since 1970 of "2026-04-20T18:41:12[.123][Z]" (UTC), or -1. */
int64_t human_parse_utc(const char *iso);

#endif
