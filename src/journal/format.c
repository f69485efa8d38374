#include "journal/format.h"

#include <string.h>

void journal_chain(char hash[HASH_HEX], const char *bytes, size_t length)
{
    struct hash h;
    hash_init(&h);
    hash_add(&h, hash, strlen(hash));
    hash_add(&h, bytes, length);
    hash_hex(&h, hash);
}
