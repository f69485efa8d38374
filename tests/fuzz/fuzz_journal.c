/* Any bytes as a journal: no crash. And with the hashes made right, so that what is behind them is reached
 * too: each line of the input gets the tail it would need. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "journal/file.h"
#include "journal/format.h"
#include "journal/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(const char *bytes, size_t length)
{
    struct journal_reader *r;
    struct journal_summary summary;
    struct err err = {0};
    const char *input = "";
    size_t input_length;
    uint64_t lines = 0;
    if (!journal_read_bytes(&r, "f", bytes, length, &err)) {
        if (err.class != ERR_GENERAL || !err.message[0] || !err.at[0])
            abort();
        return;
    }
    if (!journal_read_header(r)->target || journal_read_header(r)->columns < 0)
        abort();
    bool ok = true;
    lines = journal_read_header(r)->before;   /* of the segments before this one */
    while (ok && input) {
        ok = journal_read_next(r, &input, &input_length, &err);
        if (ok && input && (strlen(input) != input_length || input[0] != '{'))
            abort();
        lines += ok && input;
    }
    if (!ok && (err.class != ERR_GENERAL || !err.why[0] || !err.at[0]))
        abort();
    journal_read_summary(r, &summary);
    if (summary.lines != lines || (!ok && summary.end == JOURNAL_END_CUT))
        abort();
    journal_read_close(r);
}

/* The same for who walks around in it: what the index promises must be there, each way round. */
static void walk(const char *bytes, size_t length)
{
    struct journal_file *f;
    struct err err = {0};
    if (!journal_file_bytes(&f, "f", bytes, length, &err)) {
        if (err.class != ERR_GENERAL || !err.message[0])
            abort();
        return;
    }
    const struct journal_facts *facts = journal_file_facts(f);
    if (facts->damaged && (!facts->problem.why[0] || !facts->problem.at[0]))
        abort();
    for (uint64_t n = facts->last; n + 1 > facts->first; n--) {
        const char *text;
        size_t text_length;
        uint64_t at;
        if (!journal_file_input(f, n, &text, &text_length, &err) || text[text_length] != '\0')
            abort();
        if (!journal_file_checkpoint(f, n, &at, &text, &text_length, &err) || at > n)
            abort();
        if (journal_file_at(f, journal_file_offset(f, n)) + 1 < facts->first)
            abort();
    }
    struct journal_summary summary;
    bool ok = journal_file_verify(f, NULL, NULL, &summary, &err);
    if (ok && (facts->damaged || summary.lines != facts->last || summary.end != facts->end))
        abort();
    journal_file_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    drain(bytes, size);
    walk(bytes, size);
    struct str s = {0};
    char hash[HASH_HEX] = "";
    for (size_t i = 0; i < size;) {
        const char *newline = memchr(bytes + i, '\n', size - i);
        size_t length = newline ? (size_t)(newline - bytes) - i : size - i;
        str_add_bytes(&s, bytes + i, length);
        journal_chain(hash, bytes + i, length);
        str_printf(&s, ",\"hash\":\"%s\"}\n", hash);
        i += length + 1;
    }
    drain(str_text(&s), s.length);
    walk(str_text(&s), s.length);
    str_free(&s);
    return 0;
}
