/* What a zone's addresses are used for, in plain numbers: counts of units by kind, and a strip of cells that one can
 * draw; and what each size class holds. Crosses to the program `capalloc`, so it includes nothing of the engine. */
#ifndef CAI_HEAPS_ZONE_MAP_H
#define CAI_HEAPS_ZONE_MAP_H

#include <stdint.h>

enum { CAI_MAP_ZONES = 8, CAI_MAP_CELLS = 256 };

/* OTHER: somebody else's mapping, or between two states at that moment. */
enum cai_map_kind {
    CAI_MAP_OTHER,
    CAI_MAP_SLAB,
    CAI_MAP_LARGE,
    CAI_MAP_DIRTY,
    CAI_MAP_FRESH,
    CAI_MAP_BARE,
    CAI_MAP_KINDS
};

/* Zones as in pages/zone.h: two to a place, the fine one first. */
struct cai_zone_map {
    uint32_t units; /* ever used, from the zone's first address on */
    uint32_t unit_bytes;
    uint32_t kind[CAI_MAP_KINDS]; /* units of each */
    uint8_t cell[CAI_MAP_CELLS];  /* enum cai_map_kind; cell i begins at unit i * units / CAI_MAP_CELLS */
    uint8_t row[CAI_MAP_CELLS];   /* slabs: the row of their class in ca_stats.size_class; else 0 */
    uint8_t fill[CAI_MAP_CELLS];  /* slabs: how many of 255 slots are handed out, to threads' bins too; else 0 */
};

/* Of a row of ca_stats.size_class. */
struct cai_class_held {
    uint64_t bytes;           /* slabs of the class; runs of large blocks */
    uint64_t requested_bytes; /* of the live blocks, as in ca_stats.requested_bytes */
};

#endif
