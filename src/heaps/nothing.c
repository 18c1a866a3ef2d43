/* See nothing.h. The addresses are handed out in turn, so that one comes again when all others were handed out. */
#include "heaps/nothing.h"

#include "base/atomic.h"
#include "core/violation.h"
#include "os/guard.h"
#include "os/lock.h"
#include "os/os.h"

enum { STEP = 16, SLOTS = 1 << 22, ALIGN_MAX = 4096 /* the least that a reservation has */ };
enum { UNUSED = 0, LIVE = 1 /* plus the family */, FREED = 0xff };

static uintptr_t region;      /* atomic; 0: not yet */
static uint8_t states[SLOTS]; /* atomic; pages that were not touched are not there */
static uint32_t next;         /* atomic */

/* Threads that come here at once may reserve more than one; all but one go. */
static uintptr_t start(void)
{
    uintptr_t there = cai_load_acquire(&region);

    if (CAI_LIKELY(there != 0))
        return there;
    uintptr_t mine = cai_os_reserve((size_t)SLOTS * STEP);
    if (mine == 0)
        return 0;
    if (cai_swap_strong_acq_rel(&region, &there, mine))
        return mine;
    cai_os_unmap(mine, (size_t)SLOTS * STEP);
    return there;
}

void *cai_nothing_allocate(size_t align, enum cai_family family)
{
    enum { TRIES = 64 };
    uint32_t steps = align <= STEP ? 1 : (uint32_t)(align / STEP);
    uintptr_t from = align <= ALIGN_MAX ? start() : 0;

    for (unsigned i = 0; from != 0 && i < TRIES; i++) {
        /* Of so many in a row one is aligned. */
        uint32_t slot = (cai_add_relaxed(&next, steps) + steps - 1) / steps * steps % SLOTS;
        uint8_t state = cai_load_relaxed(&states[slot]);
        if ((state == UNUSED || state == FREED) &&
            cai_swap_strong_acq_rel(&states[slot], &state, (uint8_t)(LIVE + family)))
            return (void *)(from + (uintptr_t)slot * STEP);
    }
    return NULL;
}

bool cai_nothing_is(const void *address)
{
    uintptr_t from = cai_load_acquire(&region);

    return from != 0 && (uintptr_t)address - from < (uintptr_t)SLOTS * STEP;
}

static uint8_t *state_of(const void *address)
{
    uintptr_t offset = (uintptr_t)address - cai_load_relaxed(&region);

    return cai_nothing_is(address) && offset % STEP == 0 ? &states[offset / STEP] : NULL;
}

bool cai_nothing_family(const void *address, enum cai_family *family)
{
    const uint8_t *state = state_of(address);
    uint8_t now = state != NULL ? cai_load_relaxed(state) : UNUSED;

    *family = (enum cai_family)(now - LIVE);
    return now != UNUSED && now != FREED;
}

bool cai_nothing_is_live(const void *address)
{
    enum cai_family family;

    return cai_nothing_family(address, &family);
}

const void *cai_nothing_nearest(const void *address)
{
    uintptr_t from = cai_load_relaxed(&region);
    size_t slot = ((uintptr_t)address - from) / STEP;

    for (size_t back = 0; back <= slot && back < ALIGN_MAX / STEP; back++)
        if (cai_load_relaxed(&states[slot - back]) != UNUSED)
            return (const void *)(from + (slot - back) * STEP);
    return NULL;
}

void cai_nothing_free(const void *address, const char *function)
{
    uint8_t *state = state_of(address);
    uint8_t now = state != NULL ? cai_load_relaxed(state) : UNUSED;

    if (now != UNUSED && now != FREED && cai_swap_strong_acq_rel(state, &now, FREED))
        return;
    cai_violation_report((ca_violation){
        .kind = now == FREED ? CA_VIOLATION_DOUBLE_FREE : CA_VIOLATION_INVALID_FREE,
        .function = function,
        .address = address,
        .place = cai_place_name(CAI_PLACE_none),
        .stated = "a live block",
        .found = now == FREED ? "a freed block of no bytes" : "memory that is no block",
    });
}
