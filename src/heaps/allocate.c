/* See allocate.h. The slow path of malloc: a bin that is empty is filled from the heap's slabs, slabs are made from
 * runs, and when there is none, everything that is held without need goes back, and it is tried once more.
 */
#include "heaps/allocate.h"

#include "base/tools.h"
#include "blocks/exact.h"
#include "blocks/large.h"
#include "blocks/wall.h"
#include "core/violation.h"
#include "heaps/account.h"
#include "heaps/fence_report.h"
#include "heaps/guarded.h"
#include "heaps/housekeeping.h"
#include "heaps/life.h"
#include "heaps/remote.h"
#include "heaps/requests.h"
#include "heaps/sample.h"

/* Fills the empty bin. False: out of memory, or the account was refused the charge. */
static bool refill(struct cai_owner *owner, struct cai_account *account, const struct cai_wanted *wanted)
{
    size_t slot_bytes = cai_class_sizes[wanted->size_class];
    uint32_t want = cai_cache_wants(&owner->heap, wanted->place, wanted->size_class);

    if (account != NULL && want != 0)
        want = cai_account_charge_slots(account, want, slot_bytes);
    if (want == 0)
        return false;
    uint32_t got = cai_cache_refill(&owner->heap, wanted->place, wanted->size_class, want);
    if (account != NULL)
        cai_account_credit(account, (size_t)(want - got) * slot_bytes);
    cai_remote_forward(&owner->heap);
    if (CAI_HARDENS && cai_wall_is_any())
        cai_fence_report_start();
    return got != 0;
}

static bool was_refused(const struct cai_account *account)
{
    return account != NULL && account->refused != CA_OK;
}

/* What the allocation that is under way was drawn for. */
enum due { NOT_DUE, DUE_FOR_PROFILE, DUE_FOR_GUARD };

/* The bin's countdown ran out. */
static enum due look(struct cai_owner *owner, const struct cai_wanted *wanted)
{
    struct cai_bin *bin = &owner->heap.bins[wanted->place][wanted->size_class];
    uint64_t passed = (uint64_t)((int64_t)bin->period - bin->countdown);
    enum due due = NOT_DUE;

    cai_housekeeping_due(owner, bin);
    if (cai_guarded_is_on() && cai_guarded_is_due(&owner->heap, wanted->place, wanted->size_class, passed))
        due = DUE_FOR_GUARD;
    if (cai_sample_is_on() && cai_sample_is_due(&owner->heap, wanted->place, wanted->size_class, passed))
        due = DUE_FOR_PROFILE;
    return due;
}

/* NULL: it is a block like others. */
static CAI_COLD void *take_guarded(struct cai_owner *owner, struct cai_account *account,
                                   const struct cai_wanted *wanted)
{
    size_t slot_bytes = cai_class_sizes[wanted->size_class];

    if (wanted->align > 16)
        return NULL;
    if (account != NULL && cai_account_charge_slots(account, 1, slot_bytes) == 0) {
        account->refused = CA_OK;
        return NULL;
    }
    void *block = cai_guarded_take(&owner->heap, wanted->place, wanted->size_class, wanted->bytes);
    if (block == NULL && account != NULL)
        cai_account_credit(account, slot_bytes);
    return block;
}

static void *take_small(struct cai_owner *owner, struct cai_account *account, const struct cai_wanted *wanted,
                        void **twice)
{
    struct cai_bin *bin = &owner->heap.bins[wanted->place][wanted->size_class];
    bool is_zero;
    enum due due = NOT_DUE;

    cai_requests_note(wanted->size_class, wanted->bytes);
    /* The fast path has counted this allocation already when it came here because of the countdown. */
    if (bin->countdown < 0 || --bin->countdown < 0)
        due = look(owner, wanted);
    void *guarded = CAI_UNLIKELY(due == DUE_FOR_GUARD) ? take_guarded(owner, account, wanted) : NULL;
    if (CAI_UNLIKELY(guarded != NULL))
        return guarded;
    if (bin->top == bin->base && !refill(owner, account, wanted)) {
        bool again = !was_refused(account);
        if (again)
            cai_housekeeping_shortage(owner);
        if (!again || !refill(owner, account, wanted)) {
            bin->countdown++;
            return NULL;
        }
    }
    void *address = *--bin->top;
    if (CAI_TOOLS) /* what is left there would be a pointer to the block for those who look for leaks */
        *bin->top = NULL;
    if (CAI_LIKELY(cai_cache_activate(wanted->place, cai_class_grain(wanted->size_class), wanted->size_class, address,
                                      &is_zero))) {
        if (wanted->zeroed)
            cai_cache_zero(&owner->heap, address, wanted->bytes, is_zero);
        if (CAI_UNLIKELY(due == DUE_FOR_PROFILE))
            cai_sample_begin(wanted->place, address);
        return address;
    }
    *twice = address;
    if (account != NULL)
        cai_account_credit(account, cai_class_sizes[wanted->size_class]);
    return NULL;
}

