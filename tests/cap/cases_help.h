/* What the files of cases share: capabilities to the region, and saying what one is. */
#ifndef TESTS_CAP_CASES_HELP_H
#define TESTS_CAP_CASES_HELP_H

#include "cap/cap.h"
#include "cap/cases.h"
#include "cap/lines.h"

#define REGION CAP_CASES_REGION
#define ALL_PERMS (~(size_t)0)

static const size_t data_perms = CA_CAP_PERM_GLOBAL | CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE | CA_CAP_PERM_LOAD_CAP |
                                 CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL;

/* A capability to `length` bytes of the region. */
static inline void mint(cai_cap *out, size_t offset, size_t length, size_t perms)
{
    cai_cap root;

    cai_cap_root(&root);
    cai_cap_mint(out, &root, REGION + offset, length, perms);
}

/* A key for one type. */
static inline void key_for(cai_cap *out, size_t otype, size_t perms)
{
    cai_cap root;

    cai_cap_root(&root);
    cai_cap_mint(out, &root, otype, 1, perms);
}

static inline void say_cap(const cai_cap *cap)
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

static inline void say_tag(const cai_cap *cap)
{
    say_number("v", cai_cap_tag_get(cap));
}

/* The two words of a capability as they lie in memory. */
static inline void say_words(const cai_cap *cap)
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

/* These two words without a tag, whatever they mean. */
static inline void raw(cai_cap *out, uint64_t low, uint64_t high)
{
    cai_cap via;

    mint(&via, 0xff00, 16, data_perms);
    cai_cap_store(&via, 0, 8, low);
    cai_cap_store(&via, 8, 8, high);
    cai_cap_null(out);
    say_number("fault", (size_t)cai_cap_load_cap(out, &via, 0));
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
