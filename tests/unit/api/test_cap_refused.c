/* A grow that is refused, for whatever reason, touches nothing: the tags and the content of the block and of its
 * neighbours are what they were.
 */
#include "unit/unit.h"

#include <capalloc/capalloc.h>

static ca_authority heap(void)
{
    return ca_default_authority();
}

/* Neighbours whose every third granule holds a capability, and the rest a number. */
enum { ROW = 3 };

static void lay_row(ca_cap row[ROW], bool mustzero, ca_authority authority, size_t bytes)
{
    for (unsigned i = 0; i < ROW; i++) {
        ca_layout layout = {bytes, 64};
        row[i] =
            ca_cap_unwrap(mustzero ? ca_cap_allocate_mustzero(authority, layout) : ca_cap_allocate(authority, layout));
        for (size_t at = 0; at < bytes; at += 16)
            assert_int_equal(at % 48 == 0 ? ca_cap_store_cap(row[i], (ptrdiff_t)at, row[i])
                                          : ca_cap_store_u64(row[i], (ptrdiff_t)at, at),
                             CA_CAP_FAULT_NONE);
    }
}

static void check_row(const ca_cap row[ROW], size_t bytes)
{
    for (unsigned i = 0; i < ROW; i++) {
        assert_int_equal(ca_cap_check(row[i]), CA_OK);
        for (size_t at = 0; at < bytes; at += 64) {
            size_t tags, wanted = 0;
            for (unsigned k = 0; k < 4; k++)
                wanted |= (size_t)((at + 16 * k) % 48 == 0) << k;
            assert_int_equal(ca_cap_tags_load(ca_cap_increment(row[i], (ptrdiff_t)at), &tags), CA_CAP_FAULT_NONE);
            assert_int_equal(tags, wanted);
        }
        for (size_t at = 0; at < bytes; at += 16) {
            uint64_t number;
            assert_int_equal(ca_cap_load_u64(row[i], (ptrdiff_t)at, &number), CA_CAP_FAULT_NONE);
            assert_true(number == (at % 48 == 0 ? ca_cap_address_get(row[i]) : at));
        }
    }
}

static void test_C10_a_refused_grow_touches_nothing(void **state)
{
    static const size_t lengths[] = {64, 640, 5120, 98304, 1 << 20};

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        size_t bytes = lengths[i / 2];
        ca_heap_options options = CA_HEAP_OPTIONS_INIT;
        ca_authority may_not, ended, poor;
        ca_cap row[ROW], theirs[ROW];
        options.quota_bytes = 8 * bytes;
        assert_int_equal(ca_heap_create(&options, &poor), CA_OK);
        assert_int_equal(ca_authority_derive(heap(), CA_RIGHT_ALLOCATE, SIZE_MAX, &may_not), CA_OK);
        assert_int_equal(ca_authority_derive(heap(), CA_RIGHT_GROW, SIZE_MAX, &ended), CA_OK);
        assert_int_equal(ca_authority_revoke(ended), CA_OK);
        lay_row(row, i % 2 != 0, heap(), bytes);
        lay_row(theirs, i % 2 != 0, poor, bytes);
        const struct {
            ca_authority authority;
            ca_cap *row;
            size_t to, align;
            ca_error error;
        } attempts[] = {
            {may_not, row, bytes + 1, 1, CA_ERROR_NOT_PERMITTED},
            {may_not, row, 2 * bytes, 64, CA_ERROR_NOT_PERMITTED},
            {ended, row, 2 * bytes, 64, CA_ERROR_NOT_PERMITTED},
            {poor, row, bytes + 1, 1, CA_ERROR_NOT_PERMITTED},
            {poor, row, 2 * bytes, 64, CA_ERROR_NOT_PERMITTED},
            {heap(), theirs, bytes + 1, 1, CA_ERROR_NOT_PERMITTED},
            {heap(), theirs, 2 * bytes, 64, CA_ERROR_NOT_PERMITTED},
            {poor, theirs, 16 * bytes, 64, CA_ERROR_QUOTA},
            {heap(), row, (size_t)1 << 44, 64, CA_ERROR_OUT_OF_MEMORY},
            {heap(), row, 2 * bytes, (size_t)1 << 44, CA_ERROR_OUT_OF_MEMORY},
            {heap(), row, 2 * bytes, 3, CA_ERROR_LAYOUT},
        };
        for (unsigned k = 0; k < sizeof attempts / sizeof *attempts; k++) {
            ca_layout layout = {attempts[k].to, attempts[k].align};
            ca_cap_result grown = ca_cap_grow(attempts[k].authority, attempts[k].row[1], layout);
            assert_int_equal(ca_cap_error_of(grown), attempts[k].error);
            check_row(row, bytes);
            check_row(theirs, bytes);
        }
        for (unsigned k = 0; k < ROW; k++)
            assert_int_equal(ca_cap_deallocate(row[k]), CA_OK);
        assert_int_equal(ca_authority_revoke(may_not), CA_OK);
        assert_int_equal(ca_heap_destroy(poor), CA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C10_a_refused_grow_touches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
