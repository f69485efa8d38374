/* md5 - RFC 1321, for ledgers whose runner noted MD5 sums (libsodium has none). Not for security. */
#ifndef SEEDOPS_LEDGER_MD5_H
#define SEEDOPS_LEDGER_MD5_H

#include <stddef.h>

void md5_hex_of(const void *bytes, size_t length, char hex[33]);

#endif
