/* From an address to the block that starts there, by its state byte; and, for reports, to whatever is there at all.
 */
#ifndef CAI_BLOCKS_FIND_H
#define CAI_BLOCKS_FIND_H

#include "blocks/slab.h"

/* The state byte of the granule that begins at this address, and its number; NULL: the address is outside the zone or
 * begins no granule. Whatever comes back to the library is validated by this one subtraction, rotation and
 * comparison. */
CAI_INLINE uint8_t *cai_find_state(enum cai_place place, enum cai_grain grain, const void *address, size_t *granule)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));

    *granule = cai_granule_of(view, grain, address);
    if (CAI_UNLIKELY(*granule >= cai_load_relaxed_in_place(&view->granules)))
        return NULL;
    uint8_t *state = view->state + *granule;
    if (state == NULL)
        __builtin_unreachable(); /* spares the caller's test */
    return state;
}

/* A live block of a place; two registers hold it. */
struct cai_live {
    uint8_t *state;     /* its first state byte, NULL: no live block of the place starts there */
    uint8_t byte;       /* what the state byte said */
    uint8_t size_class; /* 0: a large block */
    uint8_t zone;
};

struct cai_live cai_find_live(enum cai_place place, const void *address);

/* The block whose first state byte this is, when that says `byte`. */
struct cai_live cai_find_of_state(uint8_t *state, uint8_t byte);

/* Its granule in its zone. */
CAI_INLINE size_t cai_live_granule(struct cai_live live)
{
    return (size_t)(live.state - cai_view_of(live.zone)->state);
}

CAI_INLINE uintptr_t cai_live_address(struct cai_live live)
{
    return cai_view_of(live.zone)->origin + (cai_live_granule(live) << cai_grain_shift(cai_zone_grain(live.zone)));
}

/* The head of the run that it lies in, or is. */
CAI_INLINE struct cai_unit *cai_live_run(struct cai_live live)
{
    return cai_slab_of(cai_view_of(live.zone), cai_zone_grain(live.zone), cai_live_granule(live));
}

/* Whether it lies among pages that cannot be touched; `live` as it was found, or claimed. */
CAI_INLINE bool cai_live_is_guarded(struct cai_live live)
{
    bool perhaps = live.byte == CAI_STATE_GUARDED || live.byte == CAI_STATE_CLAIMED || live.byte == CAI_STATE_WIPED;

    return CAI_UNLIKELY(perhaps) && cai_load_relaxed(&cai_live_run(live)->kind) == CAI_UNIT_GUARDED;
}

/* The first state byte of the block of a guarded run, and its address. The zone's lock is held, or the run is the
 * caller's. */
CAI_INLINE uintptr_t cai_guarded_address(const struct cai_unit *run)
{
    return cai_unit_address(run) + run->block_at;
}

CAI_INLINE uint8_t *cai_guarded_state(const struct cai_unit *run)
{
    const struct cai_view *view = cai_view_of(run->zone);

    return &view->state[cai_granule_of(view, cai_zone_grain(run->zone), (void *)cai_guarded_address(run))];
}

/* Where the number of the heap that owns it stands. */
CAI_INLINE uint32_t *cai_live_owner(struct cai_live live)
{
    return &cai_view_of(live.zone)->owner[cai_unit_of_granule(cai_zone_grain(live.zone), cai_live_granule(live))].id;
}

/* The number of the heap that owns the unit an address of this place lies in; 0: none. */
uint32_t cai_find_owner(enum cai_place place, const void *address);

/* What stands at an address. */
enum cai_found {
    CAI_FOUND_FOREIGN,      /* not in the places */
    CAI_FOUND_UNUSED,       /* in a place, never handed out or given back long ago */
    CAI_FOUND_LIVE,         /* start of a live block */
    CAI_FOUND_CLAIMED,      /* the same, but a call is about to change or end it */
    CAI_FOUND_FREED,        /* start of a block that was given back */
    CAI_FOUND_INSIDE_LIVE,  /* inside a live block */
    CAI_FOUND_INSIDE_FREED, /* inside a block that was given back */
};

struct cai_lookup {
    enum cai_found found;
    enum cai_place place;
    size_t bytes;    /* of the block, 0 when there is none */
    uintptr_t start; /* of the block, when bytes is not 0 */
};

/* Slow: walks the runs of the zone. */
struct cai_lookup cai_find_any(const void *address);

/* Reports what is wrong with `address` being given to `function`, a door to `place`. Returns when a handler refused the
 * call. */
void cai_find_report(enum cai_place place, const void *address, const char *function);

#endif
