/* Records of claims (claim.h) for which a thread has no room: it has no heap yet, or no more, while others' destructors
 * still run; or a signal handler claims in the middle of a claim. Each is one thread's from the claim to its end, and
 * names that thread, so that the child of a fork knows which belong to threads that are not there.
 */
#ifndef CAI_HEAPS_STRAY_H
#define CAI_HEAPS_STRAY_H

#include "heaps/registry.h"

/* There is room for so many such claims at once, and for as many again whenever that is too few. One for which there is
 * no memory has no record: a child that is forked in the middle of it has a block that is claimed for ever. */
enum { CAI_STRAYS = 64 };

/* The calling thread's last; NULL: it has none. To be asked for by cai_stray_record. */
extern _Thread_local struct cai_claim *cai_stray __attribute__((tls_model("initial-exec")));

/* One for the calling thread, on top of what it has; NULL: out of memory, and it is a claim without a record. */
struct cai_claim *cai_stray_take(void);

/* The calling thread's last, of which it has one; NULL: it has no record. */
struct cai_claim *cai_stray_record(void);

/* Where the last claim of the calling thread stands; NULL: nowhere. */
CAI_INLINE struct cai_claim *cai_claim_record(void)
{
    if (CAI_UNLIKELY(cai_stray != NULL))
        return cai_stray_record();
    return CAI_LIKELY(cai_thread_has_heap(cai_self)) ? &cai_self->claim : NULL;
}

/* What the last one said is no claim any more. */
void cai_stray_give(void);

/* In the child of a fork: those of threads that are not there are lost; later, each of them in turn (after NULL: the
 * first), and it is free again. */
void cai_stray_repair(void);
struct cai_claim *cai_stray_next_lost(const struct cai_claim *after);
void cai_stray_end_lost(struct cai_claim *claim);

#endif
