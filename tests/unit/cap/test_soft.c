/* Capabilities in software: what is derived never has more than what it was derived from, the quick arithmetic agrees
 * with the exact one, an access that is refused changes nothing, and the answers of an emulator of CHERI-RISC-V where
 * they are easily got wrong. What single operations give is in tests/cap.
 */
#include "unit/unit.h"

#include "cap/cap.h"
#include "cap/tag_table.h"
#include "support/emulated.h"
#include "support/rng.h"

#include <string.h>

enum { BYTES = 8192, GRANULES = BYTES / 16 };

static _Alignas(8192) unsigned char memory[BYTES];

static const size_t data_perms = CA_CAP_PERM_GLOBAL | CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE | CA_CAP_PERMS_CAPS;

static int start(void **state)
{
    (void)state;
    memset(memory, 0, sizeof memory);
    if (!tag_table_for((size_t)memory))
        return -1;
    cai_tags_clear((size_t)memory, sizeof memory);
    return 0;
}

static cai_cap mint(size_t address, size_t length, size_t perms)
{
    cai_cap cap;

    cai_cap_root(&cap);
    cai_cap_mint(&cap, &cap, address, length, perms);
    return cap;
}

/* Anything with a tag, bounds of all sizes. */
static cai_cap random_cap(struct rng *rng)
{
    cai_cap cap;

    cai_cap_root(&cap);
    cai_cap_address_set(&cap, &cap, rng_next(rng) >> rng_below(rng, 64));
    cai_cap_bounds_set(&cap, &cap, rng_size(rng, 62));
    if (!cai_cap_tag_get(&cap))
        cai_cap_root(&cap);
    return cap;
}

static void test_K1_what_was_set_is_what_is_read(void **state)
{
    struct rng rng = rng_start(11);

    (void)state;
    for (unsigned i = 0; i < FEWER(20000, 2000); i++) {
        size_t length = rng_size(&rng, 11);
        size_t address = rng_next(&rng) >> (1 + rng_below(&rng, 40));
        cai_cap cap = mint(address, length, data_perms);
        assert_true(cai_cap_tag_get(&cap));
        assert_true(cai_cap_base_get(&cap) == address && cai_cap_length_get(&cap) == length);
        assert_true(cai_cap_address_get(&cap) == address && cai_cap_offset_get(&cap) == 0);
        assert_true(cai_cap_perms_get(&cap) == data_perms && cai_cap_type_get(&cap) == CA_CAP_UNSEALED);
    }
}

static void test_K1_quick_arithmetic_is_exact(void **state)
{
    struct rng rng = rng_start(12);
    unsigned quick = 0;

    (void)state;
    for (unsigned i = 0; i < FEWER(200000, 20000); i++) {
        cai_cap cap = random_cap(&rng);
        cai_cap at;
        cai_cap_address_set(&at, &cap, cap.address + rng_size(&rng, 41) - rng_size(&rng, 40));
        if (!at.tag)
            at = cap;
        struct cai_bounds bounds = cai_concentrate_decode(at.high, at.address);
        struct cai_reach reach;
        if (!cai_quick_reach(at.high, at.address, &reach))
            continue;
        quick++;
        assert_true(reach.from_base == at.address - bounds.base);
        assert_true(reach.length == bounds.top - bounds.base);
    }
    assert_true(quick > FEWER(100000, 10000));
}

