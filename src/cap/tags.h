/* Tags of the software capabilities in memory: one bit for every 16 bytes, out of line.
 *
 * The table mirrors one span of addresses, so the bit of an address is found by a subtraction and a shift. It is mapped
 * piece by piece when a first tag is set; what is not mapped reads as "no tag", and pages without a tag ever set stay
 * untouched. The span is cut into equal pieces, some of which hold no tags at all. Bits change by atomic operations.
 *
 * What is stored in memory and its tag are two things here, one on a CHERI machine: threads that access one granule at
 * the same time without synchronization may see the bytes of one store with the tag of another.
 */
#ifndef CAI_CAP_TAGS_H
#define CAI_CAP_TAGS_H

#include "base/atomic.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CAI_TAGS_GRANULE_SHIFT = 4,
    CAI_TAGS_WORD_SHIFT = CAI_TAGS_GRANULE_SHIFT + 6, /* what 64 tags cover */
    /* A chunk is what is mapped at once: 64 KiB of table, 2^19 tags, for 8 MiB. No page is larger. */
    CAI_TAGS_CHUNK_SHIFT = 23,
};

struct cai_tags {
    size_t base;      /* of the span */
    size_t bytes;     /* of the span; 0: no table yet */
    uint64_t *table;  /* bit i of the table: granule i of the span */
    uint8_t *chunks;  /* one byte per chunk: 1 when it is mapped; changes once, from 0 to 1 */
    unsigned shift;   /* a piece has 1 << shift bytes */
    unsigned holding; /* bit i: piece i may hold tags */
};

extern struct cai_tags cai_tags;

/* How much address space the table of a span needs. */
size_t cai_tags_room(size_t span_bytes);

/* Sets up the table of [base, base + (pieces << shift)), whole chunks, at `room`, where nothing is mapped; bit i of
 * `holding`: piece i may hold tags. False: out of memory. Any number of times, with the same arguments. Thread-safe. */
bool cai_tags_start(size_t base, unsigned shift, unsigned pieces, unsigned holding, size_t room);

/* Can memory at this address hold tags? */
bool cai_tags_held(size_t address);

/* Makes room for the tag of this address, which is one that can hold tags. False: out of memory for the table. */
bool cai_tags_make_room(size_t address);

/* Clears the tags of all granules that touch [address, address + bytes). */
void cai_tags_clear_slow(size_t address, size_t bytes);

/* The tags of `count` <= 64 granules from `address` on, bit by bit. */
uint64_t cai_tags_read(size_t address, unsigned count);

/* Writes the tags of such a range to `tags`, (bytes / 16 + 63) / 64 words that are zero. */
void cai_tags_copy_out(size_t address, size_t bytes, uint64_t *tags);

/* Sets the tags of such a range that are set in `tags`. False: some could not be set, out of memory for the table. */
bool cai_tags_copy_in(size_t address, size_t bytes, const uint64_t *tags);

/* Bytes of table that are mapped, few of which may have been touched. */
size_t cai_tags_mapped_bytes(void);

/* In the child of a fork. A chunk that was being mapped by a thread that is not there may stay without tags. */
void cai_tags_repair(void);

/* Does the table have a word for the tag of `address`? Then *word is it. The rest of cai_tags is there once `bytes`
 * is. */
CAI_INLINE bool cai_tags_has_word(size_t address, uint64_t **word)
{
    size_t bytes = cai_load_acquire(&cai_tags.bytes);
    size_t offset = address - cai_tags.base;

    if (CAI_UNLIKELY(offset >= bytes || cai_load_acquire(&cai_tags.chunks[offset >> CAI_TAGS_CHUNK_SHIFT]) == 0))
        return false;
    *word = cai_tags.table + (offset >> CAI_TAGS_WORD_SHIFT);
    return true;
}

/* That word, or NULL where there is none yet: no tag is set there. */
CAI_INLINE uint64_t *cai_tags_word(size_t address)
{
    uint64_t *word;

    return cai_tags_has_word(address, &word) ? word : NULL;
}

CAI_INLINE uint64_t cai_tags_bit(size_t address)
{
    return UINT64_C(1) << ((address >> CAI_TAGS_GRANULE_SHIFT) & 63);
}

CAI_INLINE bool cai_tags_in(const uint64_t *word, size_t address)
{
    return (cai_load_acquire(word) >> ((address >> CAI_TAGS_GRANULE_SHIFT) & 63) & 1) != 0;
}

CAI_INLINE bool cai_tags_get(size_t address)
{
    const uint64_t *word = cai_tags_word(address);

    return word != NULL && cai_tags_in(word, address);
}

/* After cai_tags_make_room, or where a tag was set before. */
CAI_INLINE void cai_tags_set(size_t address)
{
    cai_or_release(cai_tags_word(address), cai_tags_bit(address));
}

/* bytes > 0 */
CAI_INLINE void cai_tags_clear(size_t address, size_t bytes)
{
    uint64_t *word = cai_tags_word(address);
    size_t last = address + bytes - 1;

    if (CAI_LIKELY(((address ^ last) >> CAI_TAGS_WORD_SHIFT) == 0)) {
        /* From the bit of the first granule to that of the last. */
        uint64_t bits = (cai_tags_bit(last) - cai_tags_bit(address)) | cai_tags_bit(last);
        if (word != NULL && CAI_UNLIKELY((cai_load_relaxed(word) & bits) != 0))
            cai_and_relaxed(word, ~bits);
    } else {
        cai_tags_clear_slow(address, bytes);
    }
}

#endif
