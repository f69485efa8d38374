/* text - foreign text made fit to show: UTF-8, cells, visible escapes (utf8proc's tables, no locale).
 *
 * Text from a database, file or server is bytes of unknown intent. Every view and every message passes
 * it through here; nothing else decides what a control character looks like. */
#ifndef SEEDOPS_BASE_TEXT_H
#define SEEDOPS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

/* Decodes one code point of `bytes`; returns how many bytes it took (>= 1 while length > 0).
 * Invalid UTF-8 gives *point = -1 and 1. */
size_t text_decode(const char *bytes, size_t length, int32_t *point);
/* True if all bytes are valid UTF-8; else *where (may be NULL) is the offset of the first bad byte. */
bool text_valid(const char *bytes, size_t length, size_t *where);
/* Length in bytes of the grapheme cluster at the start, and its width in cells (0, 1 or 2). Controls,
 * bidi controls and invalid bytes are clusters of their own with *visible false. */
size_t text_cluster(const char *bytes, size_t length, int *cells, bool *visible);
/* Appends `bytes` with controls, C1, bidi controls, DEL and invalid bytes as visible escapes:
 * \n \t \r \e \xNN \u{202E}. A backslash itself stays as it is. Never emits a byte below 0x20 or 0x7f. */
void text_visible(struct str *out, const char *bytes, size_t length);
/* The same into a buffer, cut at a cluster boundary; returns `out`. */
char *text_visible_buf(char *out, size_t size, const char *text);
/* A line of a CSV file, every cell quoted whatever is in it; NULL is nothing at all. */
void text_add_csv_line(struct str *out, const char *const *cells, size_t count);
/* Cells that text_visible's output takes. */
int text_width(const char *text);
/* Bytes of the longest prefix of `text` that fits in `cells` (whole clusters); *used gets its cells. */
size_t text_fit(const char *text, int cells, int *used);
/* Code points in valid UTF-8 (what varchar(n) counts). */
size_t text_length(const char *text);
/* Edit distance, for "did you mean": small strings only (both under 64 bytes; longer gives 99). */
int text_distance(const char *a, const char *b);

#endif
