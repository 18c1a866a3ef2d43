/* Authorities: what each can do, what it cannot, and what is charged to whom. */
#include "unit/unit.h"

#include "estate/place.h"
#include "heap/branch.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

static ca_layout of(size_t size)
{
    return (ca_layout){.size = size, .align = 8};
}

static ca_authority make(size_t quota)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;

    options.quota_bytes = quota;
    options.name = "test";
    assert_int_equal(ca_heap_create(&options, &root), CA_OK);
    return root;
}

static ca_authority derive(ca_authority parent, unsigned rights, size_t quota)
{
    ca_authority out;

    assert_int_equal(ca_authority_derive(parent, rights, quota, &out), CA_OK);
    return out;
}

static size_t left(ca_authority authority)
{
    return ca_authority_quota_remaining(authority);
}

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

static void refused_everywhere(ca_authority authority)
{
    ca_authority out;
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), of(32)));

    assert_int_equal(ca_error_of(ca_allocate(authority, CA_LAYOUT_OF(int[8]))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocate(authority, of(100))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocate(authority, of(0))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocate(authority, of(1000000))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_allocate_secret(authority, of(64))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_error_of(ca_grow(authority, block, of(64))), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_authority_derive(authority, 0, 0, &out), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_authority_revoke(authority), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_heap_destroy(authority), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_free_all(authority), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_authority_describe(authority, &info), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(left(authority), 0);
    assert_int_equal(ca_check(block), CA_OK);
    ca_deallocate(block);
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

static void test_C5_C7_rights_only_narrow(void **state)
{
    ca_authority root = make(SIZE_MAX);
    ca_authority out = {{7, 7}};

    (void)state;
    for (unsigned have = 0; have <= CA_RIGHT_ALL; have++) {
        ca_authority holder = derive(root, have, SIZE_MAX);
        ca_authority_info info = CA_AUTHORITY_INFO_INIT;
        assert_int_equal(ca_authority_describe(holder, &info), CA_OK);
        assert_int_equal(info.rights, have);
        for (unsigned want = 0; want <= CA_RIGHT_ALL; want++) {
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
    assert_int_equal(ca_authority_derive(root, CA_RIGHT_ALL + 1, SIZE_MAX, &out), CA_ERROR_NOT_PERMITTED);
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
    options.struct_size = sizeof options;
    options.policy = (ca_heap_policy)77;
    assert_int_equal(ca_heap_create(&options, &root), CA_ERROR_INVALID);
    assert_true(root.opaque[0] == 3 && root.opaque[1] == 4);
    options.policy = CA_HEAP_POLICY_STANDARD;
    options.name = "a name that is longer than thirty-one bytes";
    options.quota_bytes = 5000;
    assert_int_equal(ca_heap_create(&options, &root), CA_OK);
    ca_block block = ca_unwrap(ca_allocate(derive(root, CA_RIGHT_ALL, 2000), of(300)));
    assert_int_equal(ca_authority_describe(root, &info), CA_OK);
    assert_string_equal(info.name, "a name that is longer than thir");
    assert_int_equal(info.rights, CA_RIGHT_ALL);
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
        char *moved = ca_malloc_realloc(block.ptr, size * 3);
        assert_non_null(moved);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(moved[i], 3);
        assert_int_equal(left(root), 1 << 20);
        ca_free(moved);
    }
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

/* --- C6: quotas --- */

static void test_C6_what_is_charged_is_the_slot(void **state)
{
    ca_authority root = make(1 << 20);
    static const struct {
        size_t size, slot;
    } cases[] = {{0, 0},         {1, 16},       {16, 16},     {17, 32},     {100, 112},     {129, 144},
                 {512, 512},     {513, 576},    {1000, 1024}, {5000, 5120}, {32768, 32768}, {32769, 3 * 16384},
                 {49152, 49152}, {49153, 65536}};

    (void)state;
    if (CAI_UNIT_BYTES != 16384)
        skip(); /* large blocks are runs of units, which are longer there */
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        ca_block a = ca_unwrap(ca_allocate(root, of(cases[i].size)));
        assert_int_equal(left(root), (1 << 20) - cases[i].slot);
        ca_secret b = ca_unwrap(ca_allocate_secret(root, of(cases[i].size)));
        assert_int_equal(left(root), (1 << 20) - 2 * cases[i].slot);
        ca_deallocate(a);
        ca_deallocate_zeroed(b);
        assert_int_equal(left(root), 1 << 20);
    }
    ca_block large = ca_unwrap(ca_allocate(root, of(10 * 16384)));
    large = ca_unwrap(ca_shrink(large, of(3 * 16384)));
    assert_int_equal(left(root), (1 << 20) - 3 * 16384);
    large = ca_unwrap(ca_grow(root, large, of(5 * 16384 + 1)));
    assert_int_equal(left(root), (1 << 20) - 6 * 16384);
    ca_deallocate(large);
    assert_int_equal(left(root), 1 << 20);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

/* Both sides of the boundary, for every kind of block. */
static void test_C6_C7_exact_to_the_last_slot(void **state)
{
    static const size_t sizes[] = {16, 48, 512, 640, 4096, 32768, 65536};
    enum { COUNT = 50 };

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ca_authority root = make(sizes[i] * COUNT);
        ca_block blocks[COUNT];
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned n = 0; n < COUNT; n++)
                blocks[n] = ca_unwrap(ca_allocate(root, of(sizes[i])));
            assert_int_equal(left(root), 0);
            assert_int_equal(ca_error_of(ca_allocate(root, of(1))), CA_ERROR_QUOTA);
            assert_int_equal(ca_error_of(ca_allocate(root, of(sizes[i]))), CA_ERROR_QUOTA);
            assert_int_equal(ca_error_of(ca_grow(root, blocks[0], of(sizes[i] * 2))), CA_ERROR_QUOTA);
            assert_int_equal(left(root), 0);
            ca_deallocate(blocks[round]);
            assert_int_equal(left(root), sizes[i]);
            assert_int_equal(ca_error_of(ca_allocate(root, of(sizes[i] + 1))), CA_ERROR_QUOTA);
            blocks[round] = ca_unwrap(ca_allocate(root, of(sizes[i])));
            assert_int_equal(left(root), 0);
            for (unsigned n = 0; n < COUNT; n++)
                ca_deallocate(blocks[n]);
            assert_int_equal(left(root), sizes[i] * COUNT);
        }
        /* Credit that lies in bins of another size is taken back. */
        ca_deallocate(ca_unwrap(ca_allocate(root, of(sizes[i] / 2 + 1))));
        for (unsigned n = 0; n < COUNT; n++)
            blocks[n] = ca_unwrap(ca_allocate(root, of(sizes[i])));
        assert_int_equal(left(root), 0);
        assert_int_equal(ca_heap_destroy(root), CA_OK);
    }
    assert_well(audit_heap());
}

struct step {
    ca_authority authority;
    pthread_barrier_t *barrier;
    ca_block blocks[100];
    size_t size;
};

static void *take_one_and_wait(void *argument)
{
    struct step *step = argument;
    ca_block kept = ca_unwrap(ca_allocate(step->authority, of(step->size))); /* and a bin full of credit */

    pthread_barrier_wait(step->barrier);
    pthread_barrier_wait(step->barrier);
    ca_deallocate(kept);
    return NULL;
}

static void test_C6_credit_of_other_threads_is_taken_back(void **state)
{
    pthread_barrier_t barrier;
    pthread_t threads[4];
    struct step step = {.authority = make(100 * 64), .barrier = &barrier, .size = 64};

    (void)state;
    pthread_barrier_init(&barrier, NULL, 5);
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, take_one_and_wait, &step);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < 96; i++)
        step.blocks[i] = ca_unwrap(ca_allocate(step.authority, of(64)));
    assert_int_equal(left(step.authority), 0);
    assert_int_equal(ca_error_of(ca_allocate(step.authority, of(64))), CA_ERROR_QUOTA);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(left(step.authority), 4 * 64);
    for (unsigned i = 0; i < 96; i++)
        ca_deallocate(step.blocks[i]);
    assert_int_equal(left(step.authority), 100 * 64);
    assert_int_equal(ca_heap_destroy(step.authority), CA_OK);
    pthread_barrier_destroy(&barrier);
}

