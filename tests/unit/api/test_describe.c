/* What ca_describe says of blocks of every place and size, from every byte of them, and of what is no block. */
#include "unit/api/authority.h"

#include "os/sealed.h"

static ca_block_info describe(const void *address)
{
    ca_block_info info = CA_BLOCK_INFO_INIT;

    assert_int_equal(ca_describe(address, &info), CA_OK);
    assert_int_equal(info.struct_size, sizeof info);
    return info;
}

static void is_no_block(const void *address, const char *place)
{
    ca_block_info info = describe(address);

    assert_int_equal(info.state, CA_BLOCK_STATE_NONE);
    assert_string_equal(info.place, place);
    assert_null(info.block);
    assert_true(info.heap == 0 && info.slot_bytes == 0 && info.exact_bytes == 0);
}

static void is_live(const void *block, const char *place, size_t exact, size_t slot_least)
{
    const ca_block_info start = describe(block);
    const size_t step = start.slot_bytes / 97 + 1;

    assert_true(start.slot_bytes >= slot_least);
    for (size_t offset = 0; offset < start.slot_bytes; offset += step) {
        ca_block_info info = describe((const char *)block + offset);
        assert_int_equal(info.state, CA_BLOCK_STATE_LIVE);
        assert_string_equal(info.place, place);
        assert_ptr_equal(info.block, block);
        assert_int_equal(info.exact_bytes, exact);
        assert_int_equal(info.slot_bytes, start.slot_bytes);
        assert_int_equal(info.heap, start.heap);
    }
}

static const size_t sizes[] = {1, 15, 16, 17, 100, 500, 1000, 1024, 1025, 5000, 32768, 32769, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_C8_blocks_of_a_heap(void **state)
{
    ca_authority heap = make(SIZE_MAX), other = make(SIZE_MAX);
    ca_authority below = derive(other, CA_RIGHT_ALLOCATE, SIZE_MAX);

    (void)state;
    uint32_t numbers[2] = {0, 0};
    for (size_t i = 0; i < SIZES; i++) {
        ca_block ordinary = ca_unwrap(ca_allocate(heap, of(sizes[i])));
        ca_nocaps nocaps = ca_unwrap(ca_allocate_nocaps(below, of(sizes[i])));
        ca_mustzero mustzero = ca_unwrap(ca_allocate_mustzero(other, of(sizes[i])));
        ca_secret secret = ca_unwrap(ca_allocate_secret(heap, of(sizes[i])));
        is_live(ordinary.ptr, "ordinary", sizes[i], sizes[i]);
        is_live(nocaps.ptr, "nocaps", sizes[i], sizes[i]);
        is_live(mustzero.ptr, "mustzero", sizes[i], sizes[i]);
        is_live(secret.ptr, "secret", sizes[i], sizes[i]);
        if (i == 0) {
            numbers[0] = describe(ordinary.ptr).heap;
            numbers[1] = describe(mustzero.ptr).heap;
            assert_true(numbers[0] != 0 && numbers[1] != 0 && numbers[0] != numbers[1]);
        }
        assert_int_equal(describe(ordinary.ptr).heap, numbers[0]);
        assert_int_equal(describe(secret.ptr).heap, numbers[0]);
        assert_int_equal(describe(nocaps.ptr).heap, numbers[1]);
        assert_int_equal(describe(mustzero.ptr).heap, numbers[1]);
    }
    assert_int_equal(ca_heap_destroy(heap), CA_OK);
    assert_int_equal(ca_heap_destroy(other), CA_OK);
}

/* A record that an earlier block left does not count. */
static void test_C8_what_malloc_may_have_handed_out(void **state)
{
    ca_authority own = ca_default_authority();

    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        ca_block block = ca_unwrap(ca_allocate(own, of(sizes[i])));
        bool is_known = sizes[i] < 16 || sizes[i] > 32768;
        is_live(block.ptr, "ordinary", is_known ? sizes[i] : SIZE_MAX, sizes[i]);
        assert_int_equal(describe(block.ptr).heap, 0);
        ca_deallocate(block);
        void *again = ca_malloc(sizes[i]);
        is_live(again, "ordinary", sizes[i] > 32768 ? sizes[i] : SIZE_MAX, sizes[i]);
        ca_free(again);
        ca_nocaps nocaps = ca_unwrap(ca_allocate_nocaps(own, of(sizes[i])));
        is_live(nocaps.ptr, "nocaps", sizes[i] == 16 ? SIZE_MAX : sizes[i], sizes[i]);
        ca_deallocate(nocaps);
        ca_secret secret = ca_unwrap(ca_allocate_secret(own, of(sizes[i])));
        is_live(secret.ptr, "secret", sizes[i], sizes[i]);
        ca_deallocate_zeroed(secret);
    }
}

