/* The registry of heaps: a leaf. Heaps are made once, adopted again and again, never unmapped, so that a number in the
 * table of owners always leads to one.
 *
 * There are two kinds, and a number tells which: a thread's heap, which outlives its thread and waits for another to
 * adopt it, and an account's, which somebody pays for (account.h). Threads that have no heap share one, under a lock.
 */
#ifndef CAI_HEAPS_REGISTRY_H
#define CAI_HEAPS_REGISTRY_H

#include "blocks/find.h"

#include <capalloc/authority.h>

/* Numbers from CAI_ACCOUNTS on are accounts'. So who has made too many accounts takes no heap from new threads. */
enum { CAI_OWNERS = 1 << 16, CAI_ACCOUNTS = CAI_OWNERS / 2 };

CAI_INLINE bool cai_is_account(uint32_t number)
{
    return number >= CAI_ACCOUNTS;
}

/* A heap with a number, as threads and accounts have one. What stands before the heap is its bias (bias.h). */
struct cai_owner {
    uint32_t inside;  /* atomic, of a thread: it is in the fast path of an account */
    uintptr_t recent; /* atomic, of a thread: how far from here the account is that it used last; 0: none */
    uint64_t key[2];  /* atomic, of an account: the authority that opens its fast path; key[0] is 0: shut */
    struct cai_heap heap;
    uint64_t tick_ms; /* last housekeeping */
    uint64_t idle_ms; /* last look for idle bins */
    bool lost;        /* in the child of a fork: what the thread that used it left is still to be given back */
    struct cai_owner *next;
};

struct cai_account;

enum { CAI_ACCOUNTS_KNOWN = 16 };

/* A block that a call is about to change or end (claim.h). All of it is 0 when none is claimed. */
struct cai_claim {
    uint64_t block; /* its state byte, which and what it was (cai_claim_of); one store, so that a child finds both */
    size_t exact;   /* the exact size it had, while that is being changed; else 0 */
    void *to;       /* where its content is being taken; else NULL */
};

enum { CAI_CLAIM_SHIFT = 56 };

CAI_INLINE uint64_t cai_claim_of(const uint8_t *state, uint8_t byte)
{
    return (uintptr_t)state | (uint64_t)byte << CAI_CLAIM_SHIFT;
}

CAI_INLINE uint8_t *cai_claim_state(const struct cai_claim *claim)
{
    return (uint8_t *)(uintptr_t)(claim->block & (((uint64_t)1 << CAI_CLAIM_SHIFT) - 1));
}

CAI_INLINE uint8_t cai_claim_byte(const struct cai_claim *claim)
{
    return (uint8_t)(claim->block >> CAI_CLAIM_SHIFT);
}

/* Frees in one slab that its heap has not been told of. */
struct cai_pending {
    struct cai_unit *slab;
    uint32_t count;
    uint32_t uncertain; /* the slab was counted anew in the middle of freeing and telling */
};

struct cai_thread {
    struct cai_owner owner;
    struct cai_claim claim; /* the thread's alone */

    /* The thread's alone: what it freed in other heaps' slabs and has not told those (remote.h). */
    struct cai_pending pending[CAI_CLASSES];
    struct cai_unit *telling; /* the slab that it is telling its heap of; else NULL */

    bool orphan; /* protected as next_orphan */

    struct cai_account *known[CAI_ACCOUNTS_KNOWN]; /* atomic: accounts it used, by the words of their keys */

    /* Heaps without a thread; the registry's lock protects them. */
    struct cai_thread *next_orphan;
    uint64_t orphan_ms; /* since when */

    size_t untold; /* the thread's alone: bytes it put into quarantine since it last told so (quarantine.h) */
};

/* What a heap's first authority may do, and the process's own. */
enum {
    CAI_RIGHTS_OF_ROOT = CA_RIGHT_ALL | CA_RIGHT_CLAIM_ZERO | CA_RIGHT_WALK,
    CAI_RIGHTS_OF_DEFAULT = CAI_RIGHTS_OF_ROOT & ~(CA_RIGHT_DESTROY | CA_RIGHT_WALK),
};

