/* Records of claims (claim.h) for threads that have no heap to keep one in: those that have none yet, and those whose
 * heap is gone while others' destructors still run. Each is one thread's from the claim to its end, and names that
 * thread, so that the child of a fork knows which belong to threads that are not there.
 */
#ifndef CAI_HEAPS_STRAY_H
#define CAI_HEAPS_STRAY_H

#include "heaps/registry.h"

/* So many such threads claim a block in the same instant; the claim of one more has no record. */
enum { CAI_STRAYS = 64 };

/* The calling thread's; NULL: it has none. */
extern _Thread_local struct cai_claim *cai_stray __attribute__((tls_model("initial-exec")));

/* Where the calling thread's claim stands; NULL: it has no heap, and no claim that is known. */
CAI_INLINE struct cai_claim *cai_claim_record(void)
{
    return CAI_LIKELY(cai_thread_has_heap(cai_self)) ? &cai_self->claim : cai_stray;
}

/* One for the calling thread, NULL when all are taken. */
struct cai_claim *cai_stray_take(void);

/* What it said is no claim any more. A thread that has none may say so, too. */
void cai_stray_give(void);

/* The calling thread is getting this record, of a heap that nobody else knows yet: it says what the stray one says. */
void cai_stray_copy(struct cai_claim *to);

/* In the child of a fork: those of threads that are not there are lost; later, one of them, or NULL, and it is free
 * again. */
void cai_stray_repair(void);
struct cai_claim *cai_stray_next_lost(void);
void cai_stray_end_lost(struct cai_claim *claim);

#endif