static void test_K4_quick_answers_are_exact(void **state)
{
    struct rng rng = rng_start(13);
    unsigned allowed = 0;

    (void)state;
    for (unsigned i = 0; i < FEWER(400000, 40000); i++) {
        cai_cap cap = mint((size_t)memory + rng_below(&rng, 4096), rng_size(&rng, 12), data_perms);
        ptrdiff_t distance = (ptrdiff_t)rng_size(&rng, 14), offset = rng_below(&rng, 2) ? distance : -distance;
        size_t bytes = (size_t)1 << rng_below(&rng, 5);
        cai_cap_increment(&cap, &cap, (ptrdiff_t)(rng_size(&rng, 13) - rng_size(&rng, 12)));
        if (!cap.tag)
            continue;
        ca_cap_fault fault = cai_soft_why_not(&cap, cap.address + (size_t)offset, bytes, CA_CAP_PERM_LOAD);
        bool quick = cai_quick_allows(cap.high, cap.address, offset, bytes, CAI_SOFT_HIGH(CA_CAP_PERM_LOAD));
        assert_true(!quick || fault == CA_CAP_FAULT_NONE);
        /* And it is not shy where it need not be. */
        if (cap.address - (size_t)memory < 4096 && offset > -2000 && offset < 2000 && cai_cap_length_get(&cap) < 4096)
            assert_true(quick == (fault == CA_CAP_FAULT_NONE));
        assert_int_equal(cai_soft_ask(&cap, offset, bytes, CA_CAP_PERM_LOAD), fault);
        allowed += quick;
    }
    assert_true(allowed > FEWER(10000, 1000));
}

static void test_K3_quick_bounds_are_those_of_set_bounds(void **state)
{
    struct rng rng = rng_start(14);

    (void)state;
    for (unsigned i = 0; i < FEWER(100000, 10000); i++) {
        size_t address = rng_next(&rng) >> (1 + rng_below(&rng, 40));
        size_t length = rng_below(&rng, CAI_QUICK_EXACT_BELOW);
        bool exact = false;
        assert_true(cai_quick_bounds(0, address, length) == cai_concentrate_set_bounds(0, address, length, &exact));
        assert_true(exact);
    }
}

__extension__ typedef __int128 wide;

/* The greatest multiple of `unit` that is not above n. */
static wide round_down(wide n, wide unit)
{
    return n - (n % unit + unit) % unit;
}

/* Where a capability keeps its bounds, told from them alone: a region that begins an eighth of it below the eighth in
 * which base lies. `unit` is what its size is counted in. False: all of the address space. */
static bool region_of(const cai_cap *cap, wide *start, wide *size, wide *unit)
{
    struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);

    for (*unit = 1; (wide)(bounds.top - bounds.base) / *unit >= 8192;)
        *unit *= 2;
    *size = *unit << 14;
    *start = round_down(bounds.base, *size / 8) - *size / 8;
    return *size >> 64 == 0;
}

/* CIncOffset by the region: it rounds the address and the step down to units and does not know what they add up to
 * below one. So it refuses to reach the last unit, where a carry could lead outside, and to step back in the first. */
static bool may_step(const cai_cap *cap, ptrdiff_t by)
{
    wide start, size, unit, at = cap->address;

    if (!region_of(cap, &start, &size, &unit))
        return true;
    at -= at >= start + size ? (wide)1 << 64 : 0; /* a region may begin below address 0 or end above 2^64 */
    at += at < start ? (wide)1 << 64 : 0;
    at = round_down(at, unit);
    return by >= 0 ? at + round_down(by, unit) + unit < start + size
                   : at != start && at + round_down(by, unit) >= start;
}

/* An address in the region, or just outside it, most often near one of its borders or of the bounds. */
static size_t address_near(struct rng *rng, const cai_cap *cap)
{
    struct cai_bounds bounds = cai_concentrate_decode(cap->high, cap->address);
    wide start, size, unit;

    region_of(cap, &start, &size, &unit);
    wide ends[] = {start, start + unit, start + size, start + size - unit, bounds.base, bounds.top, start + size / 2};
    wide far = ends[rng_below(rng, sizeof ends / sizeof *ends)];
    switch (rng_below(rng, 4)) {
    case 0:
        return (size_t)far + rng_below(rng, 5) - 2;
    case 1:
        return (size_t)far + ((size_t)rng_below(rng, 5) - 2) * (size_t)unit;
    case 2:
        return (size_t)far + rng_next(rng) % (uint64_t)unit;
    default:
        return (size_t)far + rng_size(rng, 62) - rng_size(rng, 62);
    }
}

