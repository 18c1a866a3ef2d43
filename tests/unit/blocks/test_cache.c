/* Bins: the last slot freed is the first one taken, they are filled from slabs and emptied into them. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/many.h"
#include "support/own_heap.h"

enum { CACHE_LINE_BYTES = 64 };

/* --- by whoever uses the process's own heap --- */

CHILD_TEST(test_last_freed_is_first_taken, 60)
{
    void *a = take(40);
    void *b = take(40);
    require(a != b);
    give(a);
    give(b);
    require(take(40) == b && take(40) == a);
    give(a);
    require(take(48) == a); /* the same class */
    require_null(audit_all());
}

CHILD_TEST(test_bins_grow_flush_and_empty, 60)
{
    static const size_t sizes[] = {1, 16, 100, 1000, 1024, 1025, 5000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned round = 0; round < 2; round++) {
            take_many(sizes[i]);
            require_null(audit_all());
            check_many(sizes[i]);
            give_many();
            require_null(audit_all());
        }
        cai_cache_flush_all(cai_self_heap());
        require_null(audit_all());
        require(used_units() == 0);
    }
}

CHILD_TEST(test_zeroed_after_dirty_reuse, 60)
{
    for (unsigned round = 0; round < 3; round++)
        for (size_t bytes = 1; bytes < 5000; bytes = bytes * 2 + 1) {
            void *dirty[20];
            for (unsigned i = 0; i < 20; i++)
                memset(dirty[i] = take(bytes), 0xff, bytes);
            for (unsigned i = 0; i < 20; i++)
                give(dirty[i]);
            for (unsigned i = 0; i < 40; i++) {
                char *zero = cai_allocate(CAI_PLACE_ordinary, bytes, true);
                require(zero != NULL && content_is_zero(zero, bytes));
                memset(zero, 0xff, bytes);
            }
        }
    require_null(audit_all());
}

/* A load waits for a store to the same offset in another page: that of a slot must not look like the bin's count. */
CHILD_TEST(test_no_slot_looks_like_its_bin, 60)
{
    enum { TAKEN = 100, PAGE = 4096, LONGEST = PAGE / 2 };
    give(take(1)); /* the heap is there */
    const struct cai_bin *bins = cai_self_heap()->bins[CAI_PLACE_ordinary];

    for (unsigned size_class = 1; size_class <= CAI_CLASS_LAST; size_class++) {
        uintptr_t at = (uintptr_t)&bins[size_class];
        require(at / CACHE_LINE_BYTES == (at + sizeof *bins - 1) / CACHE_LINE_BYTES);
        for (unsigned i = 0; i < TAKEN; i++) {
            take(cai_class_sizes[size_class]);
            uintptr_t slots = (uintptr_t)bins[size_class].base;
            size_t bytes = cai_bin_limit(&bins[size_class]) * sizeof(void *);
            require(slots != 0 && (bytes > LONGEST || (at - slots) % PAGE >= bytes));
        }
    }
}

/* Two threads that free one block at once may count it twice; what they did must not hang their slab's owner. */
CHILD_TEST(test_a_miscount_does_not_hang, 60)
{
    void *first = take(100);
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_FINE));
    struct cai_unit *slab = cai_slab_of(view, CAI_FINE, cai_granule_of(view, CAI_FINE, first));
    cai_slab_remote_free(slab, 1, cai_self_heap());
    for (unsigned i = 0; i < 5000; i++)
        memset(take(100), 1, 100);
}

/* --- one heap alone --- */

enum { CLASS = 40, SLOT = 2048, FULL = 256 * 1024 / SLOT };

static struct cai_heap heap = OWN_HEAP(7), other = OWN_HEAP(8);
static struct cai_bin *const bin = &heap.bins[CAI_PLACE_ordinary][CLASS];

static struct cai_unit *slab_of(const void *block)
{
    const struct cai_view *view = cai_view_of(ORDINARY_COARSE);

    return cai_slab_of(view, CAI_COARSE, cai_granule_of(view, CAI_COARSE, block));
}

static uint8_t *state_at(const void *block)
{
    const struct cai_view *view = cai_view_of(ORDINARY_COARSE);

    return &view->state[cai_granule_of(view, CAI_COARSE, block)];
}

/* So many were handed out by the bin since its last refill. */
static uint32_t wants_after(uint32_t handed_out)
{
    bin->countdown -= (int32_t)handed_out;
    uint32_t want = cai_cache_wants(&heap, CAI_PLACE_ordinary, CLASS);

    require(want == 0 || cai_bin_limit(bin) >= want * 2);
    return want;
}

