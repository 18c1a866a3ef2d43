/* See stray.h. */
#include "heaps/stray.h"

#include "os/holder.h"

/* Who has a record: the number of a thread is even and not 0. */
enum { NOBODY = 0, LOST = 1 };

static struct stray {
    uint32_t holder;         /* atomic */
    struct cai_claim *outer; /* the stray record that its thread had before; NULL: none */
    struct cai_claim claim;
} strays[CAI_STRAYS];

_Thread_local struct cai_claim *cai_stray __attribute__((tls_model("initial-exec")));

/* Claims without a record: how many the calling thread has, on top of which stray record. While it has one, further
 * ones get none either. */
static struct cai_claim no_record; /* only its address is used */
static _Thread_local uint32_t without __attribute__((tls_model("initial-exec")));
static _Thread_local struct cai_claim *below __attribute__((tls_model("initial-exec")));

static struct stray *of_claim(struct cai_claim *claim)
{
    return (struct stray *)((char *)claim - offsetof(struct stray, claim));
}

/* A handler between any two of these leaves all as it was. */
CAI_COLD struct cai_claim *cai_stray_take(void)
{
    uint32_t self = cai_lock_self();

    for (unsigned i = 0; i < CAI_STRAYS && cai_stray != &no_record; i++) {
        uint32_t nobody = NOBODY;
        if (cai_swap_strong_acq_rel(&strays[i].holder, &nobody, self)) {
            strays[i].outer = cai_stray;
            cai_fence_for_compiler();
            cai_stray = &strays[i].claim;
            return cai_stray;
        }
    }
    if (cai_stray != &no_record)
        below = cai_stray;
    cai_fence_for_compiler();
    without++;
    cai_fence_for_compiler();
    cai_stray = &no_record;
    return NULL;
}

struct cai_claim *cai_stray_record(void)
{
    return cai_stray != &no_record ? cai_stray : NULL;
}

static void end(struct stray *stray)
{
    stray->claim.block = 0; /* first: a child that is forked in between has nothing to undo */
    cai_fence_for_compiler();
    stray->claim = (struct cai_claim){.block = 0};
    cai_store_release(&stray->holder, NOBODY);
}

CAI_COLD void cai_stray_give(void)
{
    struct cai_claim *claim = cai_stray;

    if (claim == &no_record) {
        without--;
        cai_fence_for_compiler();
        if (without == 0)
            cai_stray = below;
        return;
    }
    cai_stray = of_claim(claim)->outer;
    cai_fence_for_compiler(); /* it is the calling thread's until it says nobody's */
    end(of_claim(claim));
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
