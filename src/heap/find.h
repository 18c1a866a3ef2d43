/* From an address to the block that starts there, by its state byte; and, for reports, to whatever is there at all.
 */
#ifndef CAI_HEAP_FIND_H
#define CAI_HEAP_FIND_H

#include "heap/thread.h"

/* A live block of a place. */
struct cai_live {
    uint8_t *state;     /* its first state byte, NULL: no live block of the place starts there */
    size_t granule;     /* in its zone */
    uint8_t live;       /* what the state byte said */
    uint8_t size_class; /* 0: a large block */
    enum cai_grain grain;
};

struct cai_live cai_find_live(enum cai_place place, const void *address);

/* The number of the thread heap or branch that owns the unit an address of this place lies in; 0: none. */
uint32_t cai_find_owner(enum cai_place place, const void *address);

/* Bytes that its owner may use. */
size_t cai_live_usable(enum cai_place place, struct cai_live live);

/* What stands at an address. */
enum cai_found {
    CAI_FOUND_FOREIGN,      /* not in the estate */
    CAI_FOUND_UNUSED,       /* in the estate, never handed out or given back long ago */
    CAI_FOUND_LIVE,         /* start of a live block */
    CAI_FOUND_FREED,        /* start of a block that was given back */
    CAI_FOUND_INSIDE_LIVE,  /* inside a live block */
    CAI_FOUND_INSIDE_FREED, /* inside a block that was given back */
};

struct cai_lookup {
    enum cai_found found;
    enum cai_place place;
    size_t bytes; /* of the block, 0 when there is none */
};

/* Slow: walks the runs of the zone. */
struct cai_lookup cai_find_any(const void *address);

/* Reports what is wrong with `address` being given to `function`, a door to `place`. Returns when a handler refused the
 * call. */
void cai_find_report(enum cai_place place, const void *address, const char *function);

#endif