/* Twice as many each time, as long as little comes back, up to half of the bin; 256 KiB are its limit. */
CHILD_TEST(test_a_bin_wants_twice_as_much_each_time, 10)
{
    start_pages();
    require(cai_class_bytes(CLASS) == SLOT && cai_bin_limit(bin) == 0);
    require(wants_after(1) == 8 && cai_bin_limit(bin) == 16);
    require(wants_after(8) == 16 && cai_bin_limit(bin) == 64);
    require(wants_after(16) == 32);
    require(wants_after(32 + 7) == 64 && cai_bin_limit(bin) == FULL);
    require(wants_after(64) == FULL / 2 && wants_after(FULL / 2) == FULL / 2);
    for (unsigned i = 0; i < 10; i++)
        require(cai_cache_wants(&heap, CAI_PLACE_ordinary, CAI_CLASS_LAST) == 8);
    require(cai_bin_limit(&heap.bins[CAI_PLACE_ordinary][CAI_CLASS_LAST]) == 16);
}

/* What came back meanwhile was handed out again: as many, or half as many, and eight at least. */
CHILD_TEST(test_a_bin_that_lives_on_what_comes_back_wants_less, 10)
{
    start_pages();
    for (uint32_t want = 8, before = 1; want <= 32; before = want, want *= 2)
        require(wants_after(before) == want);
    require(wants_after(32 + 8) == 32 && wants_after(63) == 32);
    require(wants_after(64) == 16 && wants_after(1000) == 8 && wants_after(1000) == 8);
    require(wants_after(8) == 16);
}

CHILD_TEST(test_a_refill_puts_the_lowest_address_on_top, 10)
{
    start_pages();
    own_fill(&heap, CAI_PLACE_ordinary, CLASS);
    for (uint32_t i = 1; i < cai_bin_count(bin); i++)
        require(bin->base[i] < bin->base[i - 1]);
    require(cai_cache_bytes(&heap) == cai_bin_count(bin) * SLOT);
}

CHILD_TEST(test_a_full_bin_gives_its_older_half_back, 10)
{
    static void *blocks[FULL + 1];

    start_pages();
    for (unsigned i = 0; i <= FULL; i++)
        blocks[i] = own_take_class(&heap, CAI_PLACE_ordinary, CLASS);
    bin->top = bin->base; /* what the last refill left is not needed */
    for (unsigned i = 0; i < FULL; i++)
        own_put(&heap, CAI_PLACE_ordinary, blocks[i]);
    require(cai_bin_count(bin) == FULL && cai_bin_limit(bin) == FULL);
    own_put(&heap, CAI_PLACE_ordinary, blocks[FULL]);
    require(cai_bin_count(bin) == FULL / 2 + 1 && bin->base[FULL / 2] == blocks[FULL] &&
            bin->base[0] == blocks[FULL / 2]);
    for (unsigned i = 0; i < FULL / 2; i++)
        require(!cai_state_is_cached(*state_at(blocks[i])));
    require(cai_state_is_cached(*state_at(blocks[FULL / 2])));
}

/* A bin that overflows and is drained may be twice as long, and twice as long again, until it is idle. */
CHILD_TEST(test_D6_a_bin_follows_the_swing_until_it_is_idle, 10)
{
    enum { SWING = 4 * FULL };
    static void *blocks[SWING];
    struct cai_slabs *list = &heap.slabs[CAI_PLACE_ordinary][CLASS];

    start_pages();
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < SWING; i++)
            blocks[i] = own_take_class(&heap, CAI_PLACE_ordinary, CLASS);
        for (unsigned i = 0; i < SWING; i++)
            own_put(&heap, CAI_PLACE_ordinary, blocks[i]);
        require(cai_bin_limit(bin) == cai_min(FULL << round, SWING));
    }
    require(cai_bin_count(bin) == SWING && list->first == 0);
    require(cai_cache_flush_idle(&heap) == 0 && cai_cache_flush_idle(&heap) == SWING * SLOT);
    require(cai_bin_count(bin) == 0 && cai_bin_limit(bin) == FULL && cai_zones[ORDINARY_COARSE].used_units == 0);
    for (unsigned i = 0; i < SWING; i++)
        blocks[i] = own_take_class(&heap, CAI_PLACE_ordinary, CLASS);
    for (unsigned i = 0; i < SWING; i++)
        own_put(&heap, CAI_PLACE_ordinary, blocks[i]);
    require(cai_bin_limit(bin) == FULL);
}

