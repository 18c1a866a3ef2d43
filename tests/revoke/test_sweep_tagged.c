/* Sweeps of memory with tags: a capability to a block that was given back becomes null, wherever in memory it lies, and
 * keeps nothing. Capabilities are put into memory, and taken from there, by functions that leave nothing behind. */
#include "revoke/oracle.h"

#include <capalloc/cap.h>

enum { WIDTH = 32, HOLDER_BYTES = WIDTH * 16 };

static volatile uintptr_t global;

static ca_cap allocate(size_t bytes)
{
    return ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
}

/* Stores a capability to a new block `at` granules into the holder, and one to `offset` bytes of it behind that, if it
 * is not 0; gives the block back. Returns its address in disguise. */
static CAI_NOINLINE uint64_t store_and_free(ca_cap holder, unsigned at, size_t bytes, size_t offset, bool seal)
{
    ca_cap cap = allocate(bytes);
    ca_cap stored = cap;

    if (seal) {
        ca_cap key;
        require(ca_cap_sealer(&key) == CA_OK);
        stored = ca_cap_seal(cap, key);
        require(ca_cap_is_sealed(stored));
    }
    require(ca_cap_tag_get(stored) && ca_cap_store_cap(holder, (ptrdiff_t)at * 16, stored) == CA_CAP_FAULT_NONE);
    if (offset != 0)
        require(ca_cap_store_cap(holder, (ptrdiff_t)at * 16 + 16,
                                 ca_cap_bounds_set(ca_cap_increment(cap, (ptrdiff_t)offset), 16)) == CA_CAP_FAULT_NONE);
    uint64_t disguised = ca_cap_address_get(cap) ^ MASK;
    require(ca_cap_deallocate(cap) == CA_OK);
    return disguised;
}

static CAI_NOINLINE bool has_tag(ca_cap holder, unsigned at)
{
    ca_cap cap;

    require(ca_cap_load_cap(holder, (ptrdiff_t)at * 16, &cap) == CA_CAP_FAULT_NONE);
    require(ca_cap_tag_get(cap) || (ca_cap_address_get(cap) == 0 && ca_cap_perms_get(cap) == 0));
    return ca_cap_tag_get(cap);
}

/* Sizes in slabs of both grains, and large; from within the block, too. */
CHILD_TEST(test_R4_stale_capabilities_in_the_heap, 120)
{
    static const size_t sizes[] = {16, 48, 256, 1000, 4096, 32768, 400000};
    ca_cap holders[] = {allocate(HOLDER_BYTES), allocate(300000),
                        ca_cap_unwrap(ca_cap_allocate_mustzero(ca_default_authority(), (ca_layout){HOLDER_BYTES, 16}))};

    for (unsigned h = 0; h < sizeof holders / sizeof holders[0]; h++)
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t offset = sizes[i] > 16 ? (sizes[i] - 16) & ~(size_t)15 : 0;
            uint64_t block = store_and_free(holders[h], 3, sizes[i], offset, false);
            clean_stack();
            require(has_tag(holders[h], 3) && waits(block));
            clean_stack();
            require_released(block);
            require(!has_tag(holders[h], 3) && !has_tag(holders[h], 4));
        }
    require_null(audit_heap());
}

CHILD_TEST(test_R4_sealed_capabilities, 60)
{
    ca_cap holder = allocate(HOLDER_BYTES);
    uint64_t block = store_and_free(holder, 0, 64, 0, true);

    clean_stack();
    require(has_tag(holder, 0));
    require_released(block);
    require(!has_tag(holder, 0));
}

/* To blocks that are alive, side by side with stale ones. */
CHILD_TEST(test_R4_other_capabilities_stay, 60)
{
    ca_cap holder = allocate(HOLDER_BYTES);
    uint64_t blocks[WIDTH];

    for (unsigned i = 0; i < WIDTH; i++)
        if (i % 2 == 0)
            blocks[i] = store_and_free(holder, i, 64, 0, false);
        else
            require(ca_cap_store_cap(holder, i * 16, allocate(64)) == CA_CAP_FAULT_NONE);
    clean_stack();
    for (unsigned i = 0; i < WIDTH; i += 2)
        require_released(blocks[i]);
    for (unsigned i = 0; i < WIDTH; i++)
        require(has_tag(holder, i) == (i % 2 != 0));
}

static CAI_NOINLINE void store_word(ca_cap holder, ptrdiff_t at, uint64_t disguised)
{
    require(ca_cap_store_u64(holder, at, disguised ^ MASK) == CA_CAP_FAULT_NONE);
    clean_stack();
}

/* What lies between capabilities is read as ever, and so are variables: they keep the block. */
CHILD_TEST(test_R4_words_without_a_tag_keep, 60)
{
    ca_cap holder = allocate(HOLDER_BYTES);
    uint64_t block = store_and_free(holder, 1, 64, 0, false);

    tested_bytes = 64;
    store_word(holder, 8, block);
    clean_stack();
    require_kept(block);
    require(!has_tag(holder, 1)); /* stale it is */
    require(ca_cap_store_u64(holder, 8, 0) == CA_CAP_FAULT_NONE &&
            ca_cap_store_u64(holder, 16, 0) == CA_CAP_FAULT_NONE);
    require_released(block);
    block = store_and_free(holder, 1, 64, 0, false);
    point_to(&global, block, 0);
    require_kept(block);
    global = 0;
    require(ca_cap_store_u64(holder, 16, 0) == CA_CAP_FAULT_NONE);
    require_released(block);
}

/* The same bytes in nocaps memory are no capability: not read, not changed. */
CHILD_TEST(test_R4_N3_look_alikes_in_nocaps, 60)
{
    ca_cap holder = allocate(HOLDER_BYTES);
    ca_nocaps twin = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){16, 16}));
    uint64_t block = store_and_free(holder, 0, 64, 0, false);
    char before[16];

    memcpy(twin.ptr, (void *)(uintptr_t)ca_cap_address_get(holder), 16);
    memcpy(before, twin.ptr, 16);
    for (unsigned i = 0; i < 16; i++)
        before[i] = (char)~before[i]; /* so that it is no word on the stack */
    clean_stack();
    require_released(block);
    for (unsigned i = 0; i < 16; i++)
        require(((char *)twin.ptr)[i] == (char)~before[i]);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R4_stale_capabilities_in_the_heap), cmocka_unit_test(test_R4_sealed_capabilities),
        cmocka_unit_test(test_R4_other_capabilities_stay),        cmocka_unit_test(test_R4_words_without_a_tag_keep),
        cmocka_unit_test(test_R4_N3_look_alikes_in_nocaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