static void test_K1_K2_steps_are_checked_as_hardware_does(void **state)
{
    enum { CASES = FEWER(1500000, 100000) };
    struct rng rng = rng_start(19);
    unsigned kept = 0, refused = 0, stricter = 0;

    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        cai_cap cap = random_cap(&rng), at, stepped, set;
        cai_cap_address_set(&at, &cap, address_near(&rng, &cap));
        if (!at.tag)
            at = cap;
        size_t there = address_near(&rng, &cap), step = there - at.address;
        bool may = may_step(&at, (ptrdiff_t)step);
        cai_cap_increment(&stepped, &at, (ptrdiff_t)step);
        cai_cap_address_set(&set, &at, there);
        if (stepped.tag != may || stepped.address != there || stepped.high != at.high || (may && !set.tag))
            fail_msg("high %#zx address %#zx step %#zx", at.high, at.address, step);
        cai_cap_offset_set(&set, &at, there - cai_cap_base_get(&at));
        assert_true(cai_cap_is_equal_exact(&set, &stepped));
        cai_cap_address_set(&set, &at, there);
        /* No step into the bounds or to their end is refused. */
        assert_true(may || there - cai_cap_base_get(&at) > cai_cap_length_get(&at));
        kept += may;
        refused += !may;
        stricter += set.tag && !may;
    }
    assert_true(kept > CASES / 10 && refused > CASES / 10 && stricter > CASES / 100);
}

static void test_K1_known_steps(void **state)
{
    static const struct {
        size_t base, length, address;
        ptrdiff_t by;
        bool steps, is_set;
    } known[] = {
        {0x1000, 16, 0x1000, 0x37fe, true, true},
        {0x1000, 16, 0x1000, 0x37ff, false, true},
        {0x1000, 16, 0x1000, 0x3800, false, false},
        {0x1000, 16, 0x1000, -0x800, true, true},
        {0x1000, 16, 0x800, -1, false, false},
        {0x1000, 16, 0x47ff, 0, false, true}, /* in the last unit, not even by nothing */
        {0x1000, 16, 0x47ff, -1, true, true},
        {0x100000, 0x100000, 0x80080, -1, false, true},
        {0x100000, 0x100000, 0x80100, -1, true, true},
        {0x100000, 0x100000, 0x80080, 0, true, true},
        {0x100000, 0x100000, 0x100000, 0x37feff, true, true},
        {0x100000, 0x100000, 0x100000, 0x37ff00, false, true},
        {0, (size_t)1 << 62, 0, PTRDIFF_MIN, true, true}, /* from 2^62 bytes on anywhere */
        {0, ((size_t)1 << 61), 0, PTRDIFF_MIN, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cai_cap cap = mint(known[i].base, known[i].length, data_perms), stepped, set;
        cai_cap_address_set(&cap, &cap, known[i].address);
        assert_true(cai_cap_tag_get(&cap));
        cai_cap_increment(&stepped, &cap, known[i].by);
        cai_cap_address_set(&set, &cap, known[i].address + (size_t)known[i].by);
        if (stepped.tag != known[i].steps || set.tag != known[i].is_set)
            fail_msg("case %zu", i);
    }
}

/* Untagged words whose bounds no setting of bounds gives. */
static void test_K1_K2_strange_words(void **state)
{
    static const struct {
        size_t address, high;
    } words[] = {{0x2000, 0xfff0000000004005}, {0x80000001, 0x7fb600000000400d}};
    cai_cap root, cap;

    (void)state;
    cai_cap_root(&root);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        cap = (cai_cap){.address = words[i].address, .high = words[i].high};
        assert_true(cai_cap_length_get(&cap) == SIZE_MAX);
        cai_cap_build(&cap, &root, &cap);
        assert_false(cai_cap_tag_get(&cap));
    }
    for (size_t exponent = 52; exponent < 64; exponent++) { /* 52 is the largest, that of the root */
        size_t bits = (exponent ^ 52) >> 3 << 14 | ((exponent ^ 52) & 7);
        cap = (cai_cap){.address = 5, .high = root.high | bits};
        assert_true(cai_cap_base_get(&cap) == 0 && cai_cap_length_get(&cap) == SIZE_MAX);
        cai_cap_build(&cap, &root, &cap);
        assert_int_equal(cai_cap_tag_get(&cap), exponent == 52);
    }
}