/* What it names is what the block is given back with. */
static void test_C8_after_resizing(void **state)
{
    ca_authority heap = make(SIZE_MAX);
    ca_block block = ca_unwrap(ca_allocate(heap, of(100)));

    (void)state;
    block = ca_unwrap(ca_shrink(block, of(60)));
    is_live(block.ptr, "ordinary", 60, 60);
    block = ca_unwrap(ca_grow(heap, block, of(4000)));
    is_live(block.ptr, "ordinary", 4000, 4000);
    ca_mustzero mustzero = ca_unwrap(ca_allocate_mustzero(heap, of(200)));
    ca_wiped wiped = ca_wipe(&mustzero);
    assert_int_equal(ca_check(wiped), CA_OK);
    is_live(wiped.ptr, "mustzero", 200, 200);
    ca_deallocate(wiped);
    ca_deallocate((ca_block){block.ptr, describe((char *)block.ptr + 3999).exact_bytes});
    assert_int_equal(ca_heap_destroy(heap), CA_OK);
}

static void test_C8_freed_blocks(void **state)
{
    (void)state;
    char *kept = ca_malloc(200), *gone = ca_malloc(200);

    ca_free(gone);
    ca_block_info info = describe(gone + 150);
    assert_int_equal(info.state, CA_BLOCK_STATE_FREED);
    assert_string_equal(info.place, "ordinary");
    assert_ptr_equal(info.block, gone);
    assert_true(info.slot_bytes >= 200);
    assert_true(info.exact_bytes == 0 && info.heap == 0);
    ca_free(kept);
}

static void test_C8_what_is_no_block(void **state)
{
    int local = 0;

    (void)state;
    is_no_block(NULL, "none");
    is_no_block((const void *)1, "none");
    is_no_block((const void *)UINTPTR_MAX, "none");
    is_no_block(&local, "none");
    is_no_block(sizes, "none");
    ca_secret secret = ca_unwrap(ca_allocate_secret(ca_default_authority(), of(64)));
    is_no_block((const void *)((uintptr_t)secret.ptr | (((uintptr_t)1 << cai_sealed.shift) - 1)), "secret");
    ca_deallocate_zeroed(secret);
}

static void test_C8_an_error_writes_nothing(void **state)
{
    ca_block_info info = CA_BLOCK_INFO_INIT, before;
    struct {
        ca_block_info info;
        char later[16];
    } longer;

    (void)state;
    assert_int_equal(ca_describe(&info, NULL), CA_ERROR_INVALID);
    info.struct_size = sizeof info - 1;
    before = info;
    assert_int_equal(ca_describe(&info, &info), CA_ERROR_INVALID);
    assert_memory_equal(&info, &before, sizeof info);
    memset(&longer, 0x5a, sizeof longer);
    longer.info.struct_size = sizeof longer;
    assert_int_equal(ca_describe(&info, &longer.info), CA_OK);
    assert_int_equal(longer.info.struct_size, sizeof longer);
    for (size_t i = 0; i < sizeof longer.later; i++)
        assert_int_equal(longer.later[i], 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C8_what_is_no_block), cmocka_unit_test(test_C8_blocks_of_a_heap),
        cmocka_unit_test(test_C8_after_resizing),   cmocka_unit_test(test_C8_what_malloc_may_have_handed_out),
        cmocka_unit_test(test_C8_freed_blocks),     cmocka_unit_test(test_C8_an_error_writes_nothing),
    };

    return cmocka_run_group_tests_name("api.describe", tests, NULL, NULL);
}
