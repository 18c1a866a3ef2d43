/* Quarantine: a freed block waits before its memory is handed out again.
 *
 * The state table is the quarantine. A free claims the block, clears it, and lets its state byte say that it waits; it
 * stays where it is, and counts as used for its slab and for who pays for it. Nothing is written into it, no list leads
 * to it. One look over all runs makes what has waited since before the last look free, and what came since then a
 * candidate for the next. So each block waits for one whole round, which is as much freed memory as the settings say.
 *
 * With sweeps a candidate goes only when no word was found that points to it (revoke/sweep.h).
 *
 * In libraries of this mode alone (core/mode.h); elsewhere nobody calls this.
 */
#ifndef CAI_HEAPS_QUARANTINE_H
#define CAI_HEAPS_QUARANTINE_H

#include "base/alone.h"
#include "blocks/cache.h"
#include "blocks/clear.h"
#include "heaps/claim.h"

/* Gives a block back that was found live, or is claimed. Contract: R5, R7, R8. */
enum cai_quarantined {
    CAI_QUARANTINED_NOT, /* it is not what it was found to be any more, nothing changed */
    CAI_QUARANTINED,
    CAI_QUARANTINED_DUE, /* the same, and it is time for a look, without locks */
};
enum cai_quarantined cai_quarantine_put(enum cai_place place, void *address, struct cai_live live);

/* Where a look has to read the states of slabs: where it found something that waits, and where something was freed
 * since. A program of one thread notes that for each unit, when the state says that the slot waits: a look in between,
 * by a handler, leaves the note for the next one. With more threads nothing is noted but that: a line of memory that
 * they all store to costs more than reading states does. Then, and in the child of a fork, a look reads all. */
extern uint8_t cai_freed_unnoted; /* atomic; set by many threads, unset by one that is alone */

CAI_INLINE void cai_quarantine_note(bool alone, unsigned zone, const uint8_t *state)
{
    const struct cai_view *view = cai_view_of(zone);

    cai_fence_for_compiler();
    if (alone)
        cai_store_relaxed(&view->owner[cai_unit_of_granule(cai_zone_grain(zone), (size_t)(state - view->state))].freed,
                          1);
    else if (cai_load_relaxed(&cai_freed_unnoted) == 0)
        cai_store_relaxed(&cai_freed_unnoted, 1);
}

/* A thread tells what it freed when it is so much. */
enum { CAI_UNTOLD_MAX = 32 * 1024 };

/* The block was found live, the record of its claim stands. False: it is not what it was found to be any more. For who
 * is alone and who is not it is compiled twice. */
CAI_INLINE bool cai_quarantine_enter_small(struct cai_thread *thread, bool alone, unsigned zone, uint8_t *state,
                                           uint8_t size_class, void *address)
{
    size_t bytes = cai_class_sizes[size_class];
    bool claimed = alone ? cai_alone_swap(state, &size_class, CAI_STATE_CLAIMED)
                         : cai_swap_strong_acq_rel(state, &size_class, CAI_STATE_CLAIMED);

    if (CAI_LIKELY(claimed)) {
        if (bytes <= CAI_CLEAR_SHORT)
            cai_clear_slot(&thread->owner.heap, address, bytes);
        else
            cai_clear_small(&thread->owner.heap, address, bytes);
        cai_store_release(state, CAI_STATE_QUARANTINED);
        cai_quarantine_note(alone, zone, state);
        thread->untold += bytes;
    }
    return claimed;
}

/* The same as cai_quarantine_put for a small block of an ordinary thread, the most frequent. Whether it is time for a
 * look nobody has asked when the thread owes so much (CAI_UNTOLD_MAX). The record of the claim is claim.h's. */
CAI_INLINE enum cai_put cai_quarantine_put_small(struct cai_thread *thread, enum cai_place place, enum cai_grain grain,
                                                 void *address)
{
    unsigned zone = cai_zone_number(place, grain);
    size_t granule;
    uint8_t *state = cai_find_state(place, grain, address, &granule);

    if (CAI_UNLIKELY(state == NULL))
        return CAI_PUT_OUTSIDE;
    uint8_t size_class = cai_load_relaxed(state);
    if (CAI_UNLIKELY((uint8_t)(size_class - 1) >= CAI_CLASS_LAST) || CAI_UNLIKELY(!cai_thread_has_heap(thread)) ||
        CAI_UNLIKELY(cai_process_is_new()) || CAI_UNLIKELY(thread->claim.block != 0))
        return CAI_PUT_SLOW;
    thread->claim.block = cai_claim_of(state, size_class);
    cai_fence_for_compiler();
    bool claimed = cai_is_alone() ? cai_quarantine_enter_small(thread, true, zone, state, size_class, address)
                                  : cai_quarantine_enter_small(thread, false, zone, state, size_class, address);
    cai_fence_for_compiler();
    thread->claim.block = 0;
    return CAI_LIKELY(claimed) ? CAI_PUT_DONE : CAI_PUT_SLOW;
}

/* What a thread has not told yet. True: it is time for a look. */
bool cai_quarantine_tell(void);

/* A look, unless there has been one meanwhile. Contract: R2, R3. */
void cai_quarantine_look(void);

/* The same for every live block of a slab or large run whose heap ends: the heap's lock is held, nobody uses it, and
 * its bins are empty. */
void cai_quarantine_put_run(struct cai_unit *run);

/* Memory or credit is short: everything that waits is released, whatever it has waited for. No lock of a rank behind
 * quarantine's is held. Contract: R3. */
void cai_quarantine_release(void);

/* A look with a search, whatever is due. False: the search was in doubt, nothing was released. No lock is held.
 * Contract: R10. */
bool cai_quarantine_sweep(void);

/* While this is held nothing is released, so that who pays for a block can change. */
struct cai_lock *cai_quarantine_lock(void);

/* For statistics. */
struct cai_quarantine_told {
    uint64_t looks;       /* over all runs so far; of sweeps, those that saw everything */
    uint64_t kept_bytes;  /* by the last sweep, as something points to them */
    uint64_t ahead_bytes; /* read by sweeps while threads ran */
    uint64_t in_doubt;    /* sweeps that released nothing */
    uint64_t postponed;   /* and those that could not stop a thread yet, as it slept in the kernel */
    uint64_t stale_bytes; /* written by stale pointers while they waited */
};
struct cai_quarantine_told cai_quarantine_told(void);

/* In the hardened library: what looks found is reported. No lock is held. */
void cai_quarantine_report(void);

/* Once in a process; in the child of a fork by what repairs. */
void cai_quarantine_settle(void);

/* In the child of a fork: the lock, without another; and later the slab in which slots were being released. */
void cai_quarantine_repair(void);
void cai_quarantine_repair_rest(void);

#endif
