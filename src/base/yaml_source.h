/* yaml_source - the bytes under the YAML parser: from memory or a file, checked before libyaml sees them,
 * because libyaml reports bad bytes without a place and holds a value of any size. Private to yaml.c. */
#ifndef SEEDOPS_BASE_YAML_SOURCE_H
#define SEEDOPS_BASE_YAML_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct yaml_source {
    const char *file;           /* for messages; borrowed */
    int fd;                     /* or -1: */
    const char *before;         /* given out first, and neither counted nor checked; NULL: nothing */
    const char *bytes;
    size_t length, used;
    uint64_t total;             /* bytes handed out */
    unsigned line, column;      /* 0-based, of the next character */
    bool after_cr;
    unsigned char partial[4];   /* a character cut by the end of a chunk */
    size_t partial_length;
    bool failed;
    struct err err;
};

/* Up to `size` bytes into `out`; *got 0 at the end. False with source->err when they cannot be read, are not
 * UTF-8, or hold what YAML does not allow. */
bool yaml_source_read(struct yaml_source *source, unsigned char *out, size_t size, size_t *got);

#endif
