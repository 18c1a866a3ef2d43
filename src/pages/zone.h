/* Zones: each place has two, and each zone has a state table and descriptors of its own units.
 *
 *   fine    blocks up to 1 KiB: one state byte for every 16 bytes
 *   coarse  everything larger:      one state byte for every 64 bytes
 *
 * The view is what the fast path reads: where the zone begins, how much of it has tables, and the tables. An address is
 * validated by one subtraction, one rotation and one comparison, which test range and alignment together. Views change
 * only when a zone grows; between that they are read-only memory.
 */
#ifndef CAI_PAGES_ZONE_H
#define CAI_PAGES_ZONE_H

#include "base/bits.h"
#include "os/lock.h"
#include "os/sealed.h"
#include "pages/place.h"
#include "pages/unit.h"

/* No page is larger on any supported processor. */
#define CAI_PAGE_BYTES_MAX (64 * CAI_KIB)

enum cai_grain { CAI_FINE, CAI_COARSE, CAI_GRAINS };
enum { CAI_FINE_SHIFT = 4, CAI_COARSE_SHIFT = 6, CAI_ZONES = CAI_PLACES * CAI_GRAINS };

/* Whose a unit is, and as what: what a free looks up beside the state byte. */
struct cai_owned {
    uint32_t id;        /* of the heap whose slab or large block it lies in; 0: none */
    uint8_t size_class; /* of its slab; stays when that ends, 0: it was none yet */
    uint8_t freed;      /* a slot in it waits, perhaps, that no look has seen (heaps/quarantine.h) */
};

struct cai_view {
    uintptr_t origin;        /* address of unit 0 */
    size_t granules;         /* how many may begin a block: each has a state byte, and another behind it */
    uint8_t *state;          /* one per granule; see blocks/state.h */
    struct cai_owned *owner; /* one per unit */
    struct cai_unit *units;  /* one per unit */
};

/* Free runs of one kind, by length. */
enum { CAI_BINS = 64 };
struct cai_bins {
    uint64_t occupied; /* bit i: first[i] is not empty */
    uint32_t runs;     /* in all of them; read without the lock */
    uint32_t first[CAI_BINS];
};

struct cai_zone {
    struct cai_lock lock; /* protects everything below and the descriptors of free runs; hints are read without it */
    uint8_t number;
    uint8_t guessed;       /* atomic: some run of it was, or is, `inferred`; said before that, and never taken back */
    uint32_t units_max;    /* size of the address range */
    uint32_t units_table;  /* how many have tables; the last one is never used */
    uint32_t units_mapped; /* 0, or how many perhaps have some that are not shown yet */
    uint32_t frontier;     /* units from here on were never used */
    uint32_t skips;        /* ranges below it that somebody else has mapped; read without the lock */
    struct cai_bins dirty, fresh, bare;
    uint32_t oldest, newest; /* dirty runs by age */
    size_t dirty_units;
    uint64_t forgot_ms;      /* the last look at what was missed */
    size_t dirty_units_high; /* most since then */
    size_t used_units_high;  /* most in use since then; read without the lock */
    size_t excess_units; /* went back, too much or instead, and were not missed so far; forgotten little by little */
    size_t missed_units; /* were, and had to be taken anew: so much more may stay */
    size_t used_units;   /* in slabs and large blocks */
    size_t used_units_peak;
    size_t committed_units;                  /* atomic; mapped: used, dirty and fresh */
    uint32_t mapped_last, mapped_last_units; /* what was mapped last, or was about to be, and is part of no run yet */
};

extern struct cai_zone cai_zones[CAI_ZONES];

/* Blocks that a compiler guessed to be without pointers and that are perhaps in a run which is not `inferred` yet:
 * while there are any, every run may be one. */
extern uint32_t cai_guesses_moving; /* atomic */

/* The views of all zones, sealed; index with cai_zone_number. */
extern struct cai_sealed_views cai_sealed CAI_HIDDEN;

