/* The cases. Where the descriptions of the architecture leave the bits of an invalid result open, only its tag is
 * printed.
 */
#include "cap/cases.h"

#include "cap/cap.h"
#include "cap/lines.h"

#define REGION CAP_CASES_REGION
#define ALL_PERMS (~(size_t)0)

static const size_t data_perms = CA_CAP_PERM_GLOBAL | CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE | CA_CAP_PERM_LOAD_CAP |
                                 CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL;

/* A capability to `length` bytes of the region. */
static void mint(cai_cap *out, size_t offset, size_t length, size_t perms)
{
    cai_cap root;

    cai_cap_root(&root);
    cai_cap_mint(out, &root, REGION + offset, length, perms);
}

/* A key for one type. */
static void key_for(cai_cap *out, size_t otype, size_t perms)
{
    cai_cap root;

    cai_cap_root(&root);
    cai_cap_mint(out, &root, otype, 1, perms);
}

static void say_cap(const cai_cap *cap)
{
    say_number("v", cai_cap_tag_get(cap));
    say_number("a", cai_cap_address_get(cap));
    say_number("b", cai_cap_base_get(cap));
    say_number("l", cai_cap_length_get(cap));
    say_number("o", cai_cap_offset_get(cap));
    say_number("p", cai_cap_perms_get(cap));
    say_number("t", (size_t)cai_cap_type_get(cap));
    say_number("s", cai_cap_is_sealed(cap));
    say_number("f", cai_cap_flags_get(cap));
}

static void say_tag(const cai_cap *cap)
{
    say_number("v", cai_cap_tag_get(cap));
}

/* The two words of a capability as they lie in memory. */
static void say_words(const cai_cap *cap)
{
    cai_cap via;
    uint64_t low = 0;
    uint64_t high = 0;

    mint(&via, 0xff00, 16, data_perms);
    say_number("fault", (size_t)cai_cap_store_cap(&via, 0, cap));
    cai_cap_load(&via, 0, 8, &low);
    cai_cap_load(&via, 8, 8, &high);
    say_number("low", low);
    say_number("high", high);
    cai_cap_store(&via, 0, 8, 0);
    cai_cap_store(&via, 8, 8, 0);
}

/* --- what there is at the start --- */

static void case_root(void)
{
    cai_cap cap;

    cai_cap_root(&cap);
    say_cap(&cap);
    say_words(&cap);
}

static void case_null(void)
{
    cai_cap cap;

    cai_cap_null(&cap);
    say_cap(&cap);
    say_words(&cap);
}

static void case_copy(void)
{
    cai_cap cap, copy;

    mint(&cap, 0x100, 64, data_perms);
    cai_cap_copy(&copy, &cap);
    say_cap(&copy);
    say_number("equal", cai_cap_is_equal_exact(&cap, &copy));
}

static void case_mint(void)
{
    cai_cap cap;

    mint(&cap, 0x100, 64, data_perms);
    say_cap(&cap);
    say_words(&cap);
}

/* --- bounds --- */

static const size_t lengths[] = {0,
                                 1,
                                 15,
                                 16,
                                 17,
                                 2047,
                                 2048,
                                 4095,
                                 4096,
                                 4097,
                                 8191,
                                 8192,
                                 8200,
                                 16383,
                                 65535,
                                 65536,
                                 1000000,
                                 (1 << 20) - 1,
                                 (1 << 20) + 1,
                                 (size_t)1 << 32,
                                 ((size_t)1 << 32) + 1,
                                 ((size_t)1 << 40) + 12345,
                                 ((size_t)1 << 62) - 1,
                                 (size_t)1 << 62,
                                 ((size_t)1 << 63) - 1,
                                 (size_t)1 << 63};
static const size_t starts[] = {0, REGION, REGION + 1, REGION + 0x7f8, (size_t)1 << 40, 0x123456789abcdef};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void bounds_from(size_t start)
{
    cai_cap root, at, cap;

    cai_cap_root(&root);
    cai_cap_address_set(&at, &root, start);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        cai_cap_bounds_set(&cap, &at, lengths[i]);
        say_number("b", cai_cap_base_get(&cap));
        say_number("l", cai_cap_length_get(&cap));
        say_tag(&cap);
        cai_cap_bounds_set_exact(&cap, &at, lengths[i]);
        say_number("exact", cai_cap_tag_get(&cap));
    }
}

