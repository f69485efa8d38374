/* clock - the only place that asks for the time. The pure rooms (event, app, ui's views, guard) never do. */
#ifndef SEEDOPS_BASE_CLOCK_H
#define SEEDOPS_BASE_CLOCK_H

#include <stdint.h>
#include <stddef.h>

int64_t clock_mono_ms(void);     /* monotonic milliseconds, arbitrary start */
int64_t clock_wall_ms(void);     /* milliseconds since 1970 UTC */
/* "2026-11-21T04:49:28.123Z"; size at least 25. */
void clock_format_utc(int64_t wall_ms, char *out, size_t size);
uint32_t clock_jitter(uint32_t below);   /* a random number in [0, below); 0 gives 0 */

#endif
