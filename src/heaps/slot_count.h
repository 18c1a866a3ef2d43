/* How many slots of a slab are live, and how many wait: for the quarantine.
 */
#ifndef CAI_HEAPS_SLOT_COUNT_H
#define CAI_HEAPS_SLOT_COUNT_H

#include "blocks/slab.h"

#include <string.h>

typedef uint8_t cai_bytes16 __attribute__((vector_size(16)));
typedef uint64_t cai_words2 __attribute__((vector_size(16)));

struct cai_slots {
    uint32_t live, waiting;
};

CAI_INLINE unsigned cai_granule_shift(const struct cai_unit *run)
{
    return cai_grain_shift(cai_zone_grain(run->zone));
}

CAI_INLINE uint8_t *cai_states_of(const struct cai_unit *run)
{
    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << (CAI_UNIT_SHIFT - cai_granule_shift(run)));
}

CAI_INLINE uint32_t cai_sum_of(cai_bytes16 counts)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < sizeof counts; i++)
        sum += counts[i];
    return sum;
}

/* Of a slab: only the first state byte of a slot says one or the other. 16 bytes at a time, counted in bytes, which
 * hold 255. */
CAI_NO_TSAN CAI_INLINE struct cai_slots cai_count_slots(const struct cai_unit *slab)
{
    enum { AT_ONCE = 128 };
    const uint8_t *state = cai_states_of(slab);
    size_t granules = (size_t)slab->units << (CAI_UNIT_SHIFT - cai_granule_shift(slab));
    struct cai_slots slots = {0, 0};

    for (size_t at = 0; at < granules;) {
        cai_bytes16 live = {0};
        cai_bytes16 waiting = {0};
        for (unsigned i = 0; i < AT_ONCE && at < granules; i++, at += sizeof(cai_bytes16)) {
            cai_bytes16 chunk;
            memcpy(&chunk, state + at, sizeof chunk);
            live -= (cai_bytes16)((chunk != 0) & (chunk < 0x80));
            waiting -= (cai_bytes16)((chunk & 0xfe) == CAI_STATE_QUARANTINED);
        }
        slots.live += cai_sum_of(live);
        slots.waiting += cai_sum_of(waiting);
    }
    return slots;
}

#endif