static void case_bounds_at_0(void)
{
    bounds_from(starts[0]);
}

static void case_bounds_aligned(void)
{
    bounds_from(starts[1]);
}

static void case_bounds_odd(void)
{
    bounds_from(starts[2]);
}

static void case_bounds_of_8(void)
{
    bounds_from(starts[3]);
}

static void case_bounds_high(void)
{
    bounds_from(starts[4]);
    bounds_from(starts[5]);
}

static void case_bounds_to_the_top(void)
{
    cai_cap root, cap;

    cai_cap_root(&root);
    cai_cap_address_set(&cap, &root, 0xfffffffffffff000);
    cai_cap_bounds_set_exact(&cap, &cap, 0x1000);
    say_cap(&cap);
    say_words(&cap);
    cai_cap_address_set(&cap, &root, 0x8000000000000000);
    cai_cap_bounds_set_exact(&cap, &cap, 0x8000000000000000);
    say_cap(&cap);
}

static void case_bounds_only_narrow(void)
{
    cai_cap block, cap;

    mint(&block, 0x200, 64, data_perms);
    cai_cap_bounds_set(&cap, &block, 64);
    say_tag(&cap);
    cai_cap_bounds_set(&cap, &block, 65);
    say_tag(&cap);
    cai_cap_increment(&cap, &block, 16);
    cai_cap_bounds_set(&cap, &cap, 48);
    say_cap(&cap);
    cai_cap_increment(&cap, &block, 16);
    cai_cap_bounds_set(&cap, &cap, 49);
    say_tag(&cap);
    cai_cap_increment(&cap, &block, -1);
    cai_cap_bounds_set(&cap, &cap, 1);
    say_tag(&cap);
    cai_cap_bounds_set(&cap, &block, SIZE_MAX);
    say_tag(&cap);
    cai_cap_bounds_set(&cap, &block, 16);
    cai_cap_bounds_set(&cap, &cap, 64);
    say_tag(&cap);
}

static void case_bounds_of_nothing(void)
{
    cai_cap block, cap;

    mint(&block, 0x200, 64, data_perms);
    cai_cap_bounds_set_exact(&cap, &block, 0);
    say_cap(&cap);
    cai_cap_increment(&cap, &block, 64);
    cai_cap_bounds_set_exact(&cap, &cap, 0);
    say_cap(&cap);
    cai_cap_increment(&cap, &block, 65);
    cai_cap_bounds_set_exact(&cap, &cap, 0);
    say_tag(&cap);
}

static void case_bounds_untagged(void)
{
    cai_cap cap;

    mint(&cap, 0x200, 64, data_perms);
    cai_cap_tag_clear(&cap, &cap);
    cai_cap_bounds_set(&cap, &cap, 16);
    say_tag(&cap);
    cai_cap_null(&cap);
    cai_cap_bounds_set(&cap, &cap, 0);
    say_tag(&cap);
}

static void case_representable(void)
{
    for (size_t i = 0; i < COUNT(lengths); i++) {
        say_number("l", cai_cap_representable_length(lengths[i]));
        say_number("m", cai_cap_representable_alignment_mask(lengths[i]));
    }
    for (unsigned shift = 11; shift < 63; shift += 3)
        for (int by = -1; by <= 1; by++) {
            say_number("l", cai_cap_representable_length(((size_t)1 << shift) + (size_t)by));
            say_number("m", cai_cap_representable_alignment_mask(((size_t)1 << shift) + (size_t)by));
        }
}

/* --- addresses --- */

static const ptrdiff_t steps[] = {0,    1,    63,   64,    65,    -1,      2048,      -2048,
                                  4096, 6143, 8192, 12288, -4096, 1 << 20, -(1 << 20)};

