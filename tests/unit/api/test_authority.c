/* Authorities: what each can do and what it cannot, and who may grow which block. */
#include "unit/api/authority.h"

#include "support/refuse.h"

/* --- C5: the tree --- */

static void test_C5_heaps_are_apart_and_ordinary_to_free(void **state)
{
    ca_authority one = make(SIZE_MAX);
    ca_authority two = make(SIZE_MAX);

    (void)state;
    for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
        ca_block a = ca_unwrap(ca_allocate(one, of(size)));
        ca_block b = ca_unwrap(ca_allocate(two, of(size)));
        ca_block c = ca_unwrap(ca_allocate(ca_default_authority(), of(size)));
        assert_int_equal(a.size, size);
        assert_true((uintptr_t)a.ptr >> 14 != (uintptr_t)b.ptr >> 14);
        assert_true((uintptr_t)a.ptr >> 14 != (uintptr_t)c.ptr >> 14);
        memset(a.ptr, 1, size);
        memset(b.ptr, 2, size);
        assert_int_equal(ca_check(a), CA_OK);
        ca_deallocate(a);
        ca_deallocate(b);
        ca_deallocate(c);
    }
    assert_well(audit_heap());
    assert_int_equal(ca_heap_destroy(one), CA_OK);
    assert_int_equal(ca_heap_destroy(two), CA_OK);
    assert_well(audit_heap());
}

