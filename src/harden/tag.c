/* See tag.h. */
#include "harden/tag.h"

#include "base/bits.h"
#include "base/mte.h"
#include "pages/zone.h"

static uintptr_t end_of(uintptr_t block, size_t bytes)
{
    return cai_round_up(block + bytes, CAI_MTE_GRANULE);
}

/* Downwards: who is interrupted leaves the first granule as it was. */
static void set(uintptr_t pointer, size_t bytes)
{
    for (size_t at = bytes; at != 0;)
        cai_mte_store(pointer + (at -= CAI_MTE_GRANULE));
}

static uint64_t bit_of(uintptr_t pointer)
{
    return UINT64_C(1) << (pointer >> 56 & 15);
}

/* Of a block that begins there, in the unit of another, which is mapped as that is; no other's is looked at. */
static uint64_t tags_at(uintptr_t address, uintptr_t unit)
{
    return address - unit < CAI_UNIT_BYTES ? bit_of(cai_mte_load(address)) : 0;
}

/* The tags that the block may not have: also its neighbours' that end before their slots do, as they may grow. */
static uint64_t taken(uintptr_t block, size_t slot)
{
    uintptr_t unit = cai_round_down(block, CAI_UNIT_BYTES);

    return bit_of(0) | tags_at(block - slot, unit) | tags_at(block + slot, unit);
}

void *cai_tag_begin(void *block, size_t bytes, size_t slot)
{
    uintptr_t address = (uintptr_t)block;

    set(cai_mte_random(address, taken(address, slot)), end_of(address, bytes) - address);
    return (void *)cai_mte_load(address);
}

void cai_tag_fit(void *block, size_t bytes, size_t slot)
{
    uintptr_t address = (uintptr_t)block;
    uintptr_t end = end_of(address, bytes);

    set(end, address + slot - end);
    set(cai_mte_load(address), end - address);
}

void cai_tag_end(void *block, size_t slot)
{
    set((uintptr_t)block, slot);
}
