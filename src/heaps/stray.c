/* See stray.h. */
#include "heaps/stray.h"

#include "os/holder.h"

/* Who has a record: the number of a thread is even and not 0. */
enum { NOBODY = 0, LOST = 1 };

static struct stray {
    uint32_t holder; /* atomic */
    struct cai_claim claim;
} strays[CAI_STRAYS];

_Thread_local struct cai_claim *cai_stray __attribute__((tls_model("initial-exec")));

CAI_COLD struct cai_claim *cai_stray_take(void)
{
    uint32_t self = cai_lock_self();

    for (unsigned i = 0; i < CAI_STRAYS; i++) {
        uint32_t nobody = NOBODY;
        if (cai_swap_strong_acq_rel(&strays[i].holder, &nobody, self)) {
            cai_stray = &strays[i].claim;
            return cai_stray;
        }
    }
    return NULL;
}

static struct stray *of_claim(struct cai_claim *claim)
{
    return (struct stray *)((char *)claim - offsetof(struct stray, claim));
}

static void end(struct stray *stray)
{
    stray->claim.state = NULL; /* first: a child that is forked in between has nothing to undo */
    cai_fence_for_compiler();
    stray->claim = (struct cai_claim){.state = NULL};
    cai_store_release(&stray->holder, NOBODY);
}

CAI_COLD void cai_stray_give(void)
{
    struct cai_claim *claim = cai_stray;

    if (claim == NULL)
        return;
    cai_stray = NULL;
    cai_fence_for_compiler(); /* it is the calling thread's until it says nobody's */
    end(of_claim(claim));
}

void cai_stray_copy(struct cai_claim *to)
{
    if (cai_stray == NULL)
        return;
    to->byte = cai_stray->byte;
    to->exact = cai_stray->exact;
    to->to = cai_stray->to;
    cai_fence_for_compiler();
    to->state = cai_stray->state; /* last: the rest is about this */
    cai_fence_for_compiler();
}

void cai_stray_repair(void)
{
    for (unsigned i = 0; i < CAI_STRAYS; i++)
        if (strays[i].holder != NOBODY && strays[i].holder != cai_lock_self())
            strays[i].holder = LOST;
}

struct cai_claim *cai_stray_next_lost(void)
{
    for (unsigned i = 0; i < CAI_STRAYS; i++)
        if (cai_load_relaxed(&strays[i].holder) == LOST)
            return &strays[i].claim;
    return NULL;
}

void cai_stray_end_lost(struct cai_claim *claim)
{
    end(of_claim(claim));
}
