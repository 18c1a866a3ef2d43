/* Looking for pointers where there should be none: words in nocaps and secret memory that point to live blocks.
 *
 * Where no hardware forbids it, the promise that a block holds no pointers is the program's. Once a sweep looks for
 * pointers to freed memory before it is used again, one that hides in such a block is not seen, and its target may be
 * handed out while it is still in use. The audit finds these words while that is harmless. From the proposal of NoCaps
 * memory, which a revocation sweep need not read. Contract: N6.
 *
 * A finding is a word that looks like a pointer. An integer, a piece of text or a stale value may look so, too; with
 * addresses as high as those of blocks that is rare, but one finding alone proves nothing. What is not found: pointers
 * that are not aligned, that are compressed or changed in any way, that stand behind the size that was asked for, or
 * that point to freed blocks or to memory of others.
 */
#ifndef CAPALLOC_AUDIT_H
#define CAPALLOC_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An aligned word of a live block that was promised to hold no pointers, whose value is an address inside a live block
 * of any place: its start, or another byte before its end. */
typedef struct ca_audit_finding {
    size_t struct_size;
    const void *block;        /* the block that holds the word */
    size_t block_size;        /* in bytes, as asked for; where only its slot of 16 bytes is known, 16 */
    size_t offset;            /* of the word in it, in bytes */
    uintptr_t value;          /* of the word */
    const void *target;       /* the block it points into; value - target is the offset there */
    size_t target_size;       /* in bytes, as asked for; in the ordinary place that of the slot, for small blocks */
    const char *place;        /* of the block: "nocaps" or "secret"; static storage */
    const char *target_place; /* of the target: "ordinary", "nocaps", "mustzero" or "secret"; static storage */
} ca_audit_finding;

/* Called for each finding, which it may use until it returns. No lock is held: it may allocate and give back. Returns
 * true to go on, false to end the audit. */
typedef bool (*ca_audit_handler)(const ca_audit_finding *finding, void *context);

/* Looks at every aligned word of every live block in the places nocaps and secret, and calls the handler, unless it is
 * NULL, with each that points into a live block. Returns how many were found, the last one included when the handler
 * ended it. Allocates nothing and writes to no block.
 *
 * Other threads go on meanwhile. A block that lives during the whole call is looked at whole, and a pointer that stands
 * in it all the time to a block that lives all the time is found. What is allocated, given back, moved or written
 * meanwhile may be found or not, and may have gone when the handler hears of it; memory that goes back to the system
 * meanwhile is not touched. A thread that allocates may wait for a fifth of a millisecond.
 *
 * Cost: reads all live memory of the two places (about a second for 4 GiB), untouched pages included.
 * Thread-safe; not async-signal-safe. Errors: none; without a heap, 0. Contract: N6. */
size_t ca_audit_nocaps(ca_audit_handler handler, void *context);

#ifdef __cplusplus
}
#endif
#endif
