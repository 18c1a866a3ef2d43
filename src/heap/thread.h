/* Thread heaps: what each thread has for itself.
 *
 *   bins    one growing stack of free slots for each place and class; only its thread touches them, without a lock
 *   slabs   the slabs this thread owns that have room, by place and class; under the thread's lock
 *
 * A slab belongs to one thread heap. What its own thread frees goes to the bin; what another frees goes straight to the
 * slab, so that memory goes home and neighbouring blocks are not shared between processors. The heap of a thread that
 * ended keeps its slabs and waits for a new thread to adopt it.
 */
#ifndef CAI_HEAP_THREAD_H
#define CAI_HEAP_THREAD_H

#include "heap/grant.h"
#include "heap/state.h"
#include "os/lock.h"

/* A stack of free slots. All zero is a bin that was never used: empty and full at once, so that both fast paths lead to
 * the slow one. Allocations since the start: rounds + period - countdown. */
struct cai_bin {
    void **slots;      /* the one handed out next is slots[count - 1] */
    uint32_t count;    /* how many there are */
    uint32_t limit;    /* how many fit */
    int32_t countdown; /* allocations until the next housekeeping */
    int32_t period;    /* what countdown began with */
    uint64_t rounds;   /* allocations in the periods gone by */
};

struct cai_slabs {
    uint32_t first, last; /* unit numbers, 0: none; taken from and put to the front */
};

/* A bin for every state byte of a live block. Those that are no class stay empty and full, so that freeing such a block
 * by the fast path ends in the slow one, without a test for it. */
enum { CAI_BINS_PER_PLACE = 128 };

enum { CAI_LARGE_CACHED = 2 };

enum { CAI_BRANCHES_KNOWN = 16 };

struct cai_thread {
    uint32_t id;      /* 0: stands for no heap */
    uint32_t inside;  /* atomic: its thread is in the fast path of a branch (branch.h) */
    uintptr_t recent; /* atomic: how far from here the branch is that its thread used last; 0: none */
    uint64_t key[2];  /* atomic, branch: the authority that opens its fast path; key[0] is 0: shut */
    struct cai_bin bins[CAI_PLACES][CAI_BINS_PER_PLACE];

    /* The owner's alone. */
    struct cai_unit *pending_slab; /* a foreign slab that was given slots back ... */
    uint32_t pending;              /* ... this many, not yet told */
    uint64_t used_bins[CAI_PLACES][2];
    struct cai_unit *large[CAI_LARGE_CACHED]; /* large blocks for reuse */
    bool large_idle;              /* no large block was taken from or put into the cache since the last look */
    uint64_t bytes_cleared;       /* because somebody asked for zeros, or must-zero memory went back */
    uint64_t bytes_clear_skipped; /* asked for as zero and known to be */
    uint64_t large_allocations;
    uint64_t tick_ms; /* last housekeeping */
    uint64_t idle_ms; /* last look for idle bins */
    bool armed;       /* memory became free: look at the clock soon */

    struct cai_lock lock; /* protects slabs and the descriptors in them */
    struct cai_slabs slabs[CAI_PLACES][CAI_CLASSES];
    struct cai_unit *returned; /* atomic: slabs with remote frees, pushed by anyone, taken under the lock */

    /* Branches: heaps that serve an authority (branch.h). Protected by `use`, except where noted. */
    struct cai_lock use;
    bool is_branch;            /* since it was made */
    uint32_t node;             /* atomic: of the authority; CAI_NODE_DEFAULT: it serves nobody */
    struct cai_grant grant;    /* the authority */
    struct cai_thread *keeper; /* atomic: the heap of the thread that uses it; NULL: none does */
    uint64_t uncharged;        /* atomic: bytes given back and not yet taken back from the authority */
    ca_error refused;          /* why a charge was refused */
    size_t charged;            /* protected by the lock of the authorities */
    struct cai_thread *next_branch;

    struct cai_thread *branches[CAI_BRANCHES_KNOWN]; /* atomic: those its thread used, by the words of their keys */

    struct cai_thread *next_all;    /* the registry: every heap there ever was */
    struct cai_thread *next_orphan; /* heaps without a thread */
    bool orphan;
    bool warm;                               /* an orphan whose bins still hold slots */
    uint64_t orphan_ms;                      /* since when */
    uint16_t wants[CAI_PLACES][CAI_CLASSES]; /* slots a bin's next refill takes: twice as many each time */
    uint32_t marks[CAI_PLACES][CAI_CLASSES]; /* what each bin had done at the last look, to find idle ones */
};

/* The calling thread's heap; initial-exec, eight bytes, so that it fits when the library is dlopen-ed. */
extern _Thread_local struct cai_thread *cai_self __attribute__((tls_model("initial-exec")));

/* Stand for "no heap yet" and "no heap any more": all zero and never written. */
extern struct cai_thread cai_thread_none, cai_thread_gone;

/* A heap for the calling thread: an adopted one or a new one. NULL: out of memory, or the thread is gone. */
struct cai_thread *cai_thread_attach(void);

/* A new heap, for a branch. NULL: out of memory. */
struct cai_thread *cai_thread_create_branch(void);

/* The calling thread ends. Its heap can be adopted, with what is in its bins: the next thread will want the same. What
 * nobody adopts in time is given back by cai_thread_cool. */
void cai_thread_detach(void);

/* Gives back what is in the bins of heaps that were orphaned at or before this time. */
void cai_thread_cool(uint64_t orphaned_ms);

/* NULL for 0. */
struct cai_thread *cai_thread_of_id(uint32_t id);

/* Walks the registry: heaps are never unmapped. */
struct cai_thread *cai_thread_first(void);

/* Heaps with a thread. */
uint64_t cai_thread_count(void);

/* Around fork, in the forking thread: all locks of this layer, and in the child the heaps of threads that are not
 * there. */
void cai_thread_lock_all(void);
void cai_thread_unlock_all(void);
void cai_thread_after_fork_in_child(void);

/* One heap that threads without their own share, under a lock. */
struct cai_thread *cai_thread_borrow(void);
void cai_thread_return(void);

/* What is in its bins goes back; the caller does not hold it. */
void cai_thread_flush_shared(void);

#endif
