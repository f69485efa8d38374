/* format - what writer and reader of a journal agree on.
 *
 *     {"journal":1,"seedops":"0.1.0",...,"hash":"H0"}        the header
 *     {"n":1,"in":{...},"hash":"H1"}                         an input
 *     {"n":2,"end":{"lines":1},"hash":"H2"}                  the end, unless the session was killed
 *
 * A line's hash is the SHA-256 of the hash before it (as 64 digits; none before the header) and of the
 * line's own bytes up to the comma before "hash". Lines have exactly this form: what is inside "in" is
 * copied, not rewritten. */
#ifndef SEEDOPS_JOURNAL_FORMAT_H
#define SEEDOPS_JOURNAL_FORMAT_H

#include <stddef.h>

#include "base/hash.h"

enum {
    JOURNAL_FORMAT = 1,
    JOURNAL_LINE_MAX = 16 * 1024 * 1024,
    /* bytes from that comma on */
    JOURNAL_TAIL = sizeof(",\"hash\":\"") - 1 + HASH_HEX - 1 + sizeof("\"}") - 1
};

/* Moves the chain on by the `length` bytes of a line without its tail. "" is the chain's beginning. */
void journal_chain(char hash[HASH_HEX], const char *bytes, size_t length);

#endif
