/* The cases about what a capability may: permissions, comparing, sealing, building. */
#include "cap/cases_help.h"

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

/* Keys that seal, keys that leave it alone, and keys that spoil it. */
static void case_conditional_seal(void)
{
    cai_cap block, key, sealed, at, cap;

    mint(&block, 0x400, 64, data_perms);
    cai_cap_root(&key);
    cai_cap_mint(&key, &key, 7, 2, CA_CAP_PERM_SEAL);
    cai_cap_conditional_seal(&sealed, &block, &key);
    say_cap(&sealed);
    cai_cap_conditional_seal(&cap, &sealed, &key);
    say_number("again", cai_cap_is_equal_exact(&cap, &sealed));
    cai_cap_tag_clear(&at, &key);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("untagged", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_increment(&at, &key, 2);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("behind", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_increment(&at, &key, -1);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("before", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_root(&at);
    cai_cap_address_set(&at, &at, SIZE_MAX);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("last", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_address_set(&at, &at, 0x3fffc);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("reserved", cai_cap_tag_get(&cap));
    key_for(&at, 7, CA_CAP_PERM_UNSEAL);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("perms", cai_cap_tag_get(&cap));
    cai_cap_seal(&at, &key, &key);
    cai_cap_conditional_seal(&cap, &block, &at);
    say_number("sealed", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&cap, &block);
    cai_cap_conditional_seal(&cap, &cap, &key);
    say_number("nothing", cai_cap_tag_get(&cap));
}

/* The type as a key; what is sealed, lost and built is as it was. */
static void case_type_copy(void)
{
    cai_cap root, block, key, keys, sealed, cap;

    cai_cap_root(&root);
    mint(&block, 0x400, 64, data_perms);
    cai_cap_mint(&keys, &root, 4, 8, CA_CAP_PERM_SEAL);
    key_for(&key, 7, CA_CAP_PERM_SEAL);
    cai_cap_seal(&sealed, &block, &key);
    cai_cap_type_copy(&cap, &keys, &sealed);
    say_cap(&cap);
    cai_cap_tag_clear(&sealed, &sealed);
    cai_cap_type_copy(&key, &keys, &sealed);
    say_number("of_bits", cai_cap_is_equal_exact(&cap, &key));
    cai_cap_build(&cap, &root, &sealed);
    cai_cap_conditional_seal(&cap, &cap, &key);
    say_cap(&cap);
    cai_cap_type_copy(&key, &keys, &block);
    say_number("unsealed", cai_cap_tag_get(&key));
    cai_cap_conditional_seal(&cap, &block, &key);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_mint(&cap, &root, 4, 3, CA_CAP_PERM_SEAL);
    cai_cap_type_copy(&cap, &cap, &sealed);
    say_number("behind", cai_cap_tag_get(&cap));
    cai_cap_mint(&cap, &root, 8, 3, CA_CAP_PERM_SEAL);
    cai_cap_type_copy(&cap, &cap, &sealed);
    say_number("before", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&cap, &keys);
    cai_cap_type_copy(&cap, &cap, &sealed);
    say_number("untagged", cai_cap_tag_get(&cap));
    key_for(&key, 4, CA_CAP_PERM_SEAL);
    cai_cap_seal(&cap, &keys, &key);
    cai_cap_type_copy(&cap, &cap, &sealed);
    say_number("sealed", cai_cap_tag_get(&cap));
}

/* Sealed entry points: of code only, and only to be copied. */
static void case_seal_entry(void)
{
    cai_cap root, code, block, key, entry, cap;
    uint64_t value = 0;

    cai_cap_root(&root);
    mint(&code, 0x400, 64, CA_CAP_PERM_GLOBAL | CA_CAP_PERM_EXECUTE | CA_CAP_PERM_LOAD);
    cai_cap_increment(&code, &code, 4);
    cai_cap_seal_entry(&entry, &code);
    say_cap(&entry);
    say_words(&entry);
    cai_cap_increment(&cap, &entry, 0);
    say_number("increment", cai_cap_tag_get(&cap));
    cai_cap_seal_entry(&cap, &entry);
    say_number("again", cai_cap_tag_get(&cap));
    key_for(&key, 0x3fffe, CA_CAP_PERM_SEAL | CA_CAP_PERM_UNSEAL);
    cai_cap_unseal(&cap, &entry, &key);
    say_number("unseal", cai_cap_tag_get(&cap));
    cai_cap_type_copy(&cap, &root, &entry);
    say_number("key", cai_cap_tag_get(&cap));
    say_number("load", (size_t)cai_cap_load(&entry, 0, 4, &value));
    cai_cap_tag_clear(&cap, &entry);
    cai_cap_seal_entry(&cap, &cap);
    say_number("untagged", cai_cap_tag_get(&cap));
    mint(&block, 0x400, 64, data_perms);
    cai_cap_seal_entry(&cap, &block);
    say_number("data", cai_cap_tag_get(&cap));
    cai_cap_tag_clear(&cap, &entry);
    cai_cap_build(&cap, &root, &cap);
    say_number("built", cai_cap_is_equal_exact(&cap, &entry));
}

/* --- raw words and building --- */

static void case_high(void)
{
    cai_cap root, null, block, cap;

    cai_cap_root(&root);
    cai_cap_null(&null);
    mint(&block, 0x400, 64, data_perms);
    say_number("root", cai_cap_high_get(&root));
    say_number("null", cai_cap_high_get(&null));
    say_number("block", cai_cap_high_get(&block));
    cai_cap_address_set(&cap, &null, cai_cap_address_get(&block));
    cai_cap_high_set(&cap, &cap, cai_cap_high_get(&block));
    say_cap(&cap);
    cai_cap_build(&cap, &root, &cap);
    say_number("equal", cai_cap_is_equal_exact(&cap, &block));
    cai_cap_high_set(&cap, &block, cai_cap_high_get(&root));
    say_cap(&cap);
    cai_cap_high_set(&cap, &block, cai_cap_high_get(&block));
    say_number("itself", cai_cap_tag_get(&cap));
}

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

/* Words that nobody made: what they say of themselves, and whether they can be built. */
static void case_build_strange(void)
{
    static const uint64_t words[][2] = {{0x2000, 0xfff0000000004005}, {0x80000001, 0x7fb600000000400d},
                                        {0, 0xffff000000002000},      {REGION, 0xffffc00000000000},
                                        {REGION, 0xffff200000000000}, {~(uint64_t)0, ~(uint64_t)0}};
    cai_cap root, bits, cap;

    cai_cap_root(&root);
    for (size_t i = 0; i < COUNT(words); i++) {
        raw(&bits, words[i][0], words[i][1]);
        say_cap(&bits);
        cai_cap_build(&cap, &root, &bits);
        say_number("built", cai_cap_tag_get(&cap));
    }
    for (unsigned exponent = 48; exponent < 64; exponent++) {
        raw(&bits, 5, 0xffff000000000000 | (uint64_t)((exponent ^ 52) >> 3) << 14 | ((exponent ^ 52) & 7));
        say_number("l", cai_cap_length_get(&bits));
        cai_cap_build(&cap, &root, &bits);
        say_number("built", cai_cap_tag_get(&cap));
    }
}

const struct cap_case cap_cases_of_rights[] = {
    {"perms", case_perms},
    {"flags", case_flags},
    {"tag_clear", case_tag_clear},
    {"equal", case_equal},
    {"subset", case_subset},
    {"seal", case_seal},
    {"sealed_is_closed", case_sealed_is_closed},
    {"keys", case_keys},
    {"unseal_keeps_local", case_unseal_keeps_local},
    {"conditional_seal", case_conditional_seal},
    {"type_copy", case_type_copy},
    {"seal_entry", case_seal_entry},
    {"high", case_high},
    {"build", case_build},
    {"build_strange", case_build_strange},
    {NULL, NULL},
};
