/* See resize.h. */
#include "heaps/resize.h"

#include "base/tools.h"
#include "blocks/large.h"
#include "core/mode.h"
#include "heaps/account.h"
#include "heaps/allocate.h"
#include "heaps/claim.h"
#include "heaps/free.h"
#include "heaps/hardened.h"
#include "heaps/housekeeping.h"
#include "heaps/life.h"
#include "heaps/nothing.h"
#include "heaps/sample.h"

#include <string.h>

size_t cai_usable(enum cai_place place, const void *address, const char *function)
{
    struct cai_live live = cai_find_live(place, address);

    if (CAI_HARDENS && live.state != NULL && cai_state_is_hardened(live.byte))
        return cai_exact_bytes(live);
    if (CAI_HARDENS && live.state == NULL && cai_nothing_is_live(address))
        return 0;
    if (CAI_LIKELY(live.state != NULL))
        return cai_usable_bytes(live);
    cai_find_report(place, address, function);
    return 0;
}

static void shrink_large(struct cai_live live, size_t bytes)
{
    size_t less;
    struct cai_account *account = cai_account_of(cai_live_owner(live)); /* from here on: a child counts it anew */

    cai_large_shrink(cai_self_heap(), live, bytes, &less);
    if (account != NULL) {
        cai_account_credit(account, less);
        cai_account_return(account);
    }
}

bool cai_resize_in_place(struct cai_live *live, size_t bytes)
{
    struct cai_unit *run = cai_live_run(*live);

    if (cai_large_stays(run, bytes)) {
        cai_store_relaxed(&run->bytes, bytes);
        return true;
    }
    bool shrinks = bytes <= cai_slot_bytes(*live);
    if (shrinks)
        shrink_large(*live, bytes);
    if (!shrinks && !cai_large_grow(*live, bytes))
        return false;
    cai_sample_drop(live);
    cai_sample_redraw(live);
    return true;
}

static void *move_to(struct cai_heap *heap, struct cai_live live, size_t bytes, bool slides)
{
    struct cai_claim *record = cai_claim_record();
    static void *unnoted;
    struct cai_live before = live;
    void *moved = NULL;

    cai_sample_drop(&live); /* before its address is anybody else's */
    if (!slides)
        moved = cai_large_move(heap, live, bytes, record != NULL ? &record->to : &unnoted);
    else if (record != NULL && !CAI_HARDENS) /* whose blocks are no one mapping */
        moved = cai_large_slide(heap, live, bytes, &record->to);
    if (moved != NULL)
        cai_sample_large(heap, (enum cai_place)(live.zone / CAI_GRAINS), moved);
    else
        cai_sample_restore(before);
    return moved;
}

/* When memory is short and what is kept has gone back, it may be able to stay after all: that takes less than another
 * block, and what stood in its way may be gone. Sliding takes as little. */
static void *move_large(struct cai_live *live, size_t bytes)
{
    struct cai_thread *own = cai_life_attach();
    struct cai_thread *thread = own == NULL ? cai_registry_borrow(true) : own;

    if (thread == NULL)
        return NULL;
    void *moved = move_to(&thread->owner.heap, *live, bytes, false);
    if (moved == NULL && cai_large_run_bytes(bytes) != 0) {
        cai_housekeeping_shortage(&thread->owner);
        moved = cai_resize_in_place(live, bytes) ? (void *)cai_live_address(*live)
                                                 : move_to(&thread->owner.heap, *live, bytes, false);
        if (moved == NULL)
            moved = move_to(&thread->owner.heap, *live, bytes, true);
    }
    if (own == NULL)
        cai_registry_return();
    return moved;
}

void *cai_resize_large(struct cai_live live, size_t bytes, bool may_move)
{
    if (cai_resize_in_place(&live, bytes)) {
        cai_claim_return(live);
        return (void *)cai_live_address(live);
    }
    /* Pages that moved would leave addresses behind that somebody may still know: there the caller copies. */
    void *resized = may_move && !CAI_QUARANTINES ? move_large(&live, bytes) : NULL;
    if (resized == (void *)cai_live_address(live))
        cai_claim_return(live);
    else if (resized != NULL)
        cai_claim_end();
    return resized;
}

/* The claimed block's content in another block, and the block given back. NULL: out of memory; or it has been reported
 * that its owner gave it back meanwhile, and live->state is NULL. */
static void *move(enum cai_place place, void *address, struct cai_live *live, size_t bytes, const char *function)
{
    size_t usable = cai_usable_bytes(*live);
    size_t roomy = cai_resize_room(bytes, usable);
    void *moved = cai_allocate(place, roomy, false);

    if (moved == NULL && roomy != bytes)
        moved = cai_allocate(place, bytes, false);
    if (moved == NULL)
        return NULL;
    cai_claim_moves_to(moved);
    memcpy(moved, address, cai_min(bytes, usable));
    bool put = cai_free_live(place, address, cai_live_claimed(*live));
    if (put)
        return moved;
    cai_free_slow(place, moved, function);
    cai_find_report(place, address, function);
    live->state = NULL;
    return NULL;
}

void *cai_resize(enum cai_place place, void *address, size_t bytes, const char *function)
{
    struct cai_live live = cai_find_live(place, address);
    size_t usable = live.state != NULL ? cai_usable_bytes(live) : 0;

    if (CAI_HARDENS && live.state != NULL &&
        (cai_state_is_hardened(live.byte) || (live.byte == CAI_STATE_GUARDED && cai_live_run(live)->family != 0)))
        return cai_hardened_resize(place, address, live, bytes, function);
    if (CAI_HARDENS && live.state == NULL && cai_nothing_is(address))
        return cai_hardened_from_nothing(place, address, bytes, function);
    if (!CAI_TOOLS && live.size_class != 0 && bytes <= usable && bytes >= usable / 2)
        return address;
    if (CAI_UNLIKELY(live.state == NULL || !cai_claim(live))) {
        cai_find_report(place, address, function);
        return NULL;
    }
    usable = cai_usable_bytes(live); /* it may have become another since */
    /* A large block of an account grows only by its authority: here its content moves to the process's own heap. */
    bool stays_large = !CAI_TOOLS && live.size_class == 0 && bytes > CAI_SMALL_BYTES_MAX &&
                       (bytes <= usable || !cai_is_account(cai_load_acquire(cai_live_owner(live))));
    void *resized = stays_large ? cai_resize_large(live, bytes, true) : NULL;
    if (!stays_large || (CAI_QUARANTINES && resized == NULL))
        resized = move(place, address, &live, bytes, function);
    if (resized == NULL && live.state != NULL)
        cai_claim_return(live);
    return resized;
}
