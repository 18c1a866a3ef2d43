/* The formats of a capability's bounds, one beside the other: version 9 of CHERI-RISC-V, which is the library's, and
 * Morello. */
#ifndef CAPCHECK_FORMATS_H
#define CAPCHECK_FORMATS_H

#include "morello.h"

/* The functions of cap/concentrate.h, of either format. */
struct format {
    uint64_t root;
    uint64_t raw; /* in-memory word ^ raw = the word as drawn */
    struct cai_bounds (*decode)(uint64_t high, uint64_t address);
    uint64_t (*set_bounds)(uint64_t high, uint64_t address, cai_u128 length, bool *exact);
    bool (*representable)(uint64_t high, uint64_t address, uint64_t new_address);
    bool (*well_formed)(uint64_t high);
    uint64_t (*crrl)(uint64_t length);
    uint64_t (*cram)(uint64_t length);
};

static const struct format version_9 = {
    CAI_CONCENTRATE_ROOT,          CAI_CONCENTRATE_XOR,         cai_concentrate_decode, cai_concentrate_set_bounds,
    cai_concentrate_representable, cai_concentrate_well_formed, cai_concentrate_crrl,   cai_concentrate_cram};

static const struct format morello = {
    MORELLO_ROOT, 0,           morello_decode, morello_set_bounds, morello_representable, morello_well_formed,
    morello_crrl, morello_cram};

#endif