/* Takes and gives back so many of the class, again and again; the bin's limit after it. */
static uint32_t swing(unsigned size_class)
{
    enum { SWING = 4096 };
    static void *blocks[SWING];

    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < SWING; i++)
            blocks[i] = own_take_class(&heap, CAI_PLACE_ordinary, size_class);
        for (unsigned i = 0; i < SWING; i++)
            own_put(&heap, CAI_PLACE_ordinary, blocks[i]);
    }
    return cai_bin_limit(&heap.bins[CAI_PLACE_ordinary][size_class]);
}

/* What swings bring is shared by all bins of the heap, and comes back from those that are idle. */
CHILD_TEST(test_D6_bins_share_what_swings_bring, 30)
{
    enum { FIRST = 1, LAST = 16, BASE = 1024, SHARED = 16 * 1024 };

    start_pages();
    for (unsigned turn = 0; turn < 2; turn++) {
        uint32_t brought = 0;
        require(swing(FIRST) == 4 * BASE);
        for (unsigned size_class = FIRST; size_class <= LAST; size_class++)
            brought += swing(size_class) - BASE;
        require(brought > SHARED / 2 && brought <= SHARED);
        cai_cache_flush_idle(&heap);
        cai_cache_flush_idle(&heap);
        for (unsigned size_class = FIRST; size_class <= LAST; size_class++)
            require(cai_bin_limit(&heap.bins[CAI_PLACE_ordinary][size_class]) == BASE);
        require(heap.doubled_slots == 0);
    }
}

/* Idle is what did nothing between two looks. */
CHILD_TEST(test_D6_idle_bins_are_emptied, 10)
{
    start_pages();
    void *kept = own_take_class(&heap, CAI_PLACE_ordinary, CLASS);
    require(cai_cache_flush_idle(&heap) == 0 && cai_bin_count(bin) != 0); /* the first look */
    own_put(&heap, CAI_PLACE_ordinary, kept);
    require(cai_cache_flush_idle(&heap) == 0 && cai_bin_count(bin) != 0); /* it did something */
    size_t bytes = cai_cache_bytes(&heap);
    require(cai_cache_flush_idle(&heap) == bytes && cai_bin_count(bin) == 0 && cai_cache_bytes(&heap) == 0);
    require(cai_zones[ORDINARY_COARSE].used_units == 0);
}

/* What a thread that vanished left half done: a slot that is live already, one that is not whole, a count too high. */
CHILD_TEST(test_D3_only_what_is_cached_is_salvaged, 10)
{
    start_pages();
    own_fill(&heap, CAI_PLACE_ordinary, CLASS);
    require(cai_bin_count(bin) == 8);
    void *live = bin->base[3];
    *state_at(live) = CLASS;
    void *lost = bin->base[5];
    bin->base[5] = &heap;
    cai_cache_salvage(&heap);
    require(cai_bin_count(bin) == 0 && *state_at(live) == CLASS && cai_state_is_cached(*state_at(lost)));
    require(slab_of(live)->used == 2);
}

/* One whose array is exchanged has its slots in both: in the child of a fork that stops it there, whichever of its
 * pointers lead to which, all of them go back. */
CHILD_TEST(test_D7_a_bin_that_moves_is_salvaged, 10)
{
    static void *arrays[2][64];

    start_pages();
    for (unsigned set = 0; set < 8; set++) {
        void **another = arrays[set % 2];
        own_fill(&heap, CAI_PLACE_ordinary, CLASS);
        uint32_t count = cai_bin_count(bin);
        require(count > 1 && count < 64 && cai_bin_count_of(bin) == count);
        memcpy(another, bin->base, count * sizeof *another);
        heap.moved = *bin;
        heap.moved.base = another;
        heap.moved.top = another + count;
        heap.moved.end = another + 64;
        heap.moving = bin;
        bin->base = (set & 1) != 0 ? heap.moved.base : bin->base;
        bin->top = (set & 2) != 0 ? heap.moved.top : bin->top;
        bin->end = (set & 4) != 0 ? heap.moved.end : bin->end;
        cai_cache_salvage(&heap);
        require(heap.moving == NULL && bin->base == another && cai_bin_count(bin) == 0 && cai_bin_limit(bin) == 64);
        for (uint32_t i = 0; i < count; i++)
            require(cai_state_is_in_slab(*state_at(another[i])));
    }
}

