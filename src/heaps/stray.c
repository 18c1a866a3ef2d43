/* See stray.h. */
#include "heaps/stray.h"

#include "os/holder.h"
#include "pages/meta.h"

/* Who has a record: the number of a thread is even and not 0. */
enum { NOBODY = 0, LOST = 1 };

struct stray {
    uint32_t holder;         /* atomic */
    struct cai_claim *outer; /* the stray record that its thread had before; NULL: none */
    struct cai_claim claim;
};

/* Further ones are added when all are in use, and stay. */
static struct strays {
    struct strays *next; /* atomic */
    struct stray records[CAI_STRAYS];
} strays;

#define FOR_STRAYS(stray)                                                                                              \
    for (struct strays *some = &strays; some != NULL; some = cai_load_acquire(&some->next))                            \
        for (struct stray *stray = some->records; stray < some->records + CAI_STRAYS; stray++)

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

/* The calling thread's from here on; NULL: all are in use. */
static struct stray *take_free(void)
{
    FOR_STRAYS(stray)
    {
        uint32_t nobody = NOBODY;
        if (cai_swap_strong_acq_rel(&stray->holder, &nobody, cai_lock_self()))
            return stray;
    }
    return NULL;
}

/* Of which one is the calling thread's; NULL: out of memory. */
static struct stray *add(void)
{
    struct strays *more = cai_meta_allocate_in_handler(sizeof *more);
    struct strays *last = &strays;

    if (more == NULL)
        return NULL;
    more->records[0].holder = cai_lock_self();
    for (struct strays *none = NULL; !cai_swap_strong_acq_rel(&last->next, &none, more); none = NULL)
        last = none;
    return &more->records[0];
}

/* A handler between any two of these leaves all as it was. */
CAI_COLD struct cai_claim *cai_stray_take(void)
{
    struct stray *stray = cai_stray != &no_record ? take_free() : NULL;

    if (stray == NULL && cai_stray != &no_record)
        stray = add();
    if (stray != NULL) {
        stray->outer = cai_stray;
        cai_fence_for_compiler();
        cai_stray = &stray->claim;
        return cai_stray;
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
    FOR_STRAYS(stray)
    if (stray->holder != NOBODY && stray->holder != cai_lock_self())
        stray->holder = LOST;
}

struct cai_claim *cai_stray_next_lost(const struct cai_claim *after)
{
    bool is_after = after == NULL;

    FOR_STRAYS(stray)
    {
        if (is_after && cai_load_relaxed(&stray->holder) == LOST)
            return &stray->claim;
        is_after = is_after || &stray->claim == after;
    }
    return NULL;
}

void cai_stray_end_lost(struct cai_claim *claim)
{
    end(of_claim(claim));
}
