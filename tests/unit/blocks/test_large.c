/* Large blocks: in place where the neighbours allow, moved with their content where not, cleared where free means
 * zero. */
#include "unit/unit.h"

#include "blocks/large.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/rng.h"

#include <stdlib.h>
#include <string.h>

#define MIB CAI_MIB

static char *take(enum cai_place place, size_t bytes)
{
    char *block = cai_allocate(place, bytes, false);

    require(block != NULL && cai_place_of(block) == place && cai_usable(place, block, "usable") >= bytes);
    return block;
}

static void give(enum cai_place place, void *block)
{
    cai_free(place, block, "free");
}

static char *resize(enum cai_place place, void *block, size_t bytes)
{
    char *resized = cai_resize(place, block, bytes, "realloc");

    require(resized != NULL && cai_place_of(resized) == place && cai_usable(place, resized, "usable") >= bytes);
    return resized;
}

CHILD_TEST(test_grows_and_shrinks_in_place, 60)
{
    char *block = take(CAI_PLACE_ordinary, 2 * MIB);
    content_fill(block, 0, 2 * MIB, 1);
    char *grown = resize(CAI_PLACE_ordinary, block, 2 * MIB + 1); /* nobody is behind it */
    require_null(audit_all());
    require(content_holds(grown, 2 * MIB, 1));
    char *shrunk = resize(CAI_PLACE_ordinary, grown, MIB);
    require(shrunk == grown && content_holds(shrunk, MIB, 1));
    require_null(audit_all());
    char *back = resize(CAI_PLACE_ordinary, shrunk, MIB + MIB / 2); /* into what it gave up */
    require(back == shrunk && content_holds(back, MIB, 1));
    require_null(audit_all());
    give(CAI_PLACE_ordinary, back);
    require_null(audit_all());
}

CHILD_TEST(test_moves_with_its_content, 60)
{
    for (enum cai_place place = 0; place < CAI_PLACES; place++) {
        for (size_t bytes = CAI_SMALL_BYTES_MAX + 1; bytes < 20 * MIB; bytes = bytes * 3 / 2) {
            char *block = take(place, bytes);
            char *wall = take(place, bytes);
            content_fill(block, 0, bytes, bytes);
            char *grown = resize(place, block, 3 * bytes);
            require(content_holds(grown, bytes, bytes));
            require(grown == block || cai_find_any(block).found != CAI_FOUND_LIVE);
            require(!cai_place_zeroes(place) || content_is_zero(grown + bytes, 2 * bytes));
            require_null(audit_all());
            content_fill(grown, 0, 3 * bytes, 5);
            give(place, wall);
            give(place, grown);
            require_null(audit_all());
        }
    }
    require_null(audit_zeros(true));
}

CHILD_TEST(test_becomes_small_and_large, 60)
{
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (size_t small = 1; small <= CAI_SMALL_BYTES_MAX; small = small * 5 + 3) {
            char *block = take(place, small);
            content_fill(block, 0, small, 7);
            block = resize(place, block, 3 * MIB);
            require(content_holds(block, small, 7));
            content_fill(block, 0, 3 * MIB, 8);
            block = resize(place, block, small);
            require(content_holds(block, small, 8));
            give(place, block);
            require_null(audit_all());
        }
    require_null(audit_zeros(true));
}

