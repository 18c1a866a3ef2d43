/* What programs compiled before rely on: the numbers of abi.h, and results that come and go in two registers. */
#include "unit/api/abi.h"
#include "unit/unit.h"

#include <string.h>

/* What a caller of any language sees that knows the calling convention only: two registers, as one number. Functions
 * are called through volatile pointers: a compiler that knows which one it is refuses the other type. */
__extension__ typedef unsigned __int128 pair;

typedef pair (*pair_of_two)(pair authority, pair layout);
typedef void (*takes_pair)(pair block);

static uint64_t low(pair value)
{
    return (uint64_t)value;
}

static uint64_t high(pair value)
{
    return (uint64_t)(value >> 64);
}

static pair as_pair(const void *value)
{
    pair result;

    memcpy(&result, value, sizeof result);
    return result;
}

/* Compiled in this file, so that the compiler in use is asked for its convention, too. */
__attribute__((noinline)) static ca_secret_result result_of(void *ptr, size_t size)
{
    ca_secret_result result = {ptr, size};

    __asm__ volatile("" ::: "memory");
    return result;
}

static void test_a_result_is_returned_in_two_registers(void **state)
{
    pair (*volatile function)(void *, size_t) = (pair(*)(void *, size_t))(void (*)(void))result_of;
    int object;
    pair result = function(&object, 40);

    (void)state;
    assert_int_equal(low(result), (uintptr_t)&object);
    assert_int_equal(high(result), 40);
}

/* Allocates and gives back without a single struct of the headers. */
static void round_trip(void (*volatile allocate)(void), void (*volatile deallocate)(void))
{
    const ca_authority authority = ca_default_authority();
    const ca_layout layout = {48, 16};
    pair result = ((pair_of_two)allocate)(as_pair(&authority), as_pair(&layout));
    char *bytes = (char *)(uintptr_t)low(result);

    assert_non_null(bytes);
    assert_int_equal(low(result) % 16, 0);
    assert_int_equal(high(result), 48);
    memset(bytes, 1, 48);
    ((takes_pair)deallocate)(result);
}

static void test_the_heap_speaks_in_two_registers(void **state)
{
    (void)state;
    round_trip((void (*)(void))(ca_allocate), (void (*)(void))ca_block_deallocate);
    round_trip((void (*)(void))ca_allocate_nocaps, (void (*)(void))ca_nocaps_deallocate);
    round_trip((void (*)(void))ca_allocate_mustzero, (void (*)(void))ca_mustzero_deallocate_zeroed);
    round_trip((void (*)(void))ca_allocate_secret, (void (*)(void))ca_secret_deallocate_zeroed);
}

static void test_an_error_is_a_null_pointer_and_its_number(void **state)
{
    const ca_authority authority = ca_default_authority();
    const ca_layout layout = {48, 3};
    void (*volatile function)(void) = (void (*)(void))(ca_allocate);
    pair result = ((pair_of_two)function)(as_pair(&authority), as_pair(&layout));

    (void)state;
    assert_int_equal(low(result), 0);
    assert_int_equal(high(result), CA_ERROR_LAYOUT);
}

/* A program of an older version has smaller structs: what lies behind them is not the library's to write. */
static void test_only_struct_size_bytes_are_written(void **state)
{
    struct {
        ca_stats stats;
        unsigned char behind[64];
    } now, old;

    (void)state;
    memset(&now, 0xa5, sizeof now);
    memset(&old, 0xa5, sizeof old);
    now.stats.struct_size = sizeof now.stats;
    ca_stats_read(&now.stats);
    assert_int_equal(now.behind[0], 0xa5);
    old.stats.struct_size = offsetof(ca_stats, sweeps);
    ca_stats_read(&old.stats);
    assert_int_equal(old.stats.struct_size, offsetof(ca_stats, sweeps));
    for (const unsigned char *byte = (unsigned char *)&old.stats.sweeps; byte < old.behind + sizeof old.behind; byte++)
        assert_int_equal(*byte, 0xa5);
}

static void test_initializers(void **state)
{
    (void)state;
    ABI_INITS(ABI_INIT_IS)
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_result_is_returned_in_two_registers),
        cmocka_unit_test(test_the_heap_speaks_in_two_registers),
        cmocka_unit_test(test_an_error_is_a_null_pointer_and_its_number),
        cmocka_unit_test(test_only_struct_size_bytes_are_written),
        cmocka_unit_test(test_initializers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
