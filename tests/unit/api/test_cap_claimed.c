/* Tags of a block are cleared by whoever has claimed it: in the middle of that, another thread that gives the block
 * back is refused, so that no tag of a next owner can be lost. Each clearing of more than one word of tags is stopped.
 */
#include "unit/unit.h"

#include "cap/tags.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/threads.h"

#include <capalloc/capalloc.h>

#include <string.h>

enum { SMALL = 5120, LARGE = 1 << 17 };

static ca_cap block;
static void (*meanwhile)(void); /* once, before tags of the block are cleared */
static unsigned reports;
static const char *code;

static bool refuse_and_count(const ca_violation *violation)
{
    reports++;
    code = violation->code;
    return true;
}

void __real_cai_tags_clear_slow(size_t address, size_t bytes);
void __wrap_cai_tags_clear_slow(size_t address, size_t bytes);

void __wrap_cai_tags_clear_slow(size_t address, size_t bytes)
{
    void (*act)(void) = meanwhile;

    if (act != NULL && address - ca_cap_base_get(block) < ca_cap_length_get(block)) {
        meanwhile = NULL;
        act();
    }
    __real_cai_tags_clear_slow(address, bytes);
}

static void *give_back(void *unused)
{
    require(ca_cap_deallocate(block) == CA_ERROR_STALE);
    return unused;
}

static void another_gives_back(void)
{
    in_thread(give_back, NULL);
    require(reports == 1);
    reports = 0;
}

/* With a block right behind it, so that it cannot grow where it lies. */
static void start(size_t bytes)
{
    ca_set_violation_handler(refuse_and_count);
    block = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 64}));
    require(ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 64}).error == CA_OK);
    for (size_t at = 0; at < bytes; at += 16)
        require(ca_cap_store_cap(block, (ptrdiff_t)at, block) == CA_CAP_FAULT_NONE);
    meanwhile = another_gives_back;
}

/* It was met, nothing else was reported, and all is well. */
static void finish(void)
{
    require(meanwhile == NULL && reports == 0);
    require_null(audit_all());
}

static const size_t lengths[] = {SMALL, LARGE};

CHILD_TEST_EACH(test_C10_tags_of_a_block_that_goes_back, 20, lengths)
{
    start(value);
    require(ca_cap_deallocate(block) == CA_OK);
    finish();
}

CHILD_TEST_EACH(test_C10_tags_of_what_shrinking_leaves, 20, lengths)
{
    start(value);
    ca_cap less = ca_cap_unwrap(ca_cap_shrink(block, (ca_layout){1024, 16}));
    finish();
    require(ca_cap_deallocate(less) == CA_OK);
}

CHILD_TEST_EACH(test_C10_tags_of_a_block_that_shrinks_to_nothing, 20, lengths)
{
    start(value);
    require(ca_cap_shrink(block, (ca_layout){0, 1}).error == CA_OK);
    finish();
}

CHILD_TEST_EACH(test_C10_tags_of_a_block_that_moves, 20, lengths)
{
    start(value);
    ca_cap more = ca_cap_unwrap(ca_cap_grow(ca_default_authority(), block, (ca_layout){4 * value, 64}));
    finish();
    require(ca_cap_deallocate(more) == CA_OK);
}

/* The owner's own free, which had seen the block before it was claimed. */
static struct cai_heap *owner;

static void its_owner_gives_back(void)
{
    void *address = (void *)ca_cap_base_get(block);
    uint8_t *state = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_COARSE))->state;

    state += cai_granule_of(cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_COARSE)), CAI_COARSE, address);
    cai_bin_push(&owner->bins[CAI_PLACE_ordinary][cai_class_of(SMALL)], CAI_PLACE_ordinary, state, address);
}

static void *lose(void *operation)
{
    ca_error error = CA_OK;

    if (*(const char *)operation == 'g')
        error = ca_cap_grow(ca_default_authority(), block, (ca_layout){4 * SMALL, 64}).error;
    else if (*(const char *)operation == 's')
        error = ca_cap_shrink(block, (ca_layout){0, 1}).error;
    else
        error = ca_cap_deallocate(block);
    require(error == CA_ERROR_STALE && reports == 1);
    reports = 0;
    require(strcmp(code, *(const char *)operation == 'g' ? "stale" : "double-free") == 0);
    return operation;
}

static const char *const operations[] = {"grow", "shrink", "deallocate"};

CHILD_TEST_EACH(test_C10_a_free_that_is_lost_is_reported, 20, operations)
{
    start(SMALL);
    owner = cai_self_heap();
    meanwhile = its_owner_gives_back;
    in_thread(lose, (void *)(uintptr_t)value);
    finish();
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    require(stats.live_blocks == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C10_tags_of_a_block_that_goes_back),
        cmocka_unit_test(test_C10_tags_of_what_shrinking_leaves),
        cmocka_unit_test(test_C10_tags_of_a_block_that_shrinks_to_nothing),
        cmocka_unit_test(test_C10_tags_of_a_block_that_moves),
        cmocka_unit_test(test_C10_a_free_that_is_lost_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
