/* See still.h. */
#include "harden/still.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/wipe.h"
#include "blocks/slab.h"
#include "core/tagging.h"
#include "harden/finding.h"

enum { LINE = 64 };

/* Which line of a long slot is looked at. */
static uint64_t turn; /* atomic; a lost update does no harm */

bool cai_is_still_zero_in_part(const char *block, size_t slot)
{
    size_t lines = slot / LINE;
    size_t ends = cai_round_down(slot - slot / 8, LINE);
    uint64_t next = (cai_load_relaxed(&turn) + cai_settings->secret) * UINT64_C(0x9e3779b97f4a7c15);

    cai_store_relaxed(&turn, next);
    return cai_is_zero(block, LINE) && cai_is_zero(block + ends, slot - ends) &&
           cai_is_zero(block + (next >> 40) % lines * LINE, LINE);
}

CAI_INLINE bool is_looked_at(uint8_t byte)
{
    return cai_state_waits(byte) || cai_state_is_zero(byte);
}

/* What waits is nobody's to write to. Another thread may take what is free, and then its state is another before
 * anything is written there: it is the same state still, so nobody has. */
static void look(enum cai_place place, uint8_t *state, char *block, size_t slot)
{
    uint8_t byte = cai_load_acquire(state);

    if (!is_looked_at(byte) || CAI_LIKELY(cai_is_zero(block, slot)))
        return;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (cai_load_relaxed(state) != byte)
        return;
    cai_finding_note(place, block, slot);
    if (cai_state_waits(byte))
        cai_wipe(block, slot);
    else
        cai_swap_strong_acq_rel(state, &byte, (uint8_t)(byte & ~CAI_STATE_ZERO));
}

void cai_still_look(enum cai_place place, uint8_t *state, char *block, size_t slot)
{
    cai_tags_pass();
    look(place, state, block, slot);
    cai_tags_mind();
}

/* Slots beside each other that are looked at: at all of them at once, and at each where that is not zero, as it is when
 * another thread took one meanwhile. */
CAI_NO_TSAN static bool are_zero(const char *block, size_t bytes)
{
    cai_tags_pass();
    bool zero = cai_is_zero(block, bytes);
    cai_tags_mind();
    return zero;
}

void cai_still_look_at_slab(const struct cai_unit *slab)
{
    uint8_t *state = cai_slab_states(slab);
    char *block = (char *)cai_slab_begin(slab);
    size_t slot = cai_class_bytes(slab->size_class);
    size_t step = slot >> cai_grain_shift(cai_zone_grain(slab->zone));

    for (uint32_t i = 0; i < slab->slots; i++) {
        uint32_t from = i;
        while (i < slab->slots && is_looked_at(cai_load_acquire(&state[i * step])))
            i++;
        if (CAI_LIKELY(are_zero(block + from * slot, (i - from) * slot)))
            continue;
        for (; from < i; from++)
            cai_still_look((enum cai_place)(slab->zone / CAI_GRAINS), &state[from * step], block + from * slot, slot);
    }
}
