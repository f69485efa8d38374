/* onrecord_diff - see onrecord.h: the differences that a command prints, for the record. */
#ifndef SEEDOPS_OP_ONRECORD_DIFF_H
#define SEEDOPS_OP_ONRECORD_DIFF_H

#include "diff/diff.h"
#include "op/ctx.h"

struct onrecord_diff {
    struct ctx *ctx;
    const char *table;
    size_t key_count, bytes;
    int64_t count;                 /* differences, also those beyond the cap */
    struct input *page;            /* the first 200 or 64 KiB of them */
    bool on;                       /* a command's: the console records what it shows */
};

/* One table: begin, each difference, end (which tells) or drop (it failed). `table` outlives it. */
void onrecord_diff_begin(struct onrecord_diff *record, struct ctx *ctx, const char *table, size_t key_count);
void onrecord_diff_row(struct onrecord_diff *record, const struct diff_row *row);
void onrecord_diff_end(struct onrecord_diff *record, const struct diff_totals *totals, bool held);
void onrecord_diff_drop(struct onrecord_diff *record);

#endif
