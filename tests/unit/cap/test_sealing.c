/* Entry points, conditional sealing, copied types and raw words against what the instructions are described to do, on
 * random capabilities; bounds by the slow reference. And what a program can say of them.
 */
#include "unit/cap/reference.h"
#include "unit/unit.h"

#include "cap/cap.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
enum { CASES = 20000 };
#else
enum { CASES = 300000 };
#endif

enum { UNSEALED = 0x3ffff, SENTRY = 0x3fffe, RESERVED = 0x3fffc };

static uint64_t otype_of(const cai_cap *cap)
{
    return cap->high >> 27 & 0x3ffff;
}

static bool has_perm(const cai_cap *cap, unsigned bit)
{
    return (cap->high >> (48 + bit) & 1) != 0;
}

static cai_cap with_otype(cai_cap cap, uint64_t otype)
{
    cap.high = (cap.high & ~((size_t)0x3ffff << 27)) | (size_t)(otype ^ 0x3ffff) << 27;
    return cap;
}

static cai_cap untagged(cai_cap cap)
{
    cap.tag = 0;
    return cap;
}

static bool is_within(const cai_cap *cap, uint64_t address)
{
    struct ref_result bounds = ref_decode(&ref_v9, cap->high, cap->address);

    return address >= bounds.base && address < bounds.top;
}

/* The type field is xor-ed like the rest of the word, with ones. */
static uint64_t type_field(const cai_cap *cap)
{
    return otype_of(cap) ^ 0x3ffff;
}

/* --- as the descriptions have it --- */

static cai_cap seal_entry(cai_cap cap)
{
    bool allowed = cap.tag && type_field(&cap) == UNSEALED && has_perm(&cap, 1);

    cap = with_otype(cap, SENTRY);
    return allowed ? cap : untagged(cap);
}

static cai_cap seal(cai_cap cap, cai_cap key)
{
    bool allowed = cap.tag && key.tag && type_field(&cap) == UNSEALED && type_field(&key) == UNSEALED &&
                   has_perm(&key, 7) && is_within(&key, key.address) && key.address < RESERVED;

    cap = with_otype(cap, key.address & 0x3ffff);
    return allowed ? cap : untagged(cap);
}

static cai_cap conditional_seal(cai_cap cap, cai_cap key)
{
    if (!cap.tag)
        return cap; /* no tag at all, whatever the rest */
    if (!key.tag || type_field(&cap) != UNSEALED || !is_within(&key, key.address) || key.address == UINT64_MAX)
        return cap;
    return seal(cap, key);
}

static cai_cap type_copy(cai_cap authority, cai_cap typed)
{
    uint64_t type = type_field(&typed);
    bool allowed =
        authority.tag && type_field(&authority) == UNSEALED && type < RESERVED && is_within(&authority, type);

    authority.address = type;
    return allowed ? authority : untagged(authority);
}

/* --- random ones --- */

/* Keys, code and data: tagged or not, sealed or not, addresses within bounds and beside them. */
static cai_cap any(struct rng *rng)
{
    cai_cap cap, key;
    size_t length = rng_below(rng, 3) == 0 ? rng_size(rng, 40) : 1 + rng_below(rng, 16);

    cai_cap_root(&cap);
    key = cap;
    cai_cap_address_set(&cap, &cap, rng_below(rng, 3) == 0 ? RESERVED - 8 + rng_below(rng, 16) : rng_below(rng, 64));
    cai_cap_bounds_set(&cap, &cap, length);
    if (rng_below(rng, 16) == 0)
        cap = key;
    if (rng_below(rng, 3) == 0)
        cai_cap_perms_and(&cap, &cap, rng_next(rng));
    cai_cap_increment(&cap, &cap, (ptrdiff_t)rng_below(rng, 20) - 2);
    if (rng_below(rng, 32) == 0)
        cai_cap_address_set(&cap, &cap, SIZE_MAX);
    cai_cap_address_set(&key, &key, rng_below(rng, 2) == 0 ? rng_below(rng, 32) : RESERVED - 4 + rng_below(rng, 4));
    if (rng_below(rng, 4) == 0)
        cai_cap_seal(&cap, &cap, &key);
    if (rng_below(rng, 8) == 0)
        cai_cap_seal_entry(&cap, &cap);
    if (rng_below(rng, 8) == 0)
        cai_cap_tag_clear(&cap, &cap);
    return cap;
}

