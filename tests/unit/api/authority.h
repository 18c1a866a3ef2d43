/* What the tests of authorities share: making them, and proving that one is refused wherever it could be used.
 */
#ifndef TESTS_UNIT_API_AUTHORITY_H
#define TESTS_UNIT_API_AUTHORITY_H

#include "unit/unit.h"

#include "heaps/account.h"
#include "heaps/charge.h"
#include "pages/place.h"
#include "support/audit.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

static inline ca_layout of(size_t size)
{
    return (ca_layout){.size = size, .align = 8};
}

static inline ca_authority make(size_t quota)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;

    options.quota_bytes = quota;
    options.name = "test";
    assert_int_equal(ca_heap_create(&options, &root), CA_OK);
    return root;
}

static inline ca_authority derive(ca_authority parent, unsigned rights, size_t quota)
{
    ca_authority out;

    assert_int_equal(ca_authority_derive(parent, rights, quota, &out), CA_OK);
    return out;
}

static inline size_t left(ca_authority authority)
{
    return ca_authority_quota_remaining(authority);
}

static inline void refused_everywhere(ca_authority authority)
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

static inline void pass_time(void)
{
    struct timespec moment = {0, 2000000};

    nanosleep(&moment, NULL);
}

/* What threads are given. */
struct step {
    ca_authority authority;
    pthread_barrier_t *barrier;
    ca_block blocks[100];
    size_t size;
};

#endif
