/* See tag_report.h. Nothing is locked, and what is looked up may change meanwhile. */
#include "heaps/tag_report.h"

#include "base/bits.h"
#include "base/mte.h"
#include "blocks/exact.h"

static unsigned tag_of(uintptr_t pointer)
{
    return pointer >> 56 & 15;
}

/* A live block with a tag. */
struct tagged {
    uintptr_t block; /* 0: there is none */
    size_t bytes;
    unsigned tag;
    enum cai_place place;
};

static struct tagged tagged_at(uintptr_t address)
{
    struct cai_lookup there = cai_find_any((const void *)address);
    struct cai_live live = {.state = NULL};

    if (there.found == CAI_FOUND_LIVE || there.found == CAI_FOUND_INSIDE_LIVE)
        live = cai_find_live(there.place, (const void *)there.start);
    if (live.state == NULL || live.size_class == 0 || !cai_state_is_hardened(live.byte))
        return (struct tagged){.block = 0};
    return (struct tagged){there.start, cai_exact_bytes(live), tag_of(cai_mte_load(there.start)), there.place};
}

static ca_violation of(struct tagged it, ca_violation_kind kind, const char *found)
{
    return (ca_violation){.kind = kind,
                          .address = (const void *)it.block,
                          .size = it.bytes,
                          .place = cai_place_name(it.place),
                          .found = found};
}

/* Another block of this tag so far away may have it by chance, one in fifteen: where the memory was freed, who touches
 * it is thought to have come from there but right beside. */
static bool is_by(struct tagged it, unsigned tag, size_t distance, bool is_free)
{
    return it.block != 0 && tag == it.tag && (!is_free || distance <= CAI_MTE_GRANULE);
}

ca_violation cai_tag_meant(const struct cai_fault *fault)
{
    struct cai_lookup there = cai_find_any((const void *)fault->address);
    uintptr_t granule = cai_round_down(fault->address, CAI_MTE_GRANULE);
    uintptr_t begin = there.bytes != 0 ? there.start : granule;
    struct tagged here = tagged_at(fault->address);
    struct tagged before = tagged_at(begin - 1);
    struct tagged after = tagged_at(there.bytes != 0 ? begin + there.bytes : granule + CAI_MTE_GRANULE);
    unsigned tag = tag_of(fault->pointer);
    size_t behind = fault->address - (before.block + before.bytes);
    size_t ahead = after.block - fault->address;
    bool is_behind = here.block != 0 && fault->address >= here.block + here.bytes;
    bool is_free = there.found == CAI_FOUND_FREED || there.found == CAI_FOUND_INSIDE_FREED;

    if (is_behind && (tag == 0 || tag == here.tag))
        return of(here, CA_VIOLATION_OVERFLOW, "a live block");
    bool by_after = is_by(after, tag, ahead, is_free);
    bool by_before = is_by(before, tag, behind, is_free) && !(by_after && ahead < behind);
    if (by_before || (before.block != 0 && tag == 0 && there.found == CAI_FOUND_UNUSED))
        return of(before, CA_VIOLATION_OVERFLOW, "a live block");
    if (by_after)
        return of(after, CA_VIOLATION_UNDERFLOW, "a live block");
    if (here.block != 0)
        return of(here, CA_VIOLATION_USE_AFTER_FREE, "a live block of another tag");
    if (!is_free)
        return (ca_violation){.address = NULL};
    return (ca_violation){.kind = CA_VIOLATION_USE_AFTER_FREE,
                          .address = (const void *)(there.bytes != 0 ? there.start : fault->address),
                          .size = there.bytes,
                          .place = cai_place_name(there.place),
                          .found = "a freed block"};
}
