/* What is not a block of a piece of memory, in words. */
#include "kit/bump.h"

#include "core/violation.h"
#include "heaps/heaps.h"

CAI_COLD void cai_bump_report(enum cai_where where, const char *owner, ca_block block, const char *function)
{
    static const struct {
        ca_violation_kind kind;
        const char *text;
    } words[] = {
        [CAI_FOREIGN] = {CA_VIOLATION_INVALID_FREE, "foreign memory"},
        [CAI_FREE] = {CA_VIOLATION_DOUBLE_FREE, "memory that is free"},
        [CAI_OTHER_TYPE] = {CA_VIOLATION_WRONG_DEALLOCATOR, "a block of another type"},
    };

    cai_violation_report((ca_violation){
        .kind = words[where].kind,
        .function = function,
        .address = block.ptr,
        .place = cai_place_name(CAI_PLACE_none),
        .stated = owner,
        .found = words[where].text,
    });
}
