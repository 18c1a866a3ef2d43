/* Units: the steps in which a zone is cut, and the descriptor of each, out of line.
 *
 * A run is one or more units in a row with one purpose. Its first descriptor (the head) says everything; the last one
 * points back to the head, so that neighbours find each other; those between are set only for slabs, where an address
 * inside must lead to the head. A unit is a multiple of every page size the processor may run with, so nothing above
 * counts in pages.
 */
#ifndef CAI_PAGES_UNIT_H
#define CAI_PAGES_UNIT_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum { CAI_UNIT_SHIFT = 14 };
#else
enum { CAI_UNIT_SHIFT = 16 };
#endif
#define CAI_UNIT_BYTES ((size_t)1 << CAI_UNIT_SHIFT)

enum cai_unit_kind {
    CAI_UNIT_NONE,    /* beyond the frontier, or taken by somebody else's mapping */
    CAI_UNIT_INNER,   /* not the head of its run */
    CAI_UNIT_DIRTY,   /* free, mapped, content of earlier blocks */
    CAI_UNIT_FRESH,   /* free, mapped, known zero, hardly resident */
    CAI_UNIT_BARE,    /* free, not mapped */
    CAI_UNIT_BUSY,    /* being made, ended or given back: belongs to the thread whose number is in `next` */
    CAI_UNIT_SLAB,    /* slots of one size class */
    CAI_UNIT_LARGE,   /* one block */
    CAI_UNIT_GUARDED, /* one block of a small class among pages that cannot be touched (heaps/guarded.h) */
};

struct cai_thread;

/* Unit number 0 of a zone is never part of a run, so 0 ends lists. Protected by the zone's lock while the run is free,
 * by the owner's lock while it is a slab, except where noted. */
struct cai_unit {
    uint8_t kind;       /* enum cai_unit_kind */
    uint8_t zone;       /* number of the zone it lies in */
    uint8_t size_class; /* slab, guarded */
    uint8_t zeroed;     /* slab: slots never handed out are known to be zero. large: the block is */
    uint32_t units;     /* length of the run; head only */
    uint32_t head;      /* number of the run's head; last unit of any run, every unit of a slab or guarded run */
    uint32_t next;      /* list of free runs of this length, or of slabs with room; busy: the thread's number */
    uint32_t prev;
    uint8_t guard; /* how it is protected, enum cai_guard; its own, whatever run it belongs to */
    uint8_t
        inferred; /* atomic; head of a used run: holds or held blocks that a compiler guessed to be without pointers,
                       * so that the place's promise is not one: a sweep has to read them */
    uint8_t
        claimed;    /* atomic; head of a used run: something free in it is zero by somebody's word (blocks/claimed.h) */
    uint8_t partly; /* busy: memory at its first units, if there is any, is not ours (cai_run_take_bare) */
    union {
        struct {                   /* free, dirty */
            uint32_t older, newer; /* list of dirty runs by age */
            uint32_t stamp_ms;     /* when it became free */
        };
        struct {             /* slab */
            uint32_t slots;  /* how many fit */
            uint32_t fresh;  /* slots handed out at least once; the others follow start, wrapping */
            uint32_t used;   /* slots not known to be in the slab; counts what `remote` has not told yet as used */
            uint32_t cursor; /* where the search for free slots goes on: a slot, or a granule when slots are short */
            uint32_t start;  /* slot where handing out began: spreads slabs over the sets of the caches */
            uint8_t listed;  /* in its owner's list of slabs with room */
            uint8_t waits;   /* the last look found slots that wait; whoever looks alone knows (heaps/look.c) */
            uint8_t wall;    /* hardened: its last page cannot be touched, and by which way (blocks/wall.h) */
        };
        struct {                /* large */
            uint64_t slides;    /* atomic: how far another has come in sliding here (move.c) */
            uint32_t bare;      /* with `partly`: so many of its first units */
            uint32_t shut_from; /* hardened: in pages, where its end begins that cannot be touched (blocks/fence.h) */
            uint64_t bytes;     /* usable; atomic, as it is looked at before the block is claimed */
        };
        struct {                  /* guarded */
            uint32_t block_at;    /* how far in the run its block starts */
            uint16_t entry;       /* its number among the guarded blocks */
            uint8_t family;       /* hardened: of doors, and 1; 0: none */
            uint64_t exact, most; /* atomic: the block's exact size, and what it was at most */
        };
    };
    /* These three outlive the slab: a thread may still be telling when its last slot has already been counted. */
    uint32_t remote;                /* atomic: slots given back by other threads, not yet subtracted from `used` */
    uint32_t returned;              /* atomic: in some thread heap's list of slabs with remote frees */
    struct cai_unit *next_returned; /* that list */
};

_Static_assert(sizeof(struct cai_unit) == 64, "one cache line, so that neighbours do not share it");

#endif