/* After free, the whole block is zero: looked at through the stale address, before anything else happens. */
CHILD_TEST(test_mustzero_blocks_leave_zeros, 60)
{
    for (enum cai_place place = CAI_PLACE_mustzero; place <= CAI_PLACE_secret; place++)
        for (size_t bytes = CAI_SMALL_BYTES_MAX + 1; bytes < 3 * MIB; bytes *= 2) {
            char *block = take(place, bytes);
            char *stay = take(place, bytes);
            size_t usable = cai_usable(place, block, "usable");
            memset(block, 0xff, usable);
            memset(stay, 0xff, bytes);
            block = resize(place, block, CAI_SMALL_BYTES_MAX + 1 + (bytes - CAI_SMALL_BYTES_MAX - 1) / 3);
            size_t kept = cai_usable(place, block, "usable");
            require_null(audit_zeros(true));
            memset(block, 0xff, kept);
            give(place, block);
            require_null(audit_zeros(true));
            if (bytes <= MIB)
                require(content_is_zero(block, kept)); /* in the thread's cache: still mapped */
            char *zero = cai_allocate(place, bytes, true);
            require(zero != NULL && content_is_zero(zero, bytes));
            give(place, zero);
            give(place, stay);
        }
    require_null(audit_all());
}

CHILD_TEST(test_zeroed_after_dirty_reuse, 60)
{
    for (unsigned round = 0; round < 3; round++)
        for (size_t bytes = CAI_SMALL_BYTES_MAX + 1; bytes < 9 * MIB; bytes = bytes * 2 + 77) {
            char *block = cai_allocate(CAI_PLACE_ordinary, bytes, true);
            require(block != NULL && content_is_zero(block, bytes));
            memset(block, 0xff, cai_usable(CAI_PLACE_ordinary, block, "usable"));
            give(CAI_PLACE_ordinary, block);
            block = cai_allocate(CAI_PLACE_ordinary, bytes, true); /* the same one, from the thread's cache */
            require(block != NULL && content_is_zero(block, bytes));
            memset(block, 0xff, bytes);
            give(CAI_PLACE_ordinary, block);
            require_null(audit_all());
        }
}

/* Of two threads that found the block live, the second is told. */
CHILD_TEST(test_V2_two_threads_free_one_block, 60)
{
    char *block = take(CAI_PLACE_ordinary, MIB);
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);
    require(cai_free_live(CAI_PLACE_ordinary, block, live));
    require(!cai_free_live(CAI_PLACE_ordinary, block, live));
    require_null(audit_all());
}

CHILD_TEST(test_D2_alignment_and_impossible_sizes, 60)
{
    static const size_t sizes[] = {0, 1, 4096, 100000, MIB, 5 * MIB + 1};

    for (size_t align = CAI_UNIT_BYTES; align <= 64 * MIB; align *= 2)
        for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *block = cai_allocate_aligned(CAI_PLACE_ordinary, sizes[i], align, false);
            require(block != NULL && (uintptr_t)block % align == 0);
            require(cai_usable(CAI_PLACE_ordinary, block, "usable") >= sizes[i]);
            memset(block, 1, sizes[i]);
            require_null(audit_all());
            give(CAI_PLACE_ordinary, block);
        }
    require(cai_allocate_aligned(CAI_PLACE_ordinary, 1, (size_t)1 << 41, false) == NULL);
    require(cai_allocate_aligned(CAI_PLACE_ordinary, 1, (size_t)1 << 62, false) == NULL);
    require(cai_allocate(CAI_PLACE_ordinary, (size_t)1 << 46, false) == NULL);
    require(cai_allocate(CAI_PLACE_ordinary, PTRDIFF_MAX, false) == NULL);
    char *block = take(CAI_PLACE_ordinary, MIB);
    require(cai_resize(CAI_PLACE_ordinary, block, PTRDIFF_MAX, "realloc") == NULL);
    require(cai_resize(CAI_PLACE_ordinary, block, (size_t)1 << 46, "realloc") == NULL);
    require(cai_find_any(block).found == CAI_FOUND_LIVE);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_shrinks_in_place),        cmocka_unit_test(test_moves_with_its_content),
        cmocka_unit_test(test_becomes_small_and_large),           cmocka_unit_test(test_mustzero_blocks_leave_zeros),
        cmocka_unit_test(test_zeroed_after_dirty_reuse),          cmocka_unit_test(test_V2_two_threads_free_one_block),
        cmocka_unit_test(test_D2_alignment_and_impossible_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
