/* From an address to a block: what is proved to be a live one, what stands anywhere else, and what a report says. */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "blocks/find.h"
#include "pages/purge.h"
#include "support/own_heap.h"
#include "support/refuse.h"

#include <stdio.h>

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};

static struct cai_heap heap = OWN_HEAP(7);

/* --- state bytes --- */

CHILD_TEST_EACH(test_addresses_have_a_state_byte_where_a_granule_begins, 10, places)
{
    start_pages();
    for (enum cai_grain grain = CAI_FINE; grain < CAI_GRAINS; grain++) {
        const struct cai_view *view = cai_view_of(cai_zone_number(value, grain));
        char *origin = (char *)view->origin;
        size_t step = (size_t)1 << cai_grain_shift(grain);
        size_t granule;

        require(cai_find_state(value, grain, origin, &granule) == NULL); /* no tables yet */
        own_take_class(&heap, value, grain == CAI_FINE ? 1 : CAI_CLASS_LAST);
        require(cai_find_state(value, grain, origin, &granule) == view->state && granule == 0);
        require(cai_find_state(value, grain, origin + step, &granule) == view->state + 1 && granule == 1);
        char *last = origin + (view->granules - 1) * step;
        require(cai_find_state(value, grain, last, &granule) == view->state + view->granules - 1);
        require(cai_find_state(value, grain, last + step, &granule) == NULL);
        require(cai_find_state(value, grain, origin - step, &granule) == NULL);
        require(cai_find_state(value, grain, NULL, &granule) == NULL);
        for (size_t inside = 1; inside < step; inside++)
            require(cai_find_state(value, grain, origin + step + inside, &granule) == NULL);
    }
}

/* --- live blocks --- */

CHILD_TEST_EACH(test_every_class_is_found_by_its_start_alone, 20, places)
{
    start_pages();
    for (unsigned size_class = 0; size_class <= CAI_CLASS_LAST; size_class++) {
        char *block = size_class == 0 ? own_take(&heap, value, 100000) : own_take_class(&heap, value, size_class);
        struct cai_live live = cai_find_live(value, block);
        require(live.size_class == size_class &&
                cai_live_run(live)->kind == (size_class == 0 ? CAI_UNIT_LARGE : CAI_UNIT_SLAB));
        require(live.state == &cai_view_of(live.zone)->state[cai_live_granule(live)] && *live.state == live.byte);
        require(live.byte == (size_class == 0 ? CAI_STATE_LARGE : size_class));
        require(live.zone == cai_zone_number(value, size_class == 0 ? CAI_COARSE : cai_class_grain(size_class)));
        require(*cai_live_owner(live) == heap.id);
        size_t bytes = cai_slot_bytes(live);
        for (size_t inside = 1; inside < bytes; inside += inside < 200 ? 1 : 64)
            require(cai_find_live(value, block + inside).state == NULL);
        for (enum cai_place other = 0; other < CAI_PLACES; other++)
            require(other == value || cai_find_live(other, block).state == NULL);
        if (size_class != 0) {
            own_put(&heap, value, block);
            require(cai_find_live(value, block).state == NULL);
        }
    }
}

/* Two states that do not say which class it is. */
CHILD_TEST_EACH(test_wiped_and_short_blocks_have_their_class, 10, places)
{
    static const size_t sizes[] = {1, 100, 5000, 100000};

    start_pages();
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = own_take(&heap, value, sizes[i]);
        struct cai_live live = own_live(value, block);
        unsigned size_class = live.size_class;
        cai_exact_set(live, sizes[i]);
        require(own_live(value, block).size_class == size_class && cai_exact_bytes(own_live(value, block)) == sizes[i]);
        *live.state = CAI_STATE_WIPED;
        live = own_live(value, block);
        require(live.size_class == size_class && live.byte == CAI_STATE_WIPED);
    }
}

