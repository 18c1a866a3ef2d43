/* Everything that a heap owns, found by its number: given back with must-zero blocks cleared, or handed to another. */
#include "unit/unit.h"

#include "heaps/owned.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/own_heap.h"

enum { BLOCKS = 60 };

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};
static const size_t sizes[] = {10, 100, 500, 3000, 32768, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static struct cai_heap heap = OWN_HEAP(7), other = OWN_HEAP(8);
static char *blocks[SIZES][BLOCKS], *others[SIZES];

/* Full slabs and some with room, large blocks, and blocks of somebody else among them. */
static void fill(enum cai_place place)
{
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 0; i < BLOCKS; i++) {
            blocks[size][i] = own_take(&heap, place, sizes[size]);
            memset(blocks[size][i], 0x5a, sizes[size]);
            if (i == BLOCKS / 2) {
                others[size] = own_take(&other, place, sizes[size]);
                memset(others[size], 0x5a, sizes[size]);
            }
        }
}

static bool is_whole(enum cai_place place, const char *block, size_t bytes, const struct cai_heap *of)
{
    struct cai_live live = cai_find_live(place, block);

    return live.state != NULL && *cai_live_owner(live) == of->id && block[0] == 0x5a && block[bytes - 1] == 0x5a;
}

static size_t used_units(enum cai_place place)
{
    return cai_zones[place * CAI_GRAINS].used_units + cai_zones[place * CAI_GRAINS + 1].used_units;
}

static void check_zones(enum cai_place place)
{
    require_null(audit_zone(cai_zone_number(place, CAI_FINE)));
    require_null(audit_zone(cai_zone_number(place, CAI_COARSE)));
}

CHILD_TEST_EACH(test_Z5_C6_everything_of_one_heap_goes_back, 20, places)
{
    start_pages();
    fill(value);
    cai_owned_discard(&heap);
    for (unsigned size = 0; size < SIZES; size++) {
        require(is_whole(value, others[size], sizes[size], &other));
        for (unsigned i = 0; i < BLOCKS; i++)
            require(cai_find_live(value, blocks[size][i]).state == NULL);
    }
    require(cai_cache_bytes(&heap) == 0);
    check_zones(value);
    require_null(audit_zeros(true));
    cai_owned_discard(&other);
    require(used_units(value) == 0);
    check_zones(value);
    require_null(audit_zeros(true));
    own_take(&heap, value, 100); /* and it can be used again */
}

/* Only live blocks of must-zero places are cleared, and those that were wiped are not cleared twice. */
CHILD_TEST_EACH(test_Z5_Z9_what_is_zero_already_is_not_cleared, 20, places)
{
    start_pages();
    char *live = own_take(&heap, value, 100);
    char *wiped = own_take(&heap, value, 100);
    char *freed = own_take(&heap, value, 100);
    char *large = own_take(&heap, value, 100000);
    char *large_wiped = own_take(&heap, value, 100000);
    size_t run = cai_slot_bytes(own_live(value, large));
    *own_live(value, wiped).state = CAI_STATE_WIPED;
    *own_live(value, large_wiped).state = CAI_STATE_WIPED;
    own_put(&heap, value, freed);
    memset(live, 1, 100);
    memset(large, 1, 100000);
    cai_owned_discard(&heap);
    require(heap.bytes_cleared == (cai_place_zeroes(value) ? 112 + run : 0));
    require_null(audit_zeros(true));
}

/* Somebody is giving a large block back this moment: it is theirs to end. */
CHILD_TEST_EACH(test_C6_a_block_that_is_being_given_back_is_left, 20, places)
{
    start_pages();
    char *large = own_take(&heap, value, 100000);
    struct cai_live live = own_live(value, large);
    struct cai_unit *run = cai_live_run(live);
    require(cai_large_claim(&heap, run, live.byte));
    cai_owned_discard(&heap);
    require(run->kind == CAI_UNIT_LARGE && *cai_live_owner(live) == 0);
    cai_large_give(&heap, run);
    check_zones(value);
}

/* Freed by somebody else, and told to the one that has it. */
static void free_remotely(struct cai_heap *of, enum cai_place place, char *block)
{
    struct cai_live live = own_live(place, block);

    if (live.size_class == 0)
        return;
    if (cai_place_zeroes(place))
        memset(block, 0, cai_slot_bytes(live));
    *live.state = cai_state_freed(place, CAI_STATE_IN_SLAB);
    cai_slab_remote_free(cai_live_run(live), 1, of);
}

CHILD_TEST_EACH(test_C6_everything_becomes_another_heaps, 20, places)
{
    start_pages();
    fill(value);
    cai_cache_flush_all(&heap); /* what lies in its bins is not a block */
    size_t before = used_units(value);
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 0; i < BLOCKS; i += 2)
            free_remotely(&heap, value, blocks[size][i]);
    cai_owned_transfer(&heap, &other);
    require(heap.returned == NULL && used_units(value) <= before);
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 1; i < BLOCKS; i += 2)
            require(is_whole(value, blocks[size][i], sizes[size], &other));
    for (unsigned zone = 0; zone < CAI_ZONES; zone++)
        for (uint32_t unit = 1; unit < cai_zones[zone].frontier; unit++)
            require(cai_view_of(zone)->owner[unit].id != heap.id);
    /* Its room is the other's: freed slots are taken before any new memory. */
    before = used_units(value);
    for (unsigned i = 0; i < BLOCKS / 2; i++)
        own_take(&other, value, 3000);
    require(used_units(value) == before);
    cai_owned_discard(&other);
    require(used_units(value) == 0);
    check_zones(value);
    require_null(audit_zeros(true));
}

/* What the heir got earlier and was freed since does not stay with it. */
CHILD_TEST_EACH(test_C6_the_heir_keeps_no_empty_slabs, 20, places)
{
    start_pages();
    char *earlier = own_take(&other, value, 48);
    cai_cache_flush_all(&other);
    free_remotely(&other, value, earlier);
    own_take(&heap, value, 48);
    cai_cache_flush_all(&heap);
    cai_owned_transfer(&heap, &other);
    require(cai_find_owner(value, earlier) == 0);
    require(used_units(value) == cai_class_slab_units(3));
    check_zones(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z5_C6_everything_of_one_heap_goes_back),
        cmocka_unit_test(test_Z5_Z9_what_is_zero_already_is_not_cleared),
        cmocka_unit_test(test_C6_a_block_that_is_being_given_back_is_left),
        cmocka_unit_test(test_C6_everything_becomes_another_heaps),
        cmocka_unit_test(test_C6_the_heir_keeps_no_empty_slabs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