static void *give_back(void *argument)
{
    struct step *step = argument;

    for (unsigned i = 0; i < 100; i++)
        ca_deallocate(step->blocks[i]);
    return NULL;
}

static void test_C6_other_threads_give_back_to_the_authority(void **state)
{
    static const size_t sizes[] = {64, 1024, 40000};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct step step = {.authority = make(1 << 24), .size = sizes[i]};
        pthread_t thread;
        for (unsigned n = 0; n < 100; n++)
            step.blocks[n] = ca_unwrap(ca_allocate(step.authority, of(sizes[i])));
        pthread_create(&thread, NULL, give_back, &step);
        pthread_join(thread, NULL);
        assert_int_equal(left(step.authority), 1 << 24);
        assert_well(audit_heap());
        assert_int_equal(ca_heap_destroy(step.authority), CA_OK);
    }
}

/* --- everything at once --- */

static void test_C6_free_all_and_destroy(void **state)
{
    (void)state;
    for (unsigned destroy = 0; destroy < 2; destroy++) {
        ca_authority root = make(1 << 24);
        ca_authority part = derive(root, CA_RIGHT_ALL, 1 << 22);
        ca_block mine[200];
        ca_block theirs[200];
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned i = 0; i < 200; i++) {
                mine[i] = ca_unwrap(ca_allocate(root, of(1 + i * i / 2)));
                theirs[i] = ca_unwrap(ca_allocate(part, of(1 + i * i / 2)));
            }
            assert_int_equal(ca_free_all(part), CA_OK);
            assert_int_equal(left(part), 1 << 22);
            for (unsigned i = 0; i < 200; i++) {
                assert_int_equal(ca_check(mine[i]), CA_OK);
                assert_int_not_equal(ca_check(theirs[i]), CA_OK);
            }
            assert_well(audit_heap());
            ca_deallocate(ca_unwrap(ca_allocate(part, of(64))));
            assert_int_equal(destroy && round == 2 ? ca_heap_destroy(root) : ca_free_all(root), CA_OK);
            assert_well(audit_heap());
            for (unsigned i = 0; i < 200; i++)
                assert_int_not_equal(ca_check(mine[i]), CA_OK);
        }
        if (!destroy) {
            assert_int_equal(left(root), 1 << 24);
            assert_int_equal(ca_heap_destroy(root), CA_OK);
        }
        refused_everywhere(root);
    }
}