/* One random step; the other arguments are random as well. */
static void derive(struct rng *rng, cai_cap *cap, const cai_cap *other)
{
    size_t number = rng_next(rng) >> rng_below(rng, 64);

    switch (rng_below(rng, 16)) {
    case 0:
        cai_cap_address_set(cap, cap, number);
        break;
    case 1:
        cai_cap_offset_set(cap, cap, rng_below(rng, cai_cap_length_get(cap) | 1));
        break;
    case 2:
        cai_cap_increment(cap, cap, (ptrdiff_t)number);
        break;
    case 3:
        cai_cap_bounds_set(cap, cap, rng_below(rng, cai_cap_length_get(cap) | 1));
        break;
    case 4:
        cai_cap_bounds_set_exact(cap, cap, number);
        break;
    case 5:
        cai_cap_perms_and(cap, cap, number | rng_next(rng));
        break;
    case 6:
        cai_cap_flags_set(cap, cap, number);
        break;
    case 7:
        cai_cap_seal(cap, cap, other);
        break;
    case 8:
        cai_cap_unseal(cap, cap, other);
        break;
    case 9: {
        cai_cap bits = {.address = cap->address, .high = cap->high ^ number << rng_below(rng, 64)};
        cai_cap_build(cap, cap, &bits);
        break;
    }
    case 10:
        cai_cap_increment(cap, cap, (ptrdiff_t)rng_below(rng, 256) - 128);
        break;
    case 11:
        cai_cap_seal_entry(cap, cap);
        break;
    case 12:
        cai_cap_conditional_seal(cap, cap, other);
        break;
    case 13:
        cai_cap_type_copy(cap, cap, other);
        break;
    case 14:
        cai_cap_high_set(cap, cap, number);
        break;
    default:
        cai_cap_bounds_set(cap, cap, number);
        break;
    }
}

static void test_K2_nothing_derived_has_more(void **state)
{
    struct rng rng = rng_start(15);
    unsigned tagged = 0;

    (void)state;
    for (unsigned i = 0; i < FEWER(30000, 3000); i++) {
        cai_cap origin = random_cap(&rng);
        cai_cap key = random_cap(&rng);
        cai_cap cap = origin;
        for (unsigned step = 0; step < 12; step++) {
            cai_cap before = cap;
            derive(&rng, &cap, &key);
            if (!cap.tag)
                cap = before;
            assert_true(cai_cap_is_subset(&origin, &cap));
            assert_true(cai_cap_is_subset(&before, &cap));
            assert_true((cap.high & CAI_SOFT_RESERVED_BITS) == 0 && cai_concentrate_well_formed(cap.high));
            tagged += !cai_cap_is_equal_exact(&before, &cap);
        }
    }
    assert_true(tagged > FEWER(30000, 3000));
}

static void test_K2_no_tag_no_way_back(void **state)
{
    struct rng rng = rng_start(16);

    (void)state;
    for (unsigned i = 0; i < FEWER(30000, 3000); i++) {
        cai_cap cap = random_cap(&rng);
        cai_cap key = random_cap(&rng);
        cai_cap_tag_clear(&cap, &cap);
        for (unsigned step = 0; step < 8; step++) {
            derive(&rng, &cap, &key);
            assert_false(cai_cap_tag_get(&cap));
        }
    }
}

