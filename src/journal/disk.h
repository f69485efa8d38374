/* disk - the files of the session that is being recorded: the only code that writes them. Every call may wait
 * for the disk: they are the journal thread's. */
#ifndef SEEDOPS_JOURNAL_DISK_H
#define SEEDOPS_JOURNAL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "journal/caps.h"
#include "journal/header.h"

struct disk {
    char *directory;               /* "" when there is none */
    struct journal_header header;  /* texts owned; of the segment that is being written */
    struct journal_limits limits;
    bool models;                   /* checkpoints come: a segment begins with one */
    void (*say)(void *data, const char *level, const char *text);   /* what the Log should know; may be NULL */
    void *say_data;
    int directory_fd, fd;          /* -1: not open */
    struct str line;
    uint64_t number;               /* of the last input */
    off_t length;                  /* of the segment */
    char hash[HASH_HEX];
    int checkpoint_segment;        /* where the last checkpoint is */
    int64_t checkpoint_at;         /* -1: there is none */
    bool torn;                     /* a half line could not be taken back: nothing may follow */
    bool stuck;                    /* a new segment could not be made; said once */
};

/* Copies the header's texts, and gives the session its id. Touches no disk. */
void disk_init(struct disk *disk, const char *state_dir, const struct journal_header *header);
void disk_free(struct disk *disk);
char *disk_path(const struct disk *disk, int segment);   /* gives: free() */
/* Directory 0700, file 0600, header line. */
bool disk_open(struct disk *disk, struct err *err);
/* Drops what is over the limits. */
void disk_apply_caps(struct disk *disk);
/* Goes on in a new segment before it, when this one is full. */
bool disk_put_input(struct disk *disk, const char *input, size_t length, struct err *err);
bool disk_put_checkpoint(struct disk *disk, int64_t offset_ms, const char *model, size_t length, struct err *err);
/* The end line; disk_sync is the caller's. `failure`: why not everything was recorded, "" when it was; `summary` an encoded object, or
 * NULL. */
bool disk_put_end(struct disk *disk, const char *failure, const char *summary, struct err *err);
bool disk_sync(struct disk *disk, struct err *err);
/* This segment has reached its limit and another can follow it: the next checkpoint should come now. */
bool disk_full(const struct disk *disk);

#endif
