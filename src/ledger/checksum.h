/* checksum - the sums that migration runners note: Prisma's with its tolerances, and the home-made variants
 * of (filename, checksum) ledgers (facts: ten public samples differ in everything that matters). */
#ifndef SEEDOPS_LEDGER_CHECKSUM_H
#define SEEDOPS_LEDGER_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

enum { CHECKSUM_MAX = 129 };     /* 128 hexadecimal digits of SHA-512 and the NUL */

/* Prisma: SHA-256 of the bytes. */
void checksum_prisma(const char *bytes, size_t length, char out[CHECKSUM_MAX]);
/* True if `noted` is the file's sum as Prisma sees it: of the bytes, of LF or of CRLF line ends, or in the
 * old format without zero padding (recognised by its length). */
bool checksum_prisma_matches(const char *noted, const char *bytes, size_t length);

extern const char *const checksum_variants[];    /* names, most likely first, NULL at the end */
/* An index into checksum_variants; -1: no such name. */
int checksum_variant(const char *name);
void checksum_of(int variant, const char *bytes, size_t length, char out[CHECKSUM_MAX]);
/* Hexadecimal case does not count. */
bool checksum_equal(const char *a, const char *b);

#endif