/* Without a tag the other bits mean nothing. */
static bool is_same(const cai_cap *got, const cai_cap *expected)
{
    return got->tag == expected->tag &&
           (!got->tag || (got->address == expected->address && got->high == expected->high));
}

static void test_K13_as_the_instructions(void **state)
{
    struct rng rng = rng_start(0x13);
    unsigned sealed = 0, entries = 0, keys = 0;

    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        cai_cap cap = any(&rng), other = any(&rng), got, expected;
        cai_cap_seal_entry(&got, &cap);
        expected = seal_entry(cap);
        assert_true(is_same(&got, &expected));
        entries += got.tag != 0;
        cai_cap_conditional_seal(&got, &cap, &other);
        expected = conditional_seal(cap, other);
        assert_true(is_same(&got, &expected));
        sealed += got.tag != 0 && got.high != cap.high;
        cai_cap_type_copy(&got, &cap, &other);
        expected = type_copy(cap, other);
        assert_true(is_same(&got, &expected));
        keys += got.tag != 0;
        got = cap; /* the same place for all of them */
        cai_cap_type_copy(&got, &got, &got);
        cai_cap_type_copy(&expected, &cap, &cap);
        assert_true(cai_cap_is_equal_exact(&got, &expected));
        cai_cap_high_set(&got, &cap, other.high);
        assert_true(got.tag == 0 && got.address == cap.address && cai_cap_high_get(&got) == other.high);
    }
    assert_true(sealed > CASES / 50 && entries > CASES / 10 && keys > CASES / 50);
}

/* --- what a program says --- */

static void test_K13_K10_entry_points_are_for_jumping(void **state)
{
    cai_cap code, entry, cap;

    (void)state;
    cai_cap_root(&cap);
    cai_cap_mint(&code, &cap, 0x1000, 64, CA_CAP_PERM_EXECUTE | CA_CAP_PERM_LOAD);
    entry = ca_cap_seal_entry(code);
    assert_true(ca_cap_is_sentry(entry) && ca_cap_is_sealed(entry) && !ca_cap_is_sentry(code));
    assert_int_equal(ca_cap_type_get(entry), CA_CAP_SENTRY);
    assert_int_equal(ca_cap_jump_check(entry), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_jump_check(code), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_jump_check(ca_cap_increment(code, 63)), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_jump_check(ca_cap_increment(code, 64)), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_jump_check(ca_cap_increment(code, -1)), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_jump_check(ca_cap_seal_entry(ca_cap_increment(code, 64))), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_jump_check(ca_cap_bounds_set(code, 1)), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_jump_check(ca_cap_tag_clear(entry)), CA_CAP_FAULT_TAG);
    assert_int_equal(ca_cap_jump_check(ca_cap_perms_clear(code, CA_CAP_PERM_EXECUTE)), CA_CAP_FAULT_PERMIT_EXECUTE);
    ca_cap key = ca_cap_address_set(cap, 12);
    assert_int_equal(ca_cap_jump_check(ca_cap_seal(code, key)), CA_CAP_FAULT_SEAL);
    assert_false(ca_cap_is_sentry(ca_cap_seal(code, key)));
    assert_string_equal(ca_cap_fault_name(CA_CAP_FAULT_PERMIT_EXECUTE), "permit-execute");
    assert_true(ca_cap_top_get(code) == 0x1040 && ca_cap_top_get(cap) == SIZE_MAX);
    assert_true(ca_cap_perms_check(cap, CA_CAP_PERM_INVOKE | CA_CAP_PERM_SYSTEM_REGS));
}

