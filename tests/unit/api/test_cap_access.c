/* Accesses through capabilities as a program makes them: numbers, bytes, faults and who hears of them. */
#include "unit/unit.h"

#include "support/rng.h"

#include <capalloc/capalloc.h>
#include <string.h>

static ca_cap block_of(size_t size)
{
    return ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){size, 1}));
}

static ca_cap_fault_info last;
static unsigned told;

static void tell(const ca_cap_fault_info *info)
{
    last = *info;
    told++;
}

static void test_K5_faults_have_names_and_a_handler(void **state)
{
    static const struct {
        ca_cap_fault fault;
        const char *name;
    } names[] = {{CA_CAP_FAULT_NONE, "none"},
                 {CA_CAP_FAULT_BOUNDS, "bounds"},
                 {CA_CAP_FAULT_TAG, "tag"},
                 {CA_CAP_FAULT_SEAL, "seal"},
                 {CA_CAP_FAULT_TYPE, "type"},
                 {CA_CAP_FAULT_PERMIT_LOAD, "permit-load"},
                 {CA_CAP_FAULT_PERMIT_STORE, "permit-store"},
                 {CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY, "permit-load-capability"},
                 {CA_CAP_FAULT_PERMIT_STORE_CAPABILITY, "permit-store-capability"},
                 {CA_CAP_FAULT_PERMIT_STORE_LOCAL, "permit-store-local"},
                 {CA_CAP_FAULT_ALIGNMENT, "alignment"},
                 {CA_CAP_FAULT_TAG_MEMORY, "tag-memory"},
                 {CA_CAP_FAULT_OTHER, "other"},
                 {(ca_cap_fault)99, "other"}};
    ca_cap cap = block_of(64), got;
    char buffer[80] = {0};
    size_t tags = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(ca_cap_fault_name(names[i].fault), names[i].name);
    assert_null(ca_cap_set_fault_handler(tell));
    assert_int_equal(ca_cap_store_u32(cap, 61, 1), CA_CAP_FAULT_BOUNDS);
    assert_true(told == 1 && last.fault == CA_CAP_FAULT_BOUNDS && last.address == ca_cap_address_get(cap) + 61);
    assert_true(last.bytes == 4 && last.struct_size == sizeof last);
    assert_string_equal(last.name, "bounds");
    assert_string_equal(last.function, "ca_cap_store");
    assert_int_equal(ca_cap_store_u32(cap, 60, 1), CA_CAP_FAULT_NONE);
    assert_int_equal(told, 1);
    assert_int_equal(ca_cap_load_cap(cap, 8, &got), CA_CAP_FAULT_ALIGNMENT);
    assert_string_equal(last.function, "ca_cap_load_cap");
    assert_int_equal(ca_cap_store_cap(ca_cap_perms_and(cap, CA_CAP_PERM_LOAD), 0, cap), CA_CAP_FAULT_PERMIT_STORE);
    assert_int_equal(ca_cap_load_bytes(cap, 0, buffer, 65), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_load_bytes(cap, 0, buffer, 64), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_store_bytes(cap, 1, buffer, 64), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_store_bytes(cap, 1, buffer, 0), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_tags_load(ca_cap_null(), &tags), CA_CAP_FAULT_TAG);
    assert_int_equal(told, 6);
    assert_ptr_equal(ca_cap_set_fault_handler(NULL), tell);
    assert_int_equal(ca_cap_load_u64(ca_cap_null(), 0, &(uint64_t){0}), CA_CAP_FAULT_TAG);
    assert_int_equal(told, 6);
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

static void test_K4_bytes_and_numbers_through_large_blocks(void **state)
{
    static const size_t lengths[] = {64, 4096, 100000, 8 << 20};
    struct rng rng = rng_start(35);
    unsigned char in[300], out[300];

    (void)state;
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ca_cap cap = block_of(lengths[i]);
        const unsigned char *memory = (const unsigned char *)ca_cap_base_get(cap);
        for (unsigned round = 0; round < 3000; round++) {
            size_t bytes = rng_below(&rng, sizeof in), at = rng_below(&rng, lengths[i] + 100);
            for (size_t j = 0; j < bytes; j++)
                in[j] = (unsigned char)rng_next(&rng);
            bool fits = at + bytes <= ca_cap_length_get(cap);
            ca_cap_fault fault = ca_cap_store_bytes(cap, (ptrdiff_t)at, in, bytes);
            assert_int_equal(fault, fits ? CA_CAP_FAULT_NONE : CA_CAP_FAULT_BOUNDS);
            assert_int_equal(ca_cap_load_bytes(cap, (ptrdiff_t)at, out, bytes), fault);
            if (fits)
                assert_memory_equal(in, out, bytes);
            uint16_t half = 0;
            uint32_t word = 0;
            if (fits && bytes >= 4) {
                assert_int_equal(ca_cap_load_u16(cap, (ptrdiff_t)at, &half), CA_CAP_FAULT_NONE);
                assert_memory_equal(&half, memory + at, 2);
                assert_int_equal(ca_cap_load_u32(ca_cap_increment(cap, (ptrdiff_t)at), 0, &word), CA_CAP_FAULT_NONE);
                assert_memory_equal(&word, memory + at, 4);
                assert_int_equal(ca_cap_store_u16(cap, (ptrdiff_t)at, 0xabcd), CA_CAP_FAULT_NONE);
                assert_memory_equal(&(uint16_t){0xabcd}, memory + at, 2);
                assert_memory_equal(in + 2, memory + at + 2, bytes - 2);
            }
        }
        assert_int_equal(ca_cap_deallocate(cap), CA_OK);
    }
}

/* The public functions are the list's, by value: one of each shape. */
static void test_K2_keys_by_value(void **state)
{
    ca_cap key, cap = block_of(64);

    (void)state;
    assert_int_equal(ca_cap_sealer(&key), CA_OK);
    ca_cap sealed = ca_cap_seal(cap, ca_cap_address_set(key, 77));
    assert_true(ca_cap_tag_get(sealed) && ca_cap_is_sealed(sealed) && ca_cap_type_get(sealed) == 77);
    assert_int_equal(ca_cap_load_u8(sealed, 0, &(uint8_t){0}), CA_CAP_FAULT_SEAL);
    assert_false(ca_cap_tag_get(ca_cap_unseal(sealed, ca_cap_address_set(key, 78))));
    assert_true(ca_cap_is_equal_exact(ca_cap_unseal(sealed, ca_cap_address_set(key, 77)), cap));
    assert_true(ca_cap_is_equal_exact(ca_cap_build(cap, ca_cap_tag_clear(cap)), cap));
    assert_int_equal(ca_cap_load_u8(key, 0, &(uint8_t){0}), CA_CAP_FAULT_PERMIT_LOAD);
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K5_faults_have_names_and_a_handler),
        cmocka_unit_test(test_K4_bytes_and_numbers_through_large_blocks),
        cmocka_unit_test(test_K2_keys_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
