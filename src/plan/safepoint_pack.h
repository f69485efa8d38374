/* safepoint_pack - text into blocks, blocks into a file: compressed, checked, written. Writer only.
 *
 * What is small is packed where it is put. From the first full block on a thread of its own packs one while the next
 * is filled, so that whoever sends the text need not wait for that; what failed there is told by the next call. */
#ifndef SEEDOPS_PLAN_SAFEPOINT_PACK_H
#define SEEDOPS_PLAN_SAFEPOINT_PACK_H

#include "base/err.h"
#include "plan/safepoint_format.h"

struct packer;

/* NULL, with an error, if compression cannot be set up. Borrows `name`, for messages. */
struct packer *packer_new(const char *name, struct err *err);
/* Where to; the packer does not close it. Writes what stands before the first block. */
bool packer_start(struct packer *p, int fd, struct err *err);
/* Another tag or section than before begins a new block. */
bool packer_put(struct packer *p, enum block_tag tag, uint32_t section, const char *bytes, size_t length, struct err *err);
/* Ends the block, if anything is in it. */
bool packer_end_block(struct packer *p, struct err *err);
/* Waits until all blocks that have ended are in the file. */
bool packer_settle(struct packer *p, struct err *err);
/* Stops the thread, whatever it was doing, and frees. NULL is fine. */
void packer_free(struct packer *p);

/* ---- once settled ---- */
bool packer_write(struct packer *p, const void *bytes, size_t length, struct err *err);   /* between blocks */
uint64_t packer_blocks(const struct packer *p);
uint64_t packer_bytes(const struct packer *p);           /* of the file */
void packer_check(const struct packer *p, unsigned char check[CHECK_BYTES]);   /* over the checks of all blocks */

#endif