static void addresses_of(size_t offset, size_t length)
{
    cai_cap block, cap;

    mint(&block, offset, length, data_perms);
    for (size_t i = 0; i < COUNT(steps); i++) {
        cai_cap_increment(&cap, &block, steps[i]);
        say_tag(&cap);
        say_number("a", cai_cap_address_get(&cap));
    }
}

static void case_addresses_small(void)
{
    addresses_of(0x400, 64);
}

static void case_addresses_large(void)
{
    addresses_of(0, 0x10000);
}

static void case_address_set(void)
{
    cai_cap block, cap;

    mint(&block, 0x400, 64, data_perms);
    cai_cap_address_set(&cap, &block, REGION + 0x410);
    say_cap(&cap);
    cai_cap_address_set(&cap, &cap, REGION + 0x400);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_address_set(&cap, &block, 0);
    say_tag(&cap);
    cai_cap_address_set(&cap, &cap, REGION + 0x400); /* what was lost stays lost */
    say_tag(&cap);
}

static void case_offset_set(void)
{
    cai_cap block, cap;

    mint(&block, 0x400, 64, data_perms);
    cai_cap_increment(&cap, &block, 8);
    cai_cap_offset_set(&cap, &cap, 32);
    say_cap(&cap);
    cai_cap_offset_set(&cap, &cap, 0);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_offset_set(&cap, &cap, (size_t)1 << 30);
    say_tag(&cap);
}

static void case_null_plus(void)
{
    cai_cap cap;

    cai_cap_null(&cap);
    cai_cap_increment(&cap, &cap, 12345);
    say_cap(&cap);
    cai_cap_address_set(&cap, &cap, REGION);
    say_cap(&cap);
}

/* --- permissions, flag, tag --- */

static void case_perms(void)
{
    cai_cap root, cap;

    cai_cap_root(&root);
    for (unsigned bit = 0; bit < 20; bit++) {
        cai_cap_perms_and(&cap, &root, (size_t)1 << bit);
        say_number("p", cai_cap_perms_get(&cap));
        cai_cap_perms_and(&cap, &cap, ALL_PERMS);
        say_number("p", cai_cap_perms_get(&cap));
        say_tag(&cap);
    }
    cai_cap_perms_and(&cap, &root, 0);
    say_cap(&cap);
}

static void case_flags(void)
{
    cai_cap cap;

    mint(&cap, 0x400, 64, data_perms);
    cai_cap_flags_set(&cap, &cap, 1);
    say_cap(&cap);
    cai_cap_flags_set(&cap, &cap, 0);
    say_cap(&cap);
}

static void case_tag_clear(void)
{
    cai_cap block, cap;

    mint(&block, 0x400, 64, data_perms);
    cai_cap_tag_clear(&cap, &block);
    say_cap(&cap);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_perms_and(&cap, &cap, ALL_PERMS);
    say_tag(&cap);
}

/* --- comparing --- */

static void case_equal(void)
{
    cai_cap block, cap;

    mint(&block, 0x400, 64, data_perms);
    mint(&cap, 0x400, 64, data_perms);
    say_number("same", cai_cap_is_equal_exact(&block, &cap));
    mint(&cap, 0x400, 63, data_perms);
    say_number("length", cai_cap_is_equal_exact(&block, &cap));
    mint(&cap, 0x400, 64, CA_CAP_PERM_LOAD);
    say_number("perms", cai_cap_is_equal_exact(&block, &cap));
    cai_cap_increment(&cap, &block, 1);
    say_number("address", cai_cap_is_equal_exact(&block, &cap));
}