CHILD_TEST_EACH(test_the_owner_of_any_address, 10, places)
{
    start_pages();
    require(cai_find_owner(value, (void *)cai_view_of(cai_zone_number(value, CAI_FINE))->origin) == 0);
    char *fine = own_take(&heap, value, 100);
    char *coarse = own_take(&heap, value, 5000);
    char *large = own_take(&heap, value, 100000);
    require(cai_find_owner(value, fine) == heap.id && cai_find_owner(value, fine + 77) == heap.id);
    require(cai_find_owner(value, coarse) == heap.id && cai_find_owner(value, coarse + 4999) == heap.id);
    require(cai_find_owner(value, large + 5) == heap.id);
    require(cai_find_owner(value, &heap) == 0 && cai_find_owner(value, NULL) == 0);
    for (enum cai_place other = 0; other < CAI_PLACES; other++)
        require(other == value || cai_find_owner(other, fine) == 0);
}

/* --- whatever is there --- */

static void expect(const void *address, enum cai_found found, enum cai_place place, size_t bytes)
{
    struct cai_lookup there = cai_find_any(address);

    if (there.found != found || there.place != place || there.bytes != bytes) {
        char text[200];
        snprintf(text, sizeof text, "%p: found %d, place %d, %zu bytes; not %d, %d, %zu", address, (int)there.found,
                 (int)there.place, there.bytes, (int)found, (int)place, bytes);
        child_fail(__FILE__, __LINE__, text);
    }
}

static void expect_inside(const char *block, enum cai_found found, enum cai_place place, size_t bytes)
{
    for (size_t inside = 1; inside < bytes; inside = inside * 2 + 1)
        expect(block + inside, found, place, bytes);
    expect(block + bytes - 1, found, place, bytes);
}

CHILD_TEST_EACH(test_V1_look_up, 20, places)
{
    start_pages();
    for (size_t bytes = 1; bytes < 600000; bytes = bytes * 3 + 15) {
        char *block = own_take(&heap, value, bytes);
        struct cai_live live = own_live(value, block);
        size_t usable = cai_usable_bytes(live);
        expect(block, CAI_FOUND_LIVE, value, usable);
        expect_inside(block, CAI_FOUND_INSIDE_LIVE, value, usable);
        if (live.size_class != 0)
            own_put(&heap, value, block);
        else
            require(cai_large_claim(&heap, cai_live_run(live), live.byte)); /* and not yet given on */
        expect(block, CAI_FOUND_FREED, value, usable);
        expect_inside(block, CAI_FOUND_INSIDE_FREED, value, usable);
    }
}

/* What was freed is known as such until its memory goes back. */
CHILD_TEST_EACH(test_V1_free_runs_remember_their_blocks, 20, places)
{
    start_pages();
    char *small = own_take_class(&heap, value, CAI_CLASS_LAST);
    char *large = own_take(&heap, value, 100000);
    struct cai_live live = own_live(value, large);
    require(cai_large_claim(&heap, cai_live_run(live), live.byte));
    cai_large_give(&heap, cai_live_run(live));
    cai_exact_set(own_live(value, small), 1); /* the record stays, and is no block */
    own_put(&heap, value, small);
    cai_cache_flush_all(&heap);
    expect(small, CAI_FOUND_FREED, value, 0);
    expect(small + 64, CAI_FOUND_UNUSED, value, 0);
    expect(large, CAI_FOUND_FREED, value, 0);
    cai_purge_all();
    expect(small, CAI_FOUND_UNUSED, value, 0);
    expect(large, CAI_FOUND_UNUSED, value, 0);
}

