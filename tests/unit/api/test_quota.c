/* Quotas: what is charged to whom, exact to the last slot, whoever gives the block back. */
#include "unit/api/authority.h"

static size_t unused_credit(void)
{
    size_t bytes = 0;

    CAI_FOR_ACCOUNTS(account)
    bytes += cai_charge_credit(account);
    return bytes;
}

/* A heap that is not used any more gives back what lies in its bins, while the thread does other things; and at once on
 * request. */
static void test_D6_idle_heaps_give_back(void **state)
{
    ca_authority root = make(SIZE_MAX);

    (void)state;
    ca_deallocate(ca_unwrap(ca_allocate(root, of(1000))));
    assert_true(unused_credit() > 0);
    for (unsigned i = 0; i < 5000 && unused_credit() > 0; i++) {
        pass_time();
        ca_deallocate(ca_unwrap(ca_allocate(ca_default_authority(), of(100000))));
    }
    assert_int_equal(unused_credit(), 0);
    ca_deallocate(ca_unwrap(ca_allocate(root, of(1000))));
    assert_true(unused_credit() > 0);
    ca_trim();
    assert_int_equal(unused_credit(), 0);
    ca_deallocate(ca_unwrap(ca_allocate(root, of(1000))));
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

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

/* The same for a large block that grows where it lies, which needs no more than the difference. */
static void test_C6_credit_is_found_for_growing(void **state)
{
    ca_authority root = make(1 << 20);
    ca_block large = ca_unwrap(ca_allocate(root, of(640 << 10)));
    ca_block small[300];

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        small[i] = ca_unwrap(ca_allocate(root, of(500)));
    for (unsigned i = 0; i < 300; i++)
        ca_deallocate(small[i]);
    large = ca_unwrap(ca_grow(root, large, of(960 << 10)));
    ca_deallocate(large);
    assert_int_equal(left(root), 1 << 20);
    assert_int_equal(ca_heap_destroy(root), CA_OK);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D6_idle_heaps_give_back),
        cmocka_unit_test(test_C6_what_is_charged_is_the_slot),
        cmocka_unit_test(test_C6_C7_exact_to_the_last_slot),
        cmocka_unit_test(test_C6_credit_is_found_for_growing),
        cmocka_unit_test(test_C6_credit_of_other_threads_is_taken_back),
        cmocka_unit_test(test_C6_other_threads_give_back_to_the_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