static void case_subset(void)
{
    cai_cap block, cap;

    mint(&block, 0x400, 64, data_perms);
    mint(&cap, 0x400, 64, data_perms);
    say_number("same", cai_cap_is_subset(&block, &cap));
    cai_cap_increment(&cap, &cap, 32);
    say_number("address", cai_cap_is_subset(&block, &cap));
    mint(&cap, 0x410, 16, CA_CAP_PERM_LOAD);
    say_number("smaller", cai_cap_is_subset(&block, &cap));
    say_number("larger", cai_cap_is_subset(&cap, &block));
    mint(&cap, 0x410, 49, data_perms);
    say_number("behind", cai_cap_is_subset(&block, &cap));
    mint(&cap, 0x3ff, 16, data_perms);
    say_number("before", cai_cap_is_subset(&block, &cap));
    mint(&cap, 0x400, 64, data_perms | CA_CAP_PERM_EXECUTE);
    say_number("perms", cai_cap_is_subset(&block, &cap));
    cai_cap_tag_clear(&cap, &block);
    say_number("untagged", cai_cap_is_subset(&block, &cap));
    cai_cap_tag_clear(&block, &block);
    say_number("both", cai_cap_is_subset(&block, &cap));
}

/* --- sealing --- */

static void case_seal(void)
{
    cai_cap block, key, other, cap;

    mint(&block, 0x400, 64, data_perms);
    key_for(&key, 7, CA_CAP_PERM_GLOBAL | CA_CAP_PERM_SEAL | CA_CAP_PERM_UNSEAL);
    key_for(&other, 8, CA_CAP_PERM_GLOBAL | CA_CAP_PERM_SEAL | CA_CAP_PERM_UNSEAL);
    cai_cap_seal(&cap, &block, &key);
    say_cap(&cap);
    say_words(&cap);
    cai_cap_unseal(&other, &cap, &other);
    say_number("other", cai_cap_tag_get(&other));
    cai_cap_unseal(&cap, &cap, &key);
    say_cap(&cap);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
}

static void case_sealed_is_closed(void)
{
    cai_cap block, key, sealed, cap;
    uint64_t value = 0;

    mint(&block, 0x400, 64, data_perms);
    key_for(&key, 7, CA_CAP_PERM_SEAL);
    cai_cap_seal(&sealed, &block, &key);
    cai_cap_increment(&cap, &sealed, 0);
    say_number("increment", cai_cap_tag_get(&cap));
    cai_cap_address_set(&cap, &sealed, REGION + 0x400);
    say_number("address", cai_cap_tag_get(&cap));
    cai_cap_offset_set(&cap, &sealed, 0);
    say_number("offset", cai_cap_tag_get(&cap));
    cai_cap_bounds_set(&cap, &sealed, 16);
    say_number("bounds", cai_cap_tag_get(&cap));
    cai_cap_perms_and(&cap, &sealed, ALL_PERMS);
    say_number("perms", cai_cap_tag_get(&cap));
    cai_cap_flags_set(&cap, &sealed, 0);
    say_number("flags", cai_cap_tag_get(&cap));
    cai_cap_seal(&cap, &sealed, &key);
    say_number("seal", cai_cap_tag_get(&cap));
    cai_cap_copy(&cap, &sealed);
    say_number("copy", cai_cap_tag_get(&cap));
    say_number("load", (size_t)cai_cap_load(&sealed, 0, 1, &value));
    say_number("store", (size_t)cai_cap_store(&sealed, 0, 1, 1));
    say_number("load_cap", (size_t)cai_cap_load_cap(&cap, &sealed, 0));
    say_number("store_cap", (size_t)cai_cap_store_cap(&sealed, 0, &block));
}

static void case_keys(void)
{
    static const size_t otypes[] = {0, 1, 0x3fffb, 0x3fffc, 0x3fffe, 0x3ffff, 0x40000, (size_t)1 << 40};
    cai_cap block, key, cap;

    mint(&block, 0x400, 64, data_perms);
    for (size_t i = 0; i < COUNT(otypes); i++) {
        key_for(&key, otypes[i], CA_CAP_PERM_SEAL);
        cai_cap_seal(&cap, &block, &key);
        say_tag(&cap);
    }
    key_for(&key, 9, CA_CAP_PERM_UNSEAL);
    cai_cap_seal(&cap, &block, &key);
    say_number("perms", cai_cap_tag_get(&cap));
    key_for(&key, 9, CA_CAP_PERM_SEAL);
    cai_cap_increment(&cap, &key, 1);
    cai_cap_seal(&cap, &block, &cap);
    say_number("bounds", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&cap, &key);
    cai_cap_seal(&cap, &block, &cap);
    say_number("tag", cai_cap_tag_get(&cap));
    cai_cap_seal(&cap, &block, &key);
    cai_cap_unseal(&cap, &cap, &key);
    say_number("unseal", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&cap, &block);
    cai_cap_seal(&cap, &cap, &key);
    say_number("untagged", cai_cap_tag_get(&cap));
}

