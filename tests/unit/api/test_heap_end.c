/* The end of heaps and authorities: everything back at once, cleared where that is owed, while threads are at work and
 * after fork. */
#include "unit/api/authority.h"

#include "support/child.h"
#include "support/content.h"

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

static bool stopped; /* atomic */

static void *make_and_destroy(void *unused)
{
    ca_authority root;

    (void)unused;
    while (!__atomic_load_n(&stopped, __ATOMIC_ACQUIRE)) {
        assert_int_equal(ca_heap_create(NULL, &root), CA_OK);
        ca_secret secret = ca_unwrap(ca_allocate_secret(root, of(100)));
        memset(secret.ptr, 0x5a, secret.size);
        assert_int_equal(ca_heap_destroy(root), CA_OK);
        assert_int_not_equal(ca_check(secret), CA_OK);
    }
    return NULL;
}

/* One heap ends with its blocks while an authority over another ends without: each as it was meant. */
static void test_C5_Z5_revoking_beside_destroying(void **state)
{
    ca_authority root = make(SIZE_MAX);
    pthread_t thread;

    (void)state;
    __atomic_store_n(&stopped, false, __ATOMIC_RELEASE);
    pthread_create(&thread, NULL, make_and_destroy, NULL);
    for (unsigned i = 0; i < 3000; i++) {
        ca_authority part = derive(root, CA_RIGHT_ALLOCATE, SIZE_MAX);
        ca_block block = ca_unwrap(ca_allocate(part, of(100)));
        assert_int_equal(ca_authority_revoke(part), CA_OK);
        assert_int_equal(ca_check(block), CA_OK);
        ca_deallocate(block);
    }
    __atomic_store_n(&stopped, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_well(audit_heap());
    assert_well(audit_zeros(true));
    assert_int_equal(ca_heap_destroy(root), CA_OK);
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

    (void)state;
    step.blocks[0] = ca_unwrap(ca_allocate(step.authority, of(64)));
    assert_child(20, in_child, &step);
    assert_int_equal(left(step.authority), 10000 - 64);
    assert_int_equal(ca_heap_destroy(step.authority), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C6_free_all_and_destroy),
        cmocka_unit_test(test_Z5_destroy_and_free_all_clear),
        cmocka_unit_test(test_Z5_revoked_secrets_are_cleared_when_they_go_back),
        cmocka_unit_test(test_C5_revoking_while_threads_allocate),
        cmocka_unit_test(test_C6_destroying_while_threads_allocate),
        cmocka_unit_test(test_C5_Z5_revoking_beside_destroying),
        cmocka_unit_test(test_C6_a_child_has_its_own_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