struct cai_sealed_views {
    struct cai_view view[CAI_ZONES];
    uint64_t secret;       /* what authorities are recognised by; beside the views because the same paths read it */
    uintptr_t places;      /* address of the first place */
    uintptr_t annex;       /* addresses that the pages leave to others' tables: 1/64 of the places */
    unsigned shift;        /* bytes of a place = 1 << shift */
    uint32_t mappings_max; /* what the kernel lets the whole process have */
} CAI_SEALED;

CAI_INLINE unsigned cai_zone_number(enum cai_place place, enum cai_grain grain)
{
    return (unsigned)place * CAI_GRAINS + (unsigned)grain;
}

CAI_INLINE const struct cai_view *cai_view_of(unsigned zone)
{
    return &cai_sealed.view[zone];
}

CAI_INLINE enum cai_grain cai_zone_grain(unsigned zone)
{
    return (enum cai_grain)(zone & 1);
}

CAI_INLINE unsigned cai_grain_shift(enum cai_grain grain)
{
    return grain == CAI_FINE ? CAI_FINE_SHIFT : CAI_COARSE_SHIFT;
}

/* The granule of an address, or a number that is too large for any table when the address is below the zone or not
 * aligned to a granule. */
CAI_INLINE size_t cai_granule_of(const struct cai_view *view, enum cai_grain grain, const void *address)
{
    return cai_rotate_right((uintptr_t)address - view->origin, cai_grain_shift(grain));
}

CAI_INLINE size_t cai_unit_of_granule(enum cai_grain grain, size_t granule)
{
    return granule >> (CAI_UNIT_SHIFT - cai_grain_shift(grain));
}

CAI_INLINE uint32_t cai_unit_number(const struct cai_unit *unit)
{
    return (uint32_t)(unit - cai_view_of(cai_load_relaxed(&unit->zone))->units);
}

CAI_INLINE uintptr_t cai_unit_address(const struct cai_unit *unit)
{
    return cai_view_of(cai_load_relaxed(&unit->zone))->origin + ((uintptr_t)cai_unit_number(unit) << CAI_UNIT_SHIFT);
}

/* The place an address lies in, CAI_PLACE_none outside the estate. */
enum cai_place cai_place_of(const void *address);

enum cai_pages_start {
    CAI_PAGES_STARTED,
    CAI_PAGES_NO_ADDRESSES,   /* no geometry is possible in this process */
    CAI_PAGES_SECOND_ENGINE,  /* another copy of this library is at work in this process */
    CAI_PAGES_UNKNOWN_ENGINE, /* the same, perhaps: the kernel does not let us see */
};

/* Chooses the geometry and prepares the zones; once. */
enum cai_pages_start cai_pages_start(void);

/* In the child of a fork that stopped a start: so that it can begin anew. */
void cai_pages_reopen(void);

/* In the child of a fork: unmaps tables that a thread which is not there had not yet shown; it held the zone's lock. */
void cai_zone_repair_tables(struct cai_zone *zone);

/* In the child of a fork: closes the seal that a thread which is not there had opened. */
void cai_zone_repair_seal(void);

/* Tables for at least `units` units, in two steps, because a table that can be seen is never taken away again: it is
 * shown when there is memory for its units, and else given back. The zone's lock is held. The first step maps what is
 * missing and returns how many units then have tables, 0 when it is out of memory or addresses; the others take
 * that number. */
uint32_t cai_zone_map_tables(struct cai_zone *zone, uint32_t units);
bool cai_zone_show_tables(struct cai_zone *zone, uint32_t mapped);
void cai_zone_unmap_tables(struct cai_zone *zone, uint32_t mapped);

/* Both steps: tables for units without memory, in tests. */
CAI_INLINE bool cai_zone_extend_tables(struct cai_zone *zone, uint32_t units)
{
    uint32_t mapped = cai_zone_map_tables(zone, units);

    return mapped != 0 && cai_zone_show_tables(zone, mapped);
}

#endif
