/* The rule: a size that was asked for is at most the slot's, and more than half of it, because realloc leaves a block
 * where it is down to that. Small slots and aligned blocks have their own least size.
 */
#include "malloc/stated.h"

#include "core/violation.h"
#include "malloc/nocaps.h"

bool cai_stated_size_fits(void *block, size_t alignment, size_t size, const char *function)
{
    enum cai_place place = cai_back_place(block);

    if (CAI_HARDENS && !cai_hardened_stated(place, block, size, alignment, function))
        return false;
    size_t usable = cai_usable(place, block, function);

    if (usable == 0)
        return false;
    bool too_large = size > usable;
    bool too_small = size < usable / 2 && usable > cai_max(2 * 16, 2 * alignment);
    if (CAI_LIKELY(!too_large && !too_small))
        return true;
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = block,
        .size = usable,
        .place = cai_place_name(place),
        .stated = too_large ? "a size that is larger" : "a size that is less than half",
        .found = "a live block",
    });
    return false;
}