/* An authority that was recognised. */
enum { CAI_NODE_DEFAULT = 0 };
struct cai_grant {
    uint32_t node; /* in the tree of authorities */
    uint32_t rights;
    ca_authority authority; /* the words it was recognised by */
};

/* Who pays for the heap it has. Protected by `use`, except where noted. */
struct cai_account {
    struct cai_owner owner;
    struct cai_lock use;
    uint32_t node;             /* atomic: of the authority; CAI_NODE_DEFAULT: it serves nobody */
    struct cai_grant grant;    /* the authority */
    struct cai_thread *holder; /* atomic: the thread that uses it; NULL: none does */
    bool is_shut;              /* the holder is not in the bins, and stays out (bias.h) */
    uint64_t uncharged;        /* atomic: bytes given back and not yet taken back from the authority */
    ca_error refused;          /* why a charge was refused */
    size_t charged;            /* protected by the lock of the authorities */
    struct cai_account *next_account;
};

/* The calling thread; initial-exec, eight bytes, so that it fits when the library is dlopen-ed. */
extern _Thread_local struct cai_thread *cai_self __attribute__((tls_model("initial-exec")));

/* Stand for "no heap yet" and "no heap any more": all zero and never written. */
extern struct cai_thread cai_thread_none, cai_thread_gone;

CAI_INLINE struct cai_heap *cai_self_heap(void)
{
    return &cai_self->owner.heap;
}

CAI_INLINE bool cai_thread_has_heap(const struct cai_thread *thread)
{
    return thread->owner.heap.id != 0;
}

/* The heap with this number; NULL for 0. */
struct cai_owner *cai_registry_owner(uint32_t number);

/* The account with this number; NULL: it is a thread's, or 0. */
struct cai_account *cai_registry_account(uint32_t number);

/* All heaps, and all accounts: both lists only grow. */
struct cai_owner *cai_registry_first(void);
struct cai_account *cai_registry_first_account(void);

/* Threads that have a heap. */
uint64_t cai_registry_threads(void);

/* The most that ever had one at once, in this process or before it was forked. */
uint64_t cai_registry_threads_peak(void);

/* A heap for the calling thread: an adopted one or a new one. NULL: out of memory. */
struct cai_thread *cai_registry_adopt(void);

/* The heap of a thread that ends waits for another, with what is in its bins when it is `warm`. */
void cai_registry_orphan(struct cai_thread *thread, bool warm, uint64_t now_ms);

/* The calling thread is about to leave this heap: until it is an orphan a child of a fork in a signal handler takes it
 * for nobody else's. The same holds for one that the thread gets here. */
void cai_registry_hold(struct cai_thread *thread);

/* How many wait warm. */
unsigned cai_registry_warm(void);

/* One that has waited warm since this time or before: the caller's until cai_registry_orphan. NULL: there is none. */
struct cai_thread *cai_registry_take_warm(uint64_t orphaned_ms);

/* A new account. NULL: out of memory. */
struct cai_account *cai_registry_create_account(void);

/* The heap that threads without their own share, for the caller alone until it is returned. NULL: there is none yet, or
 * no memory to `create` it. */
struct cai_thread *cai_registry_borrow(bool create);
void cai_registry_return(void);

/* --- in the child of a fork --- */

/* The registry's own lock and lists, and the shared heap's. Marks the heaps that are lost, whose threads are not there;
 * false: there cannot have been another thread. Takes no lock. */
bool cai_registry_repair(void);

/* The first heap of a thread behind `after` (NULL: of all) that is lost. */
struct cai_thread *cai_registry_next_lost(struct cai_owner *after);

/* The heap that threads share, or NULL, and whether the calling thread holds its lock. */
const struct cai_thread *cai_registry_shared(void);
bool cai_registry_borrows(void);

#endif