static void test_Z5_destroy_and_free_all_clear(void **state)
{
    static const size_t sizes[] = {1, 64, 300, 2000, 30000, 100000};

    (void)state;
    for (unsigned destroy = 0; destroy < 2; destroy++) {
        ca_authority root = make(SIZE_MAX);
        ca_stats before = CA_STATS_INIT;
        ca_stats after = CA_STATS_INIT;
        for (unsigned i = 0; i < 6; i++)
            for (unsigned n = 0; n < 20; n++) {
                ca_mustzero a = ca_unwrap(ca_allocate_mustzero(root, of(sizes[i])));
                ca_secret b = ca_unwrap(ca_allocate_secret(root, of(sizes[i])));
                assert_true(content_is_zero(a.ptr, a.size) && content_is_zero(b.ptr, b.size));
                memset(a.ptr, 0xa5, a.size);
                memset(b.ptr, 0xa5, b.size);
                if (n % 3 == 0)
                    ca_deallocate_zeroed(b);
            }
        ca_stats_read(&before);
        assert_int_equal(destroy ? ca_heap_destroy(root) : ca_free_all(root), CA_OK);
        ca_stats_read(&after);
        assert_true(after.bytes_cleared > before.bytes_cleared);
        assert_well(audit_zeros(true));
        assert_well(audit_heap());
        if (!destroy)
            assert_int_equal(ca_heap_destroy(root), CA_OK);
    }
}

/* A wiped block is not cleared again, and one that was revoked away is still cleared when it goes back. */
static void test_Z5_revoked_secrets_are_cleared_when_they_go_back(void **state)
{
    ca_authority root = make(SIZE_MAX);
    ca_authority part = derive(root, CA_RIGHT_ALL, SIZE_MAX);
    ca_secret secret = ca_unwrap(ca_allocate_secret(part, of(200)));

    (void)state;
    memset(secret.ptr, 0xa5, 200);
    assert_int_equal(ca_authority_revoke(part), CA_OK);
    ca_deallocate_zeroed(secret);
    assert_well(audit_zeros(true));
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
    ca_allocator_deallocate(allocator, block, of(2000));
    assert_int_equal(left(root), 10000);
    assert_int_equal(ca_authority_revoke(root), CA_OK);
    assert_int_equal(ca_error_of(ca_allocator_allocate(allocator, of(8))), CA_ERROR_NOT_PERMITTED);
}