/* The account has been charged. A block that the heap had kept needs no look at the clock: freeing it was one. */
static void *take_large(struct cai_owner *owner, const struct cai_account *account, const struct cai_wanted *wanted)
{
    void *block = cai_large_take_kept(&owner->heap, wanted->place, wanted->bytes, wanted->align, wanted->zeroed);

    if (block != NULL)
        return block;
    block = cai_large_take(&owner->heap, wanted->place, wanted->bytes, wanted->align, wanted->zeroed);
    if (block == NULL && cai_large_run_bytes(wanted->bytes) != 0) {
        cai_housekeeping_shortage(owner);
        block = cai_large_take(&owner->heap, wanted->place, wanted->bytes, wanted->align, wanted->zeroed);
    }
    if (block != NULL && account == NULL)
        cai_housekeeping_look(owner);
    return block;
}

/* A block whose exact size is on record, whichever door it leaves by. */
static void *tell_taken(void *block, const struct cai_wanted *wanted)
{
    struct cai_live live = block != NULL ? cai_find_live(wanted->place, block) : (struct cai_live){.state = NULL};

    if (!CAI_TOOLS || live.state == NULL) /* said here too: what is not optimised keeps the function */
        return block;
    size_t bytes = wanted->bytes - CAI_TOOLS_ROOM;
    cai_sample_set_exact(&live, bytes);
    cai_tools_taken(block, bytes, cai_slot_bytes(live), wanted->zeroed);
    return block;
}

void *cai_allocate_from(struct cai_owner *owner, struct cai_account *account, const struct cai_wanted *wanted,
                        void **twice)
{
    void *block = wanted->size_class != 0
                      ? take_small(owner, account, wanted, twice)
                      : cai_sample_large(&owner->heap, wanted->place, take_large(owner, account, wanted));

    return CAI_TOOLS ? tell_taken(block, wanted) : block;
}

CAI_COLD void cai_allocate_report_twice(const struct cai_wanted *wanted, const void *address)
{
    cai_violation_report((ca_violation){.kind = CA_VIOLATION_DOUBLE_FREE,
                                        .function = "allocate",
                                        .address = address,
                                        .size = cai_class_bytes(wanted->size_class),
                                        .place = cai_place_name(wanted->place),
                                        .stated = "a free block",
                                        .found = "a doubly freed block"});
}

/* A thread that has no heap, because it is ending or memory is short, uses the shared one. */
static void *allocate_from_shared(const struct cai_wanted *wanted, void **twice)
{
    struct cai_thread *shared = cai_life_start() ? cai_registry_borrow(true) : NULL;

    if (shared == NULL)
        return NULL;
    void *block = cai_allocate_from(&shared->owner, NULL, wanted, twice);
    cai_registry_return();
    return block;
}

static void *allocate(const struct cai_wanted *wanted)
{
    for (;;) {
        struct cai_thread *own = cai_life_attach();
        void *twice = NULL;
        void *block = CAI_LIKELY(own != NULL) ? cai_allocate_from(&own->owner, NULL, wanted, &twice)
                                              : allocate_from_shared(wanted, &twice);
        if (CAI_LIKELY(block != NULL))
            return block;
        if (twice == NULL) {
            cai_requests_refused();
            return NULL;
        }
        cai_allocate_report_twice(wanted, twice);
    }
}

CAI_NOINLINE void *cai_allocate_slow(enum cai_place place, size_t bytes, bool zeroed)
{
    if (!CAI_TOOLS && bytes > CAI_SMALL_BYTES_MAX) {
        void *kept = cai_large_take_kept(cai_self_heap(), place, bytes, 16, zeroed);
        if (kept != NULL)
            return cai_sample_large(cai_self_heap(), place, kept);
    }
    struct cai_wanted wanted = cai_want(place, bytes, 16, zeroed);
    return allocate(&wanted);
}

void *cai_allocate_aligned(enum cai_place place, size_t bytes, size_t align, bool zeroed)
{
    if (align <= 16)
        return cai_allocate(place, bytes, zeroed);
    struct cai_wanted wanted = cai_want(place, bytes, align, zeroed);
    void *block = NULL;
    if (wanted.size_class != 0)
        block = wanted.size_class <= CAI_CLASS_FINE_LAST
                    ? cai_cache_take(cai_self_heap(), place, CAI_FINE, wanted.size_class, zeroed, bytes)
                    : cai_cache_take(cai_self_heap(), place, CAI_COARSE, wanted.size_class, zeroed, bytes);
    return block != NULL ? block : allocate(&wanted);
}
