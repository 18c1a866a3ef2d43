/* The sampled heap profile: some blocks, drawn by chance in proportion to their bytes, have a record, and the call that
 * took each stands in the sites of the process's page (sites.h).
 *
 * Every bin and each heap's large blocks are a process of their own that hits each byte alike (core/chance.h). What is
 * left until the next hit stays with the heap: through housekeeping, shortened periods and the end of the thread. A
 * block that was hit has a state of its own, so that it leaves by the slow path, where its record ends. A large block
 * that is made longer or shorter, or is moved, ends and is drawn anew.
 *
 * Without a profile one flag is looked at on slow paths, and nothing else happens. Nothing here takes a lock, and what
 * it needs of memory it has from the start.
 */
#ifndef CAI_HEAPS_SAMPLE_H
#define CAI_HEAPS_SAMPLE_H

#include "blocks/find.h"
#include "blocks/heap.h"
#include "heaps/sites.h"

/* Starts sampling at this mean distance, into these sites, which are zero. False: there is no memory for the records of
 * live blocks. Once; allocations of the calling thread count from here on, those of others soon after. */
bool cai_sample_start(struct cai_sites *sites, uint64_t rate);

/* In the child of a fork: its samples are kept in these sites; NULL: it takes none, and ends those that it
 * inherited. */
void cai_sample_child(struct cai_sites *sites);

void cai_sample_look_at_large(struct cai_heap *heap, enum cai_place place, void *block);

extern uint64_t cai_sample_rate; /* atomic; 0: no samples are taken */

CAI_INLINE bool cai_sample_is_on(void)
{
    return CAI_UNLIKELY(cai_load_relaxed(&cai_sample_rate) != 0);
}

/* --- a sample is due --- */

/* The bin's countdown ran out, `passed` allocations after the time before: whether the last of them is hit. The next
 * time will be when one is, or earlier. */
bool cai_sample_is_due(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint64_t passed);

/* The same for any process that hits one byte in `rate`, of which a bin's allocations have so many each: *left is how
 * many are left until the next that is hit, 0: not drawn yet. */
bool cai_sample_count(struct cai_bin *bin, uint32_t *left, uint64_t passed, uint64_t rate, uint64_t bytes);

/* Of a large block of so many bytes, whether it is hit. */
bool cai_sample_is_due_large(struct cai_heap *heap, uint64_t bytes);

/* A large block that was just taken, or NULL: sampled when it is due. Returns it. */
CAI_INLINE void *cai_sample_large(struct cai_heap *heap, enum cai_place place, void *block)
{
    if (cai_sample_is_on())
        cai_sample_look_at_large(heap, place, block);
    return block;
}

/* --- the life of a sampled block --- */

/* A live block that nobody else knows yet gets a record and its state. */
void cai_sample_begin(enum cai_place place, void *address);

/* A block that is about to be given back: if it has a record, that ends, and live->byte is what the block is without
 * it. False: another thread gave it back meanwhile, nothing changed. */
bool cai_sample_end(struct cai_live *live);

/* A claimed block, `live` as it was found, is made longer or shorter, is moved, or wiped: its record ends, and the
 * claim is to be returned with what live->byte is afterwards. */
void cai_sample_drop(struct cai_live *live);

/* Undoes the drop: nothing came of it. `live` as it was found. */
void cai_sample_restore(struct cai_live live);

/* A claimed large block, which has no record, is so long now: it is drawn anew, and live->byte says what came of it. */
void cai_sample_redraw(struct cai_live *live);

/* The exact size of a block (blocks/exact.h). One of less than 16 bytes says it by its state, and has no other: it is
 * taken out of the profile. `live` is the caller's own, and says afterwards what it is. */
void cai_sample_set_exact(struct cai_live *live, size_t bytes);

/* What is known of the sampled block at an address, or of the last one that was there: the sites that took it and, with
 * the setting `backtrace`, gave it back; 0: not known. Later blocks that were not sampled leave no trace. */
struct cai_sampled {
    uint32_t allocated_at, freed_at;
};

struct cai_sampled cai_sample_find(uint64_t address);

/* The blocks of a heap that ends. */
void cai_sample_end_heap(const struct cai_heap *heap);

#endif
