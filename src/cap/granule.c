/* See granule.h. */
#include "cap/granule.h"

#include "cap/tags.h"

enum { GRANULES_SHIFT = 6, GRANULES = 1 << GRANULES_SHIFT };

/* Each in a cache line of its own. */
static union {
    struct cai_granule granule;
    char line[CAI_CACHE_LINE];
} granules[GRANULES] __attribute__((aligned(CAI_CACHE_LINE))) = {
    [0 ... GRANULES - 1] = {.granule = {.lock = CAI_LOCK_INIT(CAI_RANK_GRANULE)}}};

_Static_assert(sizeof granules[0] == CAI_CACHE_LINE, "one line");

/* Those of neighbouring addresses lie apart. */
struct cai_granule *cai_granule_take(size_t address)
{
    uint64_t mixed = (uint64_t)(address >> CAI_TAGS_GRANULE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);
    struct cai_granule *granule = &granules[mixed >> (64 - GRANULES_SHIFT)].granule;

    cai_lock_take(&granule->lock);
    return granule;
}

void cai_granule_give(struct cai_granule *granule)
{
    cai_lock_give(&granule->lock);
}

/* The tag last, so that bytes which are half of one thing and half of another never have one. */
static void finish(struct cai_granule *granule)
{
    cai_tags_clear(granule->address, 1);
    cai_fence_for_compiler();
    cai_store_relaxed(&granule->memory[0], granule->words[0]);
    cai_store_relaxed(&granule->memory[1], granule->words[1]);
    cai_fence_for_compiler();
    if (granule->tag)
        cai_tags_set(granule->address);
    cai_fence_for_compiler();
    granule->on_its_way = false;
}

void cai_granule_store(struct cai_granule *granule, size_t address, uint64_t *memory, const uint64_t words[2], bool tag)
{
    granule->address = address;
    granule->memory = memory;
    granule->words[0] = words[0];
    granule->words[1] = words[1];
    granule->tag = tag;
    cai_fence_for_compiler();
    granule->on_its_way = true;
    cai_fence_for_compiler();
    finish(granule);
}

void cai_granules_repair(void)
{
    for (unsigned i = 0; i < GRANULES; i++) {
        struct cai_granule *granule = &granules[i].granule;
        if (cai_lock_inherit(&granule->lock) != CAI_LOCK_LOST)
            continue;
        if (granule->on_its_way)
            finish(granule);
        cai_lock_repaired(&granule->lock);
    }
}