CHILD_TEST(test_V1_what_is_no_block_at_all, 10)
{
    expect(NULL, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0); /* before the start, too */
    start_pages();
    expect(&heap, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect(NULL, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect((void *)UINTPTR_MAX, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect((void *)cai_sealed.places, CAI_FOUND_UNUSED, CAI_PLACE_ordinary, 0);
    expect((void *)cai_view_of(3)->origin, CAI_FOUND_UNUSED, CAI_PLACE_nocaps, 0);
    char *block = own_take(&heap, CAI_PLACE_nocaps, 5000);
    struct cai_unit *slab = cai_live_run(own_live(CAI_PLACE_nocaps, block));
    expect(memory_of(slab) + length_of(slab), CAI_FOUND_UNUSED, CAI_PLACE_nocaps, 0); /* behind it: a free run */
    expect((char *)cai_view_of(3)->origin, CAI_FOUND_UNUSED, CAI_PLACE_nocaps, 0);    /* unit 0 is never used */
}

/* --- reports --- */

static bool reports(enum cai_place door, const void *address, ca_violation_kind kind, const char *stated,
                    const char *found, const char *place)
{
    cai_find_report(door, address, "door");
    bool right = refused_calls == 1 && refused_report.kind == kind && refused_report.address == address &&
                 strcmp(refused_report.function, "door") == 0 && strcmp(refused_report.stated, stated) == 0 &&
                 strcmp(refused_report.found, found) == 0 && strcmp(refused_report.place, place) == 0;
    refuse_forget();
    return right;
}

CHILD_TEST(test_V1_a_report_says_what_is_there, 10)
{
    start_pages();
    refuse_start();
    char *block = own_take(&heap, CAI_PLACE_secret, 5000);
    char *freed = own_take(&heap, CAI_PLACE_nocaps, 5000);
    own_put(&heap, CAI_PLACE_nocaps, freed);
    require(reports(CAI_PLACE_ordinary, block, CA_VIOLATION_WRONG_DEALLOCATOR, "a block of place ordinary",
                    "a live block", "secret"));
    require(reports(CAI_PLACE_mustzero, block, CA_VIOLATION_WRONG_DEALLOCATOR, "a block of place mustzero",
                    "a live block", "secret"));
    /* It was freed when this was found out, and taken again meanwhile. */
    require(reports(CAI_PLACE_secret, block, CA_VIOLATION_DOUBLE_FREE, "a live block", "a live block", "secret"));
    require(reports(CAI_PLACE_secret, block + 16, CA_VIOLATION_INVALID_FREE, "a live block",
                    "the inside of a live block", "secret"));
    require(reports(CAI_PLACE_nocaps, freed, CA_VIOLATION_DOUBLE_FREE, "a live block", "a freed block", "nocaps"));
    require(reports(CAI_PLACE_ordinary, freed, CA_VIOLATION_DOUBLE_FREE, "a live block", "a freed block", "nocaps"));
    require(reports(CAI_PLACE_nocaps, freed + 1, CA_VIOLATION_INVALID_FREE, "a live block",
                    "the inside of a freed block", "nocaps"));
    require(reports(CAI_PLACE_nocaps, &heap, CA_VIOLATION_INVALID_FREE, "a live block", "foreign memory", "none"));
    require(reports(CAI_PLACE_nocaps, (void *)cai_sealed.places, CA_VIOLATION_INVALID_FREE, "a live block",
                    "memory that is no block", "ordinary"));
    require(own_live(CAI_PLACE_secret, block).state != NULL);
}

/* A report may interrupt whoever holds the locks. */
CHILD_TEST(test_V3_report_while_locks_are_held, 60)
{
    start_pages();
    char *block = own_take(&heap, CAI_PLACE_ordinary, 40);
    refuse_start();
    for (unsigned i = 0; i < CAI_ZONES; i++)
        require(cai_lock_try(&cai_zones[i].lock));
    require(cai_lock_try(&heap.lock));
    cai_find_report(CAI_PLACE_ordinary, block + 16, "free");
    require(was_refused("invalid-free"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_have_a_state_byte_where_a_granule_begins),
        cmocka_unit_test(test_every_class_is_found_by_its_start_alone),
        cmocka_unit_test(test_wiped_and_short_blocks_have_their_class),
        cmocka_unit_test(test_the_owner_of_any_address),
        cmocka_unit_test(test_V1_look_up),
        cmocka_unit_test(test_V1_free_runs_remember_their_blocks),
        cmocka_unit_test(test_V1_what_is_no_block_at_all),
        cmocka_unit_test(test_V1_a_report_says_what_is_there),
        cmocka_unit_test(test_V3_report_while_locks_are_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
