/* The bytes of a granule and its tag as one thing: whoever is in the granule is alone there, among those who take it.
 *
 * A capability in memory is 16 bytes here and a bit elsewhere, and no instruction changes both. So atomic accesses take
 * one of a few locks, by the address; plain accesses take none and stay what they are (tags.h). A lock names its
 * holder, and what the holder stores stands beside it until it is stored: in the child of a fork a store that was on
 * its way is brought to its end.
 */
#ifndef CAI_CAP_GRANULE_H
#define CAI_CAP_GRANULE_H

#include "os/lock.h"

#include <stddef.h>
#include <stdint.h>

struct cai_granule {
    struct cai_lock lock;
    bool tag;         /* these four under the lock, for the child of a fork */
    bool on_its_way;  /* what follows is being stored */
    uint64_t *memory; /* where the bytes lie */
    uint64_t words[2];
    size_t address; /* whose tag it is */
};

/* Waits until it is the calling thread's. Nobody may be called who takes a lock until it is given back. */
struct cai_granule *cai_granule_take(size_t address);
void cai_granule_give(struct cai_granule *granule);

/* Stores the two words and the tag; there is room for one if it is set. The granule is the calling thread's. */
void cai_granule_store(struct cai_granule *granule, size_t address, uint64_t *memory, const uint64_t words[2],
                       bool tag);

/* In the child of a fork. */
void cai_granules_repair(void);

#endif