/* One that was being pushed, or popped, is cached and stands right above the top. */
CHILD_TEST(test_D7_a_slot_in_the_hand_is_salvaged, 10)
{
    start_pages();
    own_fill(&heap, CAI_PLACE_ordinary, CLASS);
    void *popped = *--bin->top;
    require(cai_state_is_cached(*state_at(popped)));
    cai_cache_salvage(&heap);
    require(cai_bin_count(bin) == 0 && cai_state_is_in_slab(*state_at(popped)));
    require(cai_zones[ORDINARY_COARSE].used_units == 0 || slab_of(popped)->used == 0);
}

/* What stands above the top and became another heap's meanwhile is left alone. */
CHILD_TEST(test_D7_what_another_heap_has_is_not_salvaged, 10)
{
    start_pages();
    own_fill(&heap, CAI_PLACE_ordinary, CLASS);
    own_fill(&other, CAI_PLACE_ordinary, CLASS);
    void *theirs = other.bins[CAI_PLACE_ordinary][CLASS].base[0];
    bin->base[cai_bin_count(bin)] = theirs;
    cai_cache_salvage(&heap);
    require(cai_bin_count(bin) == 0 && cai_state_is_cached(*state_at(theirs)));
}

/* A heap whose lock was held by a thread that is not there: everything anew, by the state bytes. */
CHILD_TEST(test_D7_a_heap_is_rebuilt, 10)
{
    start_pages();
    own_fill(&heap, CAI_PLACE_ordinary, CLASS);
    void *live = own_take_class(&heap, CAI_PLACE_ordinary, CLASS);
    struct cai_unit *slab = slab_of(live);
    slab->used = 77;
    slab->fresh = 1;
    slab->listed = 0;
    cai_cache_rebuild(&heap, false, NULL);
    require(cai_bin_count(bin) == 0 && slab->used == 1 && slab->fresh == 8 && slab->listed && slab->remote == 0);
    require(own_take_class(&heap, CAI_PLACE_ordinary, CLASS) != live);
}

/* What came with remote frees and is another heap's by now is put aside. */
CHILD_TEST(test_slabs_of_others_are_put_aside, 10)
{
    start_pages();
    struct cai_unit *own = slab_of(own_take_class(&heap, CAI_PLACE_ordinary, CLASS));
    struct cai_unit *stray = slab_of(own_take_class(&other, CAI_PLACE_ordinary, CLASS));
    require(cai_cache_strays(&heap) == NULL);
    cai_slab_remote_free(own, 0, &heap);
    cai_slab_remote_free(stray, 0, &heap);
    cai_lock_take(&heap.lock);
    cai_cache_collect(&heap, false); /* somebody has the lock: nothing happens */
    require(heap.returned == stray && heap.strays == NULL);
    cai_lock_give(&heap.lock);
    cai_cache_collect(&heap, false);
    require(heap.returned == NULL && own->returned == 0 && stray->returned != 0);
    require(cai_cache_strays(&heap) == stray && stray->next_returned == NULL && cai_cache_strays(&heap) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_freed_is_first_taken),
        cmocka_unit_test(test_bins_grow_flush_and_empty),
        cmocka_unit_test(test_zeroed_after_dirty_reuse),
        cmocka_unit_test(test_a_miscount_does_not_hang),
        cmocka_unit_test(test_no_slot_looks_like_its_bin),
        cmocka_unit_test(test_a_bin_wants_twice_as_much_each_time),
        cmocka_unit_test(test_a_bin_that_lives_on_what_comes_back_wants_less),
        cmocka_unit_test(test_a_refill_puts_the_lowest_address_on_top),
        cmocka_unit_test(test_a_full_bin_gives_its_older_half_back),
        cmocka_unit_test(test_D6_a_bin_follows_the_swing_until_it_is_idle),
        cmocka_unit_test(test_D6_bins_share_what_swings_bring),
        cmocka_unit_test(test_D6_idle_bins_are_emptied),
        cmocka_unit_test(test_D3_only_what_is_cached_is_salvaged),
        cmocka_unit_test(test_D7_a_bin_that_moves_is_salvaged),
        cmocka_unit_test(test_D7_a_slot_in_the_hand_is_salvaged),
        cmocka_unit_test(test_D7_what_another_heap_has_is_not_salvaged),
        cmocka_unit_test(test_D7_a_heap_is_rebuilt),
        cmocka_unit_test(test_slabs_of_others_are_put_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