static void case_unseal_keeps_local(void)
{
    cai_cap block, key, cap;

    mint(&block, 0x400, 64, data_perms);
    key_for(&key, 7, CA_CAP_PERM_SEAL | CA_CAP_PERM_UNSEAL);
    cai_cap_seal(&cap, &block, &key);
    cai_cap_unseal(&cap, &cap, &key);
    say_cap(&cap);
    cai_cap_unseal(&cap, &block, &key);
    say_tag(&cap);
}

/* --- building --- */

static void case_build(void)
{
    cai_cap root, block, bits, key, cap;

    cai_cap_root(&root);
    mint(&block, 0x400, 64, data_perms);
    cai_cap_tag_clear(&bits, &block);
    cai_cap_build(&cap, &root, &bits);
    say_cap(&cap);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_build(&cap, &block, &bits);
    say_number("self", cai_cap_tag_get(&cap));
    mint(&block, 0x400, 63, data_perms);
    cai_cap_build(&cap, &block, &bits);
    say_number("bounds", cai_cap_tag_get(&cap));
    mint(&block, 0x400, 64, CA_CAP_PERM_LOAD);
    cai_cap_build(&cap, &block, &bits);
    say_number("perms", cai_cap_tag_get(&cap));
    cai_cap_build(&cap, &bits, &bits);
    say_number("untagged", cai_cap_tag_get(&cap));
    key_for(&key, 7, CA_CAP_PERM_SEAL);
    mint(&block, 0x400, 64, data_perms);
    cai_cap_seal(&bits, &block, &key);
    cai_cap_build(&cap, &bits, &block);
    say_number("by_sealed", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&bits, &bits);
    cai_cap_build(&cap, &root, &bits);
    say_cap(&cap);
    cai_cap_null(&bits);
    cai_cap_build(&cap, &root, &bits);
    say_cap(&cap);
}

static const struct cap_case cases[] = {
    {"root", case_root},
    {"null", case_null},
    {"copy", case_copy},
    {"mint", case_mint},
    {"bounds_at_0", case_bounds_at_0},
    {"bounds_aligned", case_bounds_aligned},
    {"bounds_odd", case_bounds_odd},
    {"bounds_of_8", case_bounds_of_8},
    {"bounds_high", case_bounds_high},
    {"bounds_to_the_top", case_bounds_to_the_top},
    {"bounds_only_narrow", case_bounds_only_narrow},
    {"bounds_of_nothing", case_bounds_of_nothing},
    {"bounds_untagged", case_bounds_untagged},
    {"representable", case_representable},
    {"addresses_small", case_addresses_small},
    {"addresses_large", case_addresses_large},
    {"address_set", case_address_set},
    {"offset_set", case_offset_set},
    {"null_plus", case_null_plus},
    {"perms", case_perms},
    {"flags", case_flags},
    {"tag_clear", case_tag_clear},
    {"equal", case_equal},
    {"subset", case_subset},
    {"seal", case_seal},
    {"sealed_is_closed", case_sealed_is_closed},
    {"keys", case_keys},
    {"unseal_keeps_local", case_unseal_keeps_local},
    {"build", case_build},
    {NULL, NULL},
};

static unsigned run(const struct cap_case *list, void (*put)(const char *line))
{
    unsigned count = 0;

    for (; list[count].name != NULL; count++) {
        say_begin(list[count].name);
        list[count].run();
        put(say_end());
    }
    return count;
}

unsigned cap_cases_run(void (*put)(const char *line))
{
    unsigned count = run(cases, put);

    return count + run(cap_cases_of_memory, put);
}
