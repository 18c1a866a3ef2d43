/* What the allocator did and holds, as numbers.
 *
 * Counting costs nothing on the fast path: live blocks are counted by reading the state table when somebody asks,
 * allocations by the countdowns that pace the housekeeping.
 */
#ifndef CAPALLOC_STATS_H
#define CAPALLOC_STATS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How long the arrays below are. */
enum { CA_PLACE_COUNT = 4, CA_STATS_CLASSES_MAX = 112 };

/* One of the four places: ordinary, nocaps, mustzero, secret (in this order). All values in bytes unless named
 * blocks. */
typedef struct ca_place_stats {
    uint64_t live_bytes;      /* slots handed out and not given back, counted with their slack */
    uint64_t live_blocks;     /* number of those */
    uint64_t used_bytes;      /* runs held by slabs and large blocks */
    uint64_t used_bytes_peak; /* the most that ever was */
    uint64_t committed_bytes; /* mapped and writable; the upper bound of what can be resident */
} ca_place_stats;

/* One size class of small blocks; unused rows have slot_bytes 0. The last used row, with slot_bytes SIZE_MAX, is large
 * blocks. */
typedef struct ca_class_stats {
    uint64_t slot_bytes;
    uint64_t live_blocks;
    uint64_t allocations; /* since the start, all threads */
} ca_class_stats;

/* The caller sets struct_size (CA_STATS_INIT does); fields beyond it are not written. */
typedef struct ca_stats {
    size_t struct_size;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t quarantined_bytes; /* slots that were given back and wait; 0 in the standard library */
    uint64_t bytes_cleared;
    uint64_t bytes_clear_skipped;
    uint64_t sweeps;
    uint64_t sweep_bytes_scanned;
    uint64_t violations;
    uint64_t allocations;          /* blocks handed out since the start */
    uint64_t committed_bytes;      /* all places together */
    uint64_t committed_bytes_peak; /* the most that ever was */
    uint64_t metadata_bytes;       /* bookkeeping resident at most (tables, thread caches), outside the places */
    uint64_t returned_bytes;       /* given back to the operating system since the start */
    uint64_t threads;              /* thread heaps in use now */
    ca_place_stats place[CA_PLACE_COUNT];
    ca_class_stats size_class[CA_STATS_CLASSES_MAX];
    uint64_t frees;           /* blocks given back since the start: allocations less live_blocks */
    uint64_t failed_requests; /* refused for want of memory or quota, each time; not sizes beyond PTRDIFF_MAX. Exact */
    uint64_t live_bytes_peak; /* sampled: the most that live_bytes was when it was counted: by ca_stats_read, and in a
                               * process that can be looked at (docs/seeing.md) a few times a second. For the exact
                               * peak of memory held see used_bytes_peak */
    uint64_t
        requested_bytes;   /* sampled: of live_bytes, what was asked for. Large blocks: exact. Small ones: by the mean
                               * size of those requests of each class that took the slow path */
    uint64_t threads_peak; /* the most that `threads` ever was. Exact */
} ca_stats;

/* An initializer that sets struct_size, everything else 0. */
/* clang-format off */
#ifdef __cplusplus
/* In C++ a list of one value would be warned about. */
static inline ca_stats ca_stats_init_(void)
{
    ca_stats stats = ca_stats();
    stats.struct_size = sizeof stats;
    return stats;
}
#define CA_STATS_INIT ca_stats_init_()
#else
#define CA_STATS_INIT { .struct_size = sizeof(ca_stats) }
#endif
/* clang-format on */

/* Fills *out up to out->struct_size bytes.
 * Cost: reads the state bytes of every slab in use (about 4 ms per GiB of small blocks).
 * Thread-safe; a snapshot that other threads change meanwhile is approximate. Errors: none (a struct_size that is too
 * small for a field leaves that field unwritten). Contract: D6. */
void ca_stats_read(ca_stats *out);

#ifdef __cplusplus
}
#endif
#endif
