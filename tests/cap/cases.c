/* The cases about bounds and addresses, and the list of all. Where the descriptions of the architecture leave the bits
 * of an invalid result open, only its tag is printed.
 */
#include "cap/cases_help.h"

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

/* Beside the powers of two where the format changes, and anything. */
/* clang-format off */
static const size_t lengths[] = {
    0, 1, 15, 16, 17, 2047, 2048, 4095, 4096, 4097, 8191, 8192, 8200, 16383, 65535, 65536, 1000000, 0xfffff, 0x100001,
    0x100000000, 0x100000001, 0x10000003039, 0x3fffffffffffffff, 0x4000000000000000, 0x7fffffffffffffff,
    0x8000000000000000};
/* clang-format on */

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
    bounds_from(0);
}

static void case_bounds_aligned(void)
{
    bounds_from(REGION);
}

static void case_bounds_odd(void)
{
    bounds_from(REGION + 1);
}

static void case_bounds_of_8(void)
{
    bounds_from(REGION + 0x7f8);
}

static void case_bounds_high(void)
{
    bounds_from((size_t)1 << 40);
    bounds_from(0x123456789abcdef);
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

/* From `from`, to both sides of where the address cannot go: by a step, by its offset, and set. */
static void steps_to(const cai_cap *block, size_t from, size_t border, size_t unit)
{
    cai_cap at, cap;

    cai_cap_address_set(&at, block, from);
    say_tag(&at);
    for (int i = -4; i <= 4; i++) {
        size_t to = border + (size_t)i * (unit / 2 + 1);
        cai_cap_increment(&cap, &at, (ptrdiff_t)(to - from));
        say_number("step", cai_cap_tag_get(&cap));
        cai_cap_offset_set(&cap, &at, to - cai_cap_base_get(&at));
        say_number("offset", cai_cap_tag_get(&cap));
        cai_cap_address_set(&cap, &at, to);
        say_number("set", cai_cap_tag_get(&cap));
    }
}

/* Where addresses begin and end that can be represented, 14 bits in steps of `unit`. */
static void borders_of(size_t base, size_t length, size_t unit)
{
    const size_t start = base - (unit << 11);
    const size_t end = start + (unit << 14);
    const size_t froms[] = {start,         start + unit / 2, start + unit, base,
                            base + length, end - unit - 1,   end - unit,   end - 1};
    cai_cap root, block;

    cai_cap_root(&root);
    cai_cap_mint(&block, &root, base, length, data_perms);
    for (size_t i = 0; i < COUNT(froms); i++) {
        steps_to(&block, froms[i], start, unit);
        steps_to(&block, froms[i], end, unit);
        steps_to(&block, froms[i], froms[i], unit);
    }
}

static void case_borders_small(void)
{
    borders_of(0x1000, 16, 1);
}

static void case_borders_large(void)
{
    borders_of(0x100000, 0x100000, 0x100);
}

static void case_borders_huge(void)
{
    borders_of((size_t)1 << 61, (size_t)1 << 61, (size_t)1 << 49);
}

/* Steps wrap around the address space. */
static void case_borders_nowhere(void)
{
    borders_of((size_t)1 << 61, (size_t)1 << 62, (size_t)1 << 50);
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
    {"borders_small", case_borders_small},
    {"borders_large", case_borders_large},
    {"borders_huge", case_borders_huge},
    {"borders_nowhere", case_borders_nowhere},
    {"address_set", case_address_set},
    {"offset_set", case_offset_set},
    {"null_plus", case_null_plus},
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

    count += run(cap_cases_of_rights, put);
    return count + run(cap_cases_of_memory, put);
}
