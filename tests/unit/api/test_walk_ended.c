/* A heap that another thread ends while its authority is used for a look at its blocks: what comes in its place, in the
 * tree of authorities and in the accounts, is not seen.
 */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/child.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

static ca_authority new_heap(void)
{
    ca_authority root;

    require(ca_heap_create(NULL, &root) == CA_OK);
    return root;
}

static ca_cap take(ca_authority from)
{
    return ca_cap_unwrap(ca_cap_allocate(from, (ca_layout){100, 1}));
}

/* Run once when a call has been allowed and begins to look. */
static void (*meanwhile)(void);

static void do_meanwhile(void)
{
    void (*what)(void) = meanwhile;

    meanwhile = NULL;
    if (what != NULL)
        what();
}

bool __real_cai_walk_next(struct cai_walk_at *at, uint32_t node, struct cai_walked *found);
bool __wrap_cai_walk_next(struct cai_walk_at *at, uint32_t node, struct cai_walked *found);
bool __wrap_cai_walk_next(struct cai_walk_at *at, uint32_t node, struct cai_walked *found)
{
    do_meanwhile();
    return __real_cai_walk_next(at, node, found);
}

bool __real_cai_walk_find(uintptr_t address, struct cai_walked *found);
bool __wrap_cai_walk_find(uintptr_t address, struct cai_walked *found);
bool __wrap_cai_walk_find(uintptr_t address, struct cai_walked *found)
{
    do_meanwhile();
    return __real_cai_walk_find(address, found);
}

static ca_authority first, second;
static ca_cap of_second;

/* The second heap gets what the first had: its place in the tree, its account. */
static void first_ends_second_begins(void)
{
    require(ca_heap_destroy(first) == CA_OK);
    second = new_heap();
    of_second = take(second);
}

static void test_K15_C5_an_authority_that_ends_sees_nobody_elses(void **state)
{
    ca_block_info info = CA_BLOCK_INFO_INIT;
    ca_cap cap = ca_cap_null();

    (void)state;
    for (unsigned way = 0; way < 4; way++) {
        ca_walk at = CA_WALK_INIT;
        first = new_heap();
        size_t address = ca_cap_base_get(take(first)); /* likely where the second's will be */
        meanwhile = first_ends_second_begins;
        ca_error error = way == 0   ? ca_walk_next(first, &at, &info)
                         : way == 1 ? ca_cap_walk_next(first, &at, &cap)
                         : way == 2 ? ca_cap_whole(first, address).error
                                    : ca_cap_guess(first, address).error;
        assert_null(meanwhile);
        assert_int_equal(error, CA_ERROR_NOT_PERMITTED);
        assert_true(was_refused("denied") && ca_cap_is_invalid(cap) && at.opaque[0] == 0 && at.opaque[1] == 0);
        assert_int_equal(ca_heap_destroy(second), CA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_K15_C5_an_authority_that_ends_sees_nobody_elses)};

    refuse_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
