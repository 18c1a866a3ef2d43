/* See told.h. It stands as a record (blocks/exact.h) in a state byte of the slot that has no other use: the last one.
 */
#include "heaps/told.h"

#include "core/tagging.h"
#include "core/violation.h"
#include "heaps/hardened.h"

/* The first byte, and as many as an exact size takes: one, in a slot that is no longer. */
enum { GRANULES_MIN = 4 };

static bool is_told(struct cai_live live)
{
    return live.byte == CAI_STATE_HARDENED + CAI_FAMILY_new_aligned ||
           live.byte == CAI_STATE_HARDENED + CAI_FAMILY_new_array_aligned;
}

/* state: NULL where no such block is. */
static struct cai_live find(void *address)
{
    enum cai_place place = cai_place_of(address);
    struct cai_live live = {.state = NULL};

    if (place != CAI_PLACE_none)
        live = cai_find_live(place, address);
    if (live.state != NULL && !is_told(live))
        live.state = NULL;
    return live;
}

/* NULL: a large block, or a slot of 32 bytes, has none to spare. */
static uint8_t *record_of(struct cai_live live)
{
    size_t granules = cai_class_sizes[live.size_class] >> cai_grain_shift(cai_zone_grain(live.zone));

    return live.size_class != 0 && granules >= GRANULES_MIN ? live.state + granules - 1 : NULL;
}

void cai_told_alignment(void *block, size_t align)
{
    struct cai_live live = find((void *)cai_tags_off(block));
    uint8_t *record = live.state != NULL ? record_of(live) : NULL;

    if (record != NULL)
        cai_store_relaxed(record, (uint8_t)(CAI_RECORD | cai_log2(align)));
}

bool cai_told_alignment_is(void *block, size_t align, const char *function)
{
    void *address = (void *)cai_tags_off(block);
    struct cai_live live = find(address);

    if ((cai_settings->checks & CAI_CHECK_mismatch) == 0 || live.state == NULL)
        return true;
    const uint8_t *record = record_of(live);
    bool is_aligned = ((uintptr_t)address & (align - 1)) == 0;
    if (CAI_LIKELY(record != NULL ? (size_t)1 << (cai_load_relaxed(record) & CAI_RECORD_ONE_MAX) == align : is_aligned))
        return true;
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = address,
        .size = cai_exact_bytes(live),
        .place = cai_place_name(cai_place_of(address)),
        .stated = is_aligned ? "another alignment than new was told" : "an alignment that it does not have",
        .found = "a live block",
    });
    return false;
}