/* A block's capability on paper, and back: also one that was sealed. */
static void test_K13_raw_words_and_back(void **state)
{
    ca_cap block = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){100, 16})), keys = ca_cap_null();

    (void)state;
    ca_cap raw = ca_cap_from_raw(ca_cap_address_get(block), ca_cap_high_get(block));
    assert_true(ca_cap_is_invalid(raw) && ca_cap_is_equal_exact(raw, ca_cap_tag_clear(block)));
    assert_true(ca_cap_is_equal_exact(ca_cap_build(block, raw), block));
    assert_int_equal(ca_cap_sealer(&keys), CA_OK);
    ca_cap sealed = ca_cap_seal(block, ca_cap_address_set(keys, 77));
    raw = ca_cap_from_raw(ca_cap_address_get(sealed), ca_cap_high_get(sealed));
    ca_cap again = ca_cap_conditional_seal(ca_cap_build(block, raw), ca_cap_type_copy(keys, raw));
    assert_true(ca_cap_is_equal_exact(again, sealed));
    raw = ca_cap_from_raw(ca_cap_address_get(block), ca_cap_high_get(block));
    again = ca_cap_conditional_seal(ca_cap_build(block, raw), ca_cap_type_copy(keys, raw));
    assert_true(ca_cap_is_equal_exact(again, block));
    /* Bits that nobody was given: wider, more, and none that setting bounds gives. */
    ca_cap half = ca_cap_bounds_set(block, 48);
    assert_true(ca_cap_is_invalid(ca_cap_build(half, raw)));
    assert_true(ca_cap_is_invalid(ca_cap_build(ca_cap_perms_clear(block, CA_CAP_PERM_STORE), raw)));
    assert_true(ca_cap_is_invalid(ca_cap_build(ca_cap_tag_clear(block), raw)));
    assert_true(ca_cap_is_invalid(ca_cap_build(sealed, raw)));
    ca_cap strange = ca_cap_from_raw(0x80000001, 0x7fb600000000400d);
    assert_true(ca_cap_length_get(strange) == SIZE_MAX && ca_cap_is_invalid(strange));
    assert_true(ca_cap_is_invalid(ca_cap_build(block, ca_cap_from_raw(0x2000, 0xfff0000000004005))));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

/* --- tags of ranges --- */

static void test_K14_tags_of_any_length(void **state)
{
    enum { BYTES = 4096, WORDS = BYTES / 16 / 64 };
    ca_cap block = ca_cap_unwrap(ca_cap_allocate_zeroed(ca_default_authority(), (ca_layout){BYTES + 100, 16}));
    struct rng rng = rng_start(14);
    uint64_t model[WORDS + 1] = {0}, tags[WORDS + 2];

    (void)state;
    for (unsigned i = 0; i < BYTES / 16; i++)
        if (rng_below(&rng, 3) == 0) {
            assert_int_equal(ca_cap_store_cap(block, (ptrdiff_t)i * 16, block), CA_CAP_FAULT_NONE);
            model[i / 64] |= UINT64_C(1) << i % 64;
        }
    for (unsigned round = 0; round < 20000; round++) {
        size_t from = rng_below(&rng, BYTES / 16), bytes = rng_below(&rng, BYTES - from * 16 + 1), count = bytes / 16;
        for (unsigned i = 0; i < WORDS + 2; i++)
            tags[i] = 0xdead;
        assert_int_equal(ca_cap_tags_load_range(block, (ptrdiff_t)from * 16, bytes, tags), CA_CAP_FAULT_NONE);
        for (size_t i = 0; i < (count + 63) / 64 * 64; i++)
            assert_int_equal(tags[i / 64] >> i % 64 & 1,
                             i < count && (model[(from + i) / 64] >> (from + i) % 64 & 1) != 0);
        assert_int_equal(tags[(count + 63) / 64], 0xdead);
    }
    tags[0] = 0xdead;
    assert_int_equal(ca_cap_tags_load_range(block, 8, 64, tags), CA_CAP_FAULT_ALIGNMENT);
    assert_int_equal(ca_cap_tags_load_range(block, -16, 64, tags), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_tags_load_range(block, 0, SIZE_MAX, tags), CA_CAP_FAULT_BOUNDS);
    assert_int_equal(ca_cap_tags_load_range(ca_cap_tag_clear(block), 0, 64, tags), CA_CAP_FAULT_TAG);
    assert_int_equal(ca_cap_tags_load_range(ca_cap_perms_clear(block, CA_CAP_PERM_LOAD_CAP), 0, 64, tags),
                     CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY);
    assert_int_equal(tags[0], 0xdead);
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K13_as_the_instructions), cmocka_unit_test(test_K13_K10_entry_points_are_for_jumping),
        cmocka_unit_test(test_K13_raw_words_and_back), cmocka_unit_test(test_K14_tags_of_any_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
