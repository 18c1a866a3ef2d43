/* See trait.h. */
#include "kit/trait.h"

#include "core/violation.h"
#include "heaps/heaps.h"

CAI_COLD void cai_trait_report_misfit(ca_block block, const char *function)
{
    bool null = block.ptr == NULL;

    cai_violation_report((ca_violation){
        .kind = null ? CA_VIOLATION_INVALID_FREE : CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = block.ptr,
        .size = block.size,
        .place = cai_place_name(null ? CAI_PLACE_none : cai_place_of(block.ptr)),
        .stated = "a block that its layout fits",
        .found = null ? "a null pointer" : "a layout that does not fit a block",
    });
}