static void test_K4_a_refused_access_changes_nothing(void **state)
{
    struct rng rng = rng_start(17);
    unsigned refused = 0;

    (void)state;
    for (size_t at = 0; at < BYTES; at += 32) {
        cai_cap via = mint((size_t)memory + at, 16, data_perms);
        assert_int_equal(cai_cap_store_cap(&via, 0, &via), CA_CAP_FAULT_NONE);
    }
    for (unsigned i = 0; i < FEWER(20000, 2000); i++) {
        static unsigned char before[BYTES];
        uint64_t tags_before[GRANULES / 64] = {0}, tags_after[GRANULES / 64] = {0};
        size_t perms = data_perms & rng_next(&rng);
        cai_cap via = mint((size_t)memory + 64 * rng_below(&rng, 64), rng_size(&rng, 9), perms);
        cai_cap value = via;
        value.tag = rng_below(&rng, 2);
        cai_cap_increment(&via, &via, (ptrdiff_t)rng_below(&rng, 128) - 64);
        memcpy(before, memory, sizeof before);
        cai_tags_copy_out((size_t)memory, sizeof memory, tags_before);
        ca_cap_fault fault = rng_below(&rng, 2) ? cai_cap_store_cap(&via, 0, &value)
                                                : cai_cap_store(&via, 0, 1u << rng_below(&rng, 4), rng_next(&rng));
        if (fault == CA_CAP_FAULT_NONE)
            continue;
        refused++;
        assert_memory_equal(before, memory, sizeof before);
        cai_tags_copy_out((size_t)memory, sizeof memory, tags_after);
        assert_memory_equal(tags_before, tags_after, sizeof tags_before);
    }
    assert_true(refused > 1000);
}

/* Memory as a list of bytes and a list of capabilities: a granule has a tag exactly when the last thing stored to it
 * was a capability. */
static void test_K9_a_tag_says_what_was_stored_last(void **state)
{
    struct rng rng = rng_start(18);
    bool model[GRANULES] = {false};
    cai_cap via = mint((size_t)memory, BYTES, data_perms);

    (void)state;
    for (unsigned i = 0; i < FEWER(50000, 5000); i++) {
        size_t at = rng_below(&rng, BYTES);
        if (rng_below(&rng, 2) == 0) {
            cai_cap value = mint((size_t)memory, 64, data_perms);
            value.tag = rng_below(&rng, 2);
            at -= at % 16;
            assert_int_equal(cai_cap_store_cap(&via, (ptrdiff_t)at, &value), CA_CAP_FAULT_NONE);
            model[at / 16] = value.tag;
        } else {
            unsigned bytes = 1u << rng_below(&rng, 4);
            at = at / bytes * bytes;
            assert_int_equal(cai_cap_store(&via, (ptrdiff_t)at, bytes, i), CA_CAP_FAULT_NONE);
            model[at / 16] = false;
        }
        size_t look = rng_below(&rng, GRANULES);
        assert_int_equal(cai_tags_get((size_t)memory + look * 16), model[look]);
    }
    for (size_t i = 0; i < GRANULES; i++)
        assert_int_equal(cai_tags_get((size_t)memory + i * 16), model[i]);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_K1_what_was_set_is_what_is_read),
        cmocka_unit_test(test_K1_quick_arithmetic_is_exact),
        cmocka_unit_test(test_K4_quick_answers_are_exact),
        cmocka_unit_test(test_K3_quick_bounds_are_those_of_set_bounds),
        cmocka_unit_test(test_K1_K2_steps_are_checked_as_hardware_does),
        cmocka_unit_test(test_K1_known_steps),
        cmocka_unit_test(test_K1_K2_strange_words),
        cmocka_unit_test(test_K2_nothing_derived_has_more),
        cmocka_unit_test(test_K2_no_tag_no_way_back),
        cmocka_unit_test_setup(test_K4_a_refused_access_changes_nothing, start),
        cmocka_unit_test_setup(test_K9_a_tag_says_what_was_stored_last, start),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