/* In a library whose blocks do not wait there is nothing to search for, and that is no silence. */
static void test_R10_nothing_is_swept_here(void **state)
{
    ca_authority root = make(SIZE_MAX);
    ca_authority lesser = derive(root, CA_RIGHT_ALL & ~CA_RIGHT_SWEEP, SIZE_MAX);

    (void)state;
    assert_int_equal(ca_sweep(root), CA_ERROR_INVALID);
    assert_int_equal(ca_sweep(ca_default_authority()), CA_ERROR_INVALID);
    assert_int_equal(ca_sweep(lesser), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_sweep((ca_authority){{0, 0}}), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

static void test_C5_C7_altered_and_made_up_authorities_are_refused(void **state)
{
    ca_authority genuine[] = {ca_default_authority(), make(SIZE_MAX), {{0, 0}}};
    genuine[2] = derive(genuine[1], CA_RIGHT_ALLOCATE, 4096);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ca_deallocate(ca_unwrap(ca_allocate(genuine[i], of(40)))); /* its branch has a key from now on */
        for (unsigned bit = 0; bit < 128; bit++) {
            ca_authority altered = genuine[i];
            altered.opaque[bit / 64] ^= UINT64_C(1) << bit % 64;
            refused_everywhere(altered);
        }
        for (unsigned j = 0; j < 3; j++)
            if (i != j)
                refused_everywhere((ca_authority){{genuine[i].opaque[0], genuine[j].opaque[1]}});
        refused_everywhere((ca_authority){{0, genuine[i].opaque[1] | 1}});
        refused_everywhere((ca_authority){{genuine[i].opaque[0] + 1, 0}});
    }
    refused_everywhere((ca_authority){{0, 0}});
    refused_everywhere((ca_authority){{1, 1}});
    refused_everywhere((ca_authority){{UINT64_MAX, UINT64_MAX}});
    for (unsigned i = 0; i < 3; i++)
        ca_deallocate(ca_unwrap(ca_allocate(genuine[i], of(40))));
    assert_int_equal(ca_heap_destroy(genuine[1]), CA_OK);
    refused_everywhere(genuine[1]);
    refused_everywhere(genuine[2]);
}

/* Of the root of a heap. */
enum { ALL_RIGHTS = CA_RIGHT_ALL | CA_RIGHT_CLAIM_ZERO | CA_RIGHT_WALK };

static void test_C5_C7_rights_only_narrow(void **state)
{
    ca_authority root = make(SIZE_MAX);
    ca_authority out = {{7, 7}};

    (void)state;
    for (unsigned have = 0; have <= ALL_RIGHTS; have++) {
        ca_authority holder = derive(root, have, SIZE_MAX);
        ca_authority_info info = CA_AUTHORITY_INFO_INIT;
        assert_int_equal(ca_authority_describe(holder, &info), CA_OK);
        assert_int_equal(info.rights, have);
        for (unsigned want = 0; want <= ALL_RIGHTS; want++) {
            bool may = (have & CA_RIGHT_DERIVE) != 0 && (want & ~have) == 0;
            assert_int_equal(ca_authority_derive(holder, want, SIZE_MAX, &out), may ? CA_OK : CA_ERROR_NOT_PERMITTED);
            if (may)
                assert_int_equal(ca_authority_revoke(out), CA_OK);
        }
        bool may_allocate = (have & CA_RIGHT_ALLOCATE) != 0;
        bool may_grow = (have & CA_RIGHT_GROW) != 0;
        for (unsigned again = 0; again < 3; again++) {
            ca_block_result got = ca_allocate(holder, of(24));
            assert_int_equal(ca_error_of(got), may_allocate ? CA_OK : CA_ERROR_NOT_PERMITTED);
            if (may_allocate)
                ca_deallocate(ca_unwrap(got));
        }
        ca_block block = ca_unwrap(ca_allocate(root, of(100)));
        memset(block.ptr, 5, 100);
        ca_block_result grown = ca_grow(holder, block, of(5000));
        assert_int_equal(ca_error_of(grown), may_grow ? CA_OK : CA_ERROR_NOT_PERMITTED);
        if (may_grow)
            block = ca_unwrap(grown);
        assert_int_equal(ca_check(block), CA_OK);
        assert_true(((char *)block.ptr)[99] == 5);
        /* To grow a block of size 0 is to allocate. */
        ca_block nothing = {(void *)16, 0};
        assert_int_equal(ca_error_of(ca_grow(holder, nothing, of(8))),
                         may_grow && may_allocate ? CA_OK : CA_ERROR_NOT_PERMITTED);
        if ((have & CA_RIGHT_DESTROY) == 0)
            assert_int_equal(ca_free_all(holder), CA_ERROR_NOT_PERMITTED);
        else
            assert_int_equal(ca_free_all(holder), CA_OK); /* what it allocated */
        assert_int_equal(ca_check(block), may_grow && (have & CA_RIGHT_DESTROY) != 0 ? CA_ERROR_STALE : CA_OK);
        assert_int_equal(ca_heap_destroy(holder), CA_ERROR_NOT_PERMITTED);
    }
    assert_int_equal(ca_authority_derive(root, ALL_RIGHTS + 1, SIZE_MAX, &out), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
    assert_well(audit_heap());
}

static void test_C5_C7_quotas_only_narrow(void **state)
{
    ca_authority root = make(100000);
    ca_authority middle = derive(root, CA_RIGHT_ALL, 50000);
    ca_authority out = {{7, 7}};

    (void)state;
    assert_int_equal(ca_authority_derive(middle, CA_RIGHT_ALL, 50001, &out), CA_ERROR_QUOTA);
    assert_int_equal(ca_authority_derive(middle, CA_RIGHT_ALL, SIZE_MAX - 1, &out), CA_ERROR_QUOTA);
    assert_true(out.opaque[0] == 7 && out.opaque[1] == 7);
    ca_authority same = derive(middle, CA_RIGHT_ALL, 50000);
    ca_authority inherits = derive(middle, CA_RIGHT_ALL, SIZE_MAX);
    assert_int_equal(ca_authority_derive(inherits, CA_RIGHT_ALL, 50001, &out), CA_ERROR_QUOTA);
    assert_int_equal(left(same), 50000);
    assert_int_equal(left(inherits), 50000);
    ca_block block = ca_unwrap(ca_allocate(inherits, of(16384)));
    assert_int_equal(left(inherits), 50000 - 16384);
    assert_int_equal(left(same), 50000 - 16384); /* by what it has in common with its sibling */
    assert_int_equal(left(root), 100000 - 16384);
    ca_deallocate(block);
    assert_int_equal(left(root), 100000);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

static void test_C5_the_default_authority_stays(void **state)
{
    ca_authority all = ca_default_authority();
    ca_authority out;

    (void)state;
    assert_int_equal(ca_authority_revoke(all), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_heap_destroy(all), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_free_all(all), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_authority_derive(all, CA_RIGHT_DESTROY, 0, &out), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(left(all), SIZE_MAX);
    ca_authority part = derive(all, CA_RIGHT_ALLOCATE | CA_RIGHT_GROW, 1000);
    ca_block block = ca_unwrap(ca_allocate(part, of(64)));
    assert_int_equal(left(part), 1000 - 64);
    /* It is the default heap: its other authorities grow the block, and it grows theirs. */
    block = ca_unwrap(ca_grow(all, block, of(128)));
    assert_int_equal(left(part), 1000);
    block = ca_unwrap(ca_grow(part, block, of(512)));
    assert_int_equal(left(part), 1000 - 512);
    assert_int_equal(ca_error_of(ca_grow(part, block, of(1024))), CA_ERROR_QUOTA);
    assert_int_equal(ca_check(block), CA_OK);
    ca_deallocate(block);
    assert_int_equal(ca_authority_revoke(part), CA_OK);
    refused_everywhere(part);
}

static void test_C5_revoking_takes_the_subtree(void **state)
{
    ca_authority root = make(1 << 20);
    ca_authority middle = derive(root, CA_RIGHT_ALL, SIZE_MAX);
    ca_authority below[20];
    ca_authority beside = derive(root, CA_RIGHT_ALL, SIZE_MAX);
    ca_block blocks[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        below[i] = derive(i % 3 == 0 ? middle : below[i - 1], CA_RIGHT_ALL, SIZE_MAX);
        blocks[i] = ca_unwrap(ca_allocate(below[i], of(100)));
    }
    assert_int_equal(ca_authority_revoke(middle), CA_OK);
    refused_everywhere(middle);
    for (unsigned i = 0; i < 20; i++)
        refused_everywhere(below[i]);
    assert_int_equal(left(root), (1 << 20) - 20 * 112); /* the blocks stay, and are the parent's */
    assert_well(audit_heap());
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(ca_check(blocks[i]), CA_OK);
        if (i % 2 == 0)
            blocks[i] = ca_unwrap(ca_grow(beside, blocks[i], of(200)));
        ca_deallocate(blocks[i]);
    }
    assert_int_equal(left(root), 1 << 20);
    ca_deallocate(ca_unwrap(ca_allocate(beside, of(10))));
    assert_int_equal(ca_heap_destroy(root), CA_OK);
    refused_everywhere(beside);
    assert_well(audit_heap());
}

/* A heap whose root is revoked: nobody has authority over its blocks, and they go back as all do. */
static void test_C5_revoking_a_root(void **state)
{
    ca_authority root = make(1 << 20);
    ca_block small = ca_unwrap(ca_allocate(root, of(100)));
    ca_block large = ca_unwrap(ca_allocate(root, of(100000)));

    (void)state;
    assert_int_equal(ca_authority_revoke(root), CA_OK);
    refused_everywhere(root);
    assert_well(audit_heap());
    memset(large.ptr, 1, large.size);
    small = ca_unwrap(ca_grow(ca_default_authority(), small, of(1000)));
    ca_deallocate(small);
    ca_deallocate(large);
    assert_well(audit_heap());
}

static void test_C5_authorities_end_and_make_room(void **state)
{
    ca_block blocks[64];
    ca_stats before = CA_STATS_INIT;
    ca_stats after = CA_STATS_INIT;
    ca_authority root = make(SIZE_MAX);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        if (i == 1000)
            ca_stats_read(&before);
        ca_authority one = derive(i % 2 ? root : ca_default_authority(), CA_RIGHT_ALLOCATE, 4096);
        if (i >= 64)
            ca_deallocate(blocks[i % 64]);
        blocks[i % 64] = ca_unwrap(ca_allocate(one, of(50)));
        assert_int_equal(ca_authority_revoke(one), CA_OK);
    }
    ca_stats_read(&after);
    assert_true(after.metadata_bytes <= before.metadata_bytes + 65536);
    assert_true(after.committed_bytes <= before.committed_bytes + (8 << 20));
    assert_int_equal(ca_heap_destroy(root), CA_OK);
    for (unsigned i = 0; i < 64; i += 2)
        ca_deallocate(blocks[i]);
    assert_well(audit_heap());
}

static void test_C5_options(void **state)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root = {{3, 4}};
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;

    (void)state;
    options.struct_size = 3;
    assert_int_equal(ca_heap_create(&options, &root), CA_ERROR_INVALID);
    struct {
        ca_heap_options options;
        char later[8];
    } longer = {CA_HEAP_OPTIONS_INIT, {0}};
    longer.options.struct_size = sizeof longer;
    longer.later[7] = 1;
    assert_int_equal(ca_heap_create(&longer.options, &root), CA_ERROR_INVALID);
    longer.options.struct_size = SIZE_MAX;
    assert_int_equal(ca_heap_create(&longer.options, &root), CA_ERROR_INVALID);
    assert_true(root.opaque[0] == 3 && root.opaque[1] == 4);
    longer.options.struct_size = sizeof longer;
    longer.later[7] = 0;
    assert_int_equal(ca_heap_create(&longer.options, &root), CA_OK);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
    root = (ca_authority){{3, 4}};
    options.struct_size = sizeof options;
    options.policy = (ca_heap_policy)77;
    assert_int_equal(ca_heap_create(&options, &root), CA_ERROR_INVALID);
    options.policy = CA_HEAP_POLICY_HARDENED; /* which this library does not have */
    assert_int_equal(ca_heap_create(&options, &root), CA_ERROR_INVALID);
    assert_true(root.opaque[0] == 3 && root.opaque[1] == 4);
    options.policy = CA_HEAP_POLICY_STANDARD;
    options.name = "a name that is longer than thirty-one bytes";
    options.quota_bytes = 5000;
    assert_int_equal(ca_heap_create(&options, &root), CA_OK);
    ca_block block = ca_unwrap(ca_allocate(derive(root, CA_RIGHT_ALL, 2000), of(300)));
    assert_int_equal(ca_authority_describe(root, &info), CA_OK);
    assert_string_equal(info.name, "a name that is longer than thir");
    assert_int_equal(info.rights, ALL_RIGHTS);
    assert_int_equal(info.quota_bytes, 5000);
    assert_int_equal(info.charged_bytes, 320);
    ca_deallocate(block);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
    assert_int_equal(ca_heap_create(NULL, &root), CA_OK);
    assert_int_equal(left(root), SIZE_MAX);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

/* --- C4: growing needs an authority over the block's heap --- */

static void test_C4_C7_only_an_authority_of_the_heap_grows(void **state)
{
    ca_authority one = make(1 << 20);
    ca_authority two = make(1 << 20);
    static const size_t sizes[] = {16, 100, 500, 5000, 100000};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        ca_block block = ca_unwrap(ca_allocate(one, of(sizes[i])));
        memset(block.ptr, 9, block.size);
        size_t charged = left(one);
        assert_int_equal(ca_error_of(ca_grow(two, block, of(sizes[i]))), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(ca_error_of(ca_grow(two, block, of(sizes[i] * 2))), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(ca_error_of(ca_grow(ca_default_authority(), block, of(sizes[i] * 2))), CA_ERROR_NOT_PERMITTED);
        assert_int_equal(ca_check(block), CA_OK);
        assert_int_equal(left(one), charged);
        assert_int_equal(left(two), 1 << 20);
        block = ca_unwrap(ca_grow(one, block, of(sizes[i] * 2)));
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(((char *)block.ptr)[at], 9);
        block = ca_unwrap(ca_shrink(block, of(1)));
        ca_deallocate(block);
        assert_int_equal(left(one), 1 << 20);
    }
    /* The default heap's blocks, whoever made them, are not theirs either. */
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), of(100)));
    assert_int_equal(ca_error_of(ca_grow(one, block, of(200))), CA_ERROR_NOT_PERMITTED);
    ca_deallocate(block);
    assert_int_equal(ca_heap_destroy(one), CA_OK);
    assert_int_equal(ca_heap_destroy(two), CA_OK);
}

