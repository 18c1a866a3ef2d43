/* What a violation says: the code that fits the deed, and words that make a sentence. */
#include "unit/unit.h"

#include "support/refuse.h"

#include <capalloc/capalloc.h>
#include <string.h>

static const ca_layout layout = {100, 8};

/* Exactly one report since the last question: with this code, under this name, saying this. */
static void assert_told(const char *code, const char *function, const char *stated, const char *found)
{
    assert_int_equal(refused_calls, 1);
    assert_string_equal(refused_report.code, code);
    assert_string_equal(refused_report.function, function);
    assert_string_equal(refused_report.stated, stated);
    assert_string_equal(refused_report.found, found);
    assert_int_not_equal(refused_report.found[strlen(refused_report.found) - 1], ',');
    refused_calls = 0;
}

static ca_block allocated(void)
{
    return ca_unwrap(ca_allocate(ca_default_authority(), layout));
}

static void test_V1_C2_stale_to_use_double_to_give_back(void **state)
{
    ca_block block = allocated();
    ca_secret secret = ca_unwrap(ca_allocate_secret(ca_default_authority(), layout));
    ca_secret again = secret;

    (void)state;
    ca_deallocate(block);
    ca_deallocate_zeroed(secret);
    ca_deallocate(block);
    assert_told("double-free", "ca_deallocate", "a live block", "a freed block");
    assert_int_equal(ca_error_of(ca_grow(ca_default_authority(), block, (ca_layout){200, 8})), CA_ERROR_STALE);
    assert_told("stale", "ca_grow", "a live block", "a freed block");
    assert_int_equal(ca_error_of(ca_shrink(block, (ca_layout){50, 8})), CA_ERROR_STALE);
    assert_told("stale", "ca_shrink", "a live block", "a freed block");
    assert_null(ca_wipe(&again).ptr);
    assert_told("stale", "ca_wipe", "a live block", "a freed block");
    ca_cap cap = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), layout));
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    assert_int_equal(ca_cap_deallocate(cap), CA_ERROR_STALE);
    assert_told("double-free", "ca_cap_deallocate", "a live block", "a freed block");
    assert_int_equal(ca_cap_error_of(ca_cap_shrink(cap, (ca_layout){50, 8})), CA_ERROR_STALE);
    assert_told("stale", "ca_cap_shrink", "a live block", "a freed block");
}

static void test_V1_Z1_the_place_is_named(void **state)
{
    ca_secret secret = ca_unwrap(ca_allocate_secret(ca_default_authority(), layout));

    (void)state;
    ca_deallocate(((ca_block){secret.ptr, secret.size}));
    assert_told("wrong-deallocator", "ca_deallocate", "a block of place ordinary", "a live block");
    assert_string_equal(refused_report.place, "secret");
    ca_free(secret.ptr);
    assert_told("wrong-deallocator", "ca_free", "a block of place ordinary", "a live block");
    ca_deallocate_zeroed(secret);
}

static void test_V1_A5_the_heap_knows_the_size_that_was_asked_for(void **state)
{
    ca_allocator heap = ca_heap_allocator(ca_default_authority());
    ca_block block = ca_unwrap(ca_allocator_allocate(heap, layout));

    (void)state;
    ca_allocator_deallocate(heap, block, (ca_layout){3, 8});
    assert_told("size-mismatch", "ca_allocator_deallocate", "a layout of another size", "a block");
    assert_int_equal(ca_error_of(ca_allocator_grow(heap, block, (ca_layout){99, 8}, (ca_layout){200, 8})),
                     CA_ERROR_INVALID);
    assert_told("size-mismatch", "ca_allocator_grow", "a layout of another size", "a block");
    assert_int_equal(ca_error_of(ca_allocator_shrink(heap, block, (ca_layout){99, 8}, (ca_layout){20, 8})),
                     CA_ERROR_INVALID);
    assert_told("size-mismatch", "ca_allocator_shrink", "a layout of another size", "a block");
    ca_allocator_deallocate(heap, block, layout);
    assert_int_equal(refused_calls, 0);
}

static void test_V1_denied_by_capability(void **state)
{
    ca_cap cap = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), layout));

    (void)state;
    assert_int_equal(ca_cap_deallocate(ca_cap_perms_and(cap, 0)), CA_ERROR_INVALID);
    assert_told("denied", "ca_cap_deallocate", "a whole block", "a capability with other permissions");
    assert_int_equal(ca_cap_deallocate(ca_cap_tag_clear(cap)), CA_ERROR_INVALID);
    assert_told("denied", "ca_cap_deallocate", "a whole block", "a capability without tag");
    assert_int_equal(ca_cap_deallocate(ca_cap_bounds_set(cap, 8)), CA_ERROR_INVALID);
    assert_told("size-mismatch", "ca_cap_deallocate", "a block of another size", "a live block");
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

static int refuse_all(void **state)
{
    (void)state;
    refuse_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_V1_C2_stale_to_use_double_to_give_back),
        cmocka_unit_test(test_V1_Z1_the_place_is_named),
        cmocka_unit_test(test_V1_A5_the_heap_knows_the_size_that_was_asked_for),
        cmocka_unit_test(test_V1_denied_by_capability),
    };

    return cmocka_run_group_tests(tests, refuse_all, NULL);
}
