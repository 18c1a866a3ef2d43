/* Live blocks, one after the other, of who paid for them; and the one that an address lies in.
 *
 * A zone's lock is held for a short while at a time, and the walk remembers a position only: between two steps, and
 * while blocks are looked at, everything may come, go and change. What is told was so when it was looked at.
 */
#ifndef CAI_HEAPS_WALK_H
#define CAI_HEAPS_WALK_H

#include "pages/place.h"

struct cai_walk_at {
    unsigned zone;
    size_t offset; /* from the zone's origin: the next byte to look at; any number will do */
};

/* A live block that no call is about to change. */
struct cai_walked {
    enum cai_place place;
    uintptr_t block;
    size_t exact; /* 0: none is on record */
    size_t slot_bytes;
    uint32_t node; /* whose it is */
    bool wiped;
};

/* The next block of `node`, or of one below it, that begins at *at or behind; *at begins all zero. False: there is
 * none. */
bool cai_walk_next(struct cai_walk_at *at, uint32_t node, struct cai_walked *found);

/* The block, anybody's, within whose exact size an address lies; where none is on record, its slot. False: in none. */
bool cai_walk_find(uintptr_t address, struct cai_walked *found);

#endif
