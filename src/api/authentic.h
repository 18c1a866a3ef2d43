/* Is this a whole small block? The question that every block answers that comes back, by its state byte and the record
 * behind it, inlined with the place as a constant where it can be.
 */
#ifndef CAI_API_AUTHENTIC_H
#define CAI_API_AUTHENTIC_H

#include "heap/record.h"
#include "estate/zone.h"

/* The state byte of a small block of this grain that starts there with exactly this size, NULL when the slow path must
 * say what it is. */
CAI_INLINE uint8_t *cai_authentic(enum cai_place place, enum cai_grain grain, const void *address, size_t bytes)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(place, grain));
    size_t granule = cai_granule_of(view, grain, address);

    if (CAI_UNLIKELY(granule >= view->granules))
        return NULL;
    uint8_t *state = view->state + granule;
    uint8_t live = cai_load_relaxed(state);
    if (CAI_UNLIKELY((uint8_t)(live - 2) >= CAI_CLASS_LAST - 1))
        return NULL;
    bool exact =
        grain == CAI_FINE ? cai_record_is_fine(state, live, bytes) : cai_record_bytes(state, live, live) == bytes;
    return CAI_LIKELY(exact) ? state : NULL;
}

#endif