/* --- D3: threads and fork --- */

static void *allocate_until_refused(void *argument)
{
    struct step *step = argument;
    ca_block kept[64] = {{NULL, 0}};

    for (unsigned i = 0;; i++) {
        ca_block_result got = ca_allocate(step->authority, of(16 + i % 500));
        if (!ca_is_ok(got)) {
            assert_int_equal(ca_error_of(got), CA_ERROR_NOT_PERMITTED);
            break;
        }
        if (kept[i % 64].ptr != NULL && step->size == 0)
            ca_deallocate(kept[i % 64]);
        kept[i % 64] = ca_unwrap(got);
    }
    if (step->size == 0)
        for (unsigned i = 0; i < 64; i++)
            if (kept[i].ptr != NULL)
                ca_deallocate(kept[i]);
    return NULL;
}

static void pass_time(void)
{
    struct timespec moment = {0, 2000000};

    nanosleep(&moment, NULL);
}

/* Threads allocate while their authority is revoked: no block is lost, nothing stays charged. */
static void test_C5_revoking_while_threads_allocate(void **state)
{
    ca_authority root = make(SIZE_MAX);

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        pthread_t threads[3];
        struct step step = {.authority = derive(root, CA_RIGHT_ALLOCATE, SIZE_MAX)};
        for (unsigned i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, allocate_until_refused, &step);
        pass_time();
        assert_int_equal(ca_authority_revoke(step.authority), CA_OK);
        for (unsigned i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        ca_authority_info info = CA_AUTHORITY_INFO_INIT;
        assert_int_equal(ca_authority_describe(root, &info), CA_OK);
        assert_int_equal(info.charged_bytes, 0);
    }
    assert_well(audit_heap());
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

/* The same for destroying: their blocks end, and nobody is given a block of a heap that ended. */
static void test_C6_destroying_while_threads_allocate(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        pthread_t threads[3];
        struct step step = {.authority = make(SIZE_MAX), .size = 1};
        for (unsigned i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, allocate_until_refused, &step);
        pass_time();
        assert_int_equal(ca_heap_destroy(step.authority), CA_OK);
        for (unsigned i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        assert_well(audit_heap());
    }
}

static void in_child(const void *argument)
{
    const struct step *step = argument;

    require(left(step->authority) == 10000 - 64);
    ca_deallocate(step->blocks[0]);
    require(left(step->authority) == 10000);
    ca_block block = ca_unwrap(ca_allocate(step->authority, of(9000)));
    require(ca_error_of(ca_allocate(step->authority, of(9000))) == CA_ERROR_QUOTA);
    ca_deallocate(block);
    require(ca_heap_destroy(step->authority) == CA_OK);
    require_null(audit_heap());
}

static void test_C6_a_child_has_its_own_quota(void **state)
{
    struct step step = {.authority = make(10000)};
    struct child child;

    (void)state;
    step.blocks[0] = ca_unwrap(ca_allocate(step.authority, of(64)));
    child_run(&child, 20, in_child, &step);
    assert_true(child_succeeded(&child));
    assert_int_equal(left(step.authority), 10000 - 64);
    assert_int_equal(ca_heap_destroy(step.authority), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C5_heaps_are_apart_and_ordinary_to_free),
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
        cmocka_unit_test(test_C6_what_is_charged_is_the_slot),
        cmocka_unit_test(test_C6_C7_exact_to_the_last_slot),
        cmocka_unit_test(test_C6_credit_of_other_threads_is_taken_back),
        cmocka_unit_test(test_C6_other_threads_give_back_to_the_authority),
        cmocka_unit_test(test_C6_free_all_and_destroy),
        cmocka_unit_test(test_Z5_destroy_and_free_all_clear),
        cmocka_unit_test(test_Z5_revoked_secrets_are_cleared_when_they_go_back),
        cmocka_unit_test(test_A12_the_trait_object_has_the_authority),
        cmocka_unit_test(test_C5_revoking_while_threads_allocate),
        cmocka_unit_test(test_C6_destroying_while_threads_allocate),
        cmocka_unit_test(test_C6_a_child_has_its_own_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