/* realloc has no authority in its hand: what it gives lies in the process's own heap. */
static void test_C4_realloc_moves_out_of_the_heap(void **state)
{
    ca_authority root = make(1 << 20);

    (void)state;
    for (size_t size = 100; size < 200000; size *= 3) {
        ca_block block = ca_unwrap(ca_allocate(root, of(size)));
        memset(block.ptr, 3, size);
        char *moved = ca_realloc(block.ptr, size * 3);
        assert_non_null(moved);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(moved[i], 3);
        assert_int_equal(left(root), 1 << 20);
        ca_free(moved);
    }
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

/* --- A12: a heap as a trait object --- */

static void test_A12_the_trait_object_has_the_authority(void **state)
{
    ca_authority root = make(10000);
    ca_allocator allocator = ca_heap_allocator(root);
    ca_allocator other = ca_heap_allocator(ca_default_authority());

    (void)state;
    ca_block block = ca_unwrap(ca_allocator_allocate(allocator, of(1000)));
    assert_int_equal(left(root), 10000 - 1024);
    assert_int_equal(ca_error_of(ca_allocator_allocate(allocator, of(9000))), CA_ERROR_QUOTA);
    block = ca_unwrap(ca_allocator_grow(allocator, block, of(1000), of(2000)));
    /* Another heap's trait object has no authority over it. */
    refuse_start();
    ca_allocator_deallocate(other, block, of(2000));
    assert_true(was_refused("denied"));
    assert_int_equal(ca_error_of(ca_allocator_grow(other, block, of(2000), of(3000))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocator_shrink(other, block, of(2000), of(1000))), CA_ERROR_NOT_PERMITTED);
    assert_false(was_refused("denied"));
    ca_set_violation_handler(NULL);
    assert_int_equal(ca_check(block), CA_OK);
    ca_block kept = ca_unwrap(ca_allocator_allocate(allocator, of(100)));
    ca_allocator_deallocate(allocator, block, of(2000));
    assert_int_equal(left(root), 10000 - 112);
    assert_int_equal(ca_authority_revoke(root), CA_OK);
    assert_int_equal(ca_error_of(ca_allocator_allocate(allocator, of(8))), CA_ERROR_NOT_PERMITTED);
    ca_allocator_deallocate(allocator, kept, of(100)); /* goes back as before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C5_heaps_are_apart_and_ordinary_to_free),
        cmocka_unit_test(test_R10_nothing_is_swept_here),
        cmocka_unit_test(test_C5_C7_altered_and_made_up_authorities_are_refused),
        cmocka_unit_test(test_C5_C7_rights_only_narrow),
        cmocka_unit_test(test_C5_C7_quotas_only_narrow),
        cmocka_unit_test(test_C5_the_default_authority_stays),
        cmocka_unit_test(test_C5_revoking_takes_the_subtree),
        cmocka_unit_test(test_C5_revoking_a_root),
        cmocka_unit_test(test_C5_authorities_end_and_make_room),
        cmocka_unit_test(test_C5_options),
        cmocka_unit_test(test_C4_C7_only_an_authority_of_the_heap_grows),
        cmocka_unit_test(test_C4_realloc_moves_out_of_the_heap),
        cmocka_unit_test(test_A12_the_trait_object_has_the_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
