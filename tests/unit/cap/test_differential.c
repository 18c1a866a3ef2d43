/* src/cap/ and Morello's bounds against the slow reference, on random cases: the field set by CSetBounds, the bounds of
 * arbitrary bit patterns, CRRL, CRAM, CSetAddr, and on version 9 CIncOffset and CBuildCap. A case is all. There are ten
 * million, of which each of three builds has a third of its own: gcc with and without assertions, and clang. Sanitizers
 * and qemu-user, slower, take fewer; the line printed says how many. CAPALLOC_TEST_SEED changes the seed.
 */
#include "unit/cap/reference.h"
#include "unit/unit.h"

#include "../../../tools/capcheck.d/formats.h"
#include "support/build.h"
#include "support/rng.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
enum { CASES = 300 * 1000 };
#else
enum { CASES = 10 * 1000 * 1000 / 3 + 1 };
#endif

static const uint64_t build_seed = (uint64_t)(BUILD_DEBUG + 2 * BUILD_CLANG) << 32;

/* One argument of any magnitude, often beside a power of two, where carries and exponents change. */
static uint64_t any(struct rng *rng)
{
    uint64_t bits = rng_next(rng);
    uint64_t n = rng_next(rng) >> (bits & 63);

    switch (bits >> 6 & 7) {
    case 0:
        return (UINT64_C(1) << (bits >> 9 & 63)) + (bits >> 15 & 15) - 8;
    case 1:
        return (UINT64_C(1) << (bits >> 9 & 63)) - (UINT64_C(1) << (bits >> 15 & 63)) + (bits >> 21 & 3) - 1;
    case 2:
        return ~n;
    case 3:
        return n & (~UINT64_C(0) << (bits >> 9 & 63));
    default:
        return n;
    }
}

struct drawn {
    uint64_t word;
    uint64_t address;
    uint64_t other;
    ref_wide length;
};

static struct drawn draw(struct rng *rng)
{
    struct drawn d = {.word = rng_next(rng), .address = any(rng), .other = any(rng), .length = any(rng)};
    uint64_t choice = rng_next(rng);

    if (choice % 8 == 0) /* a common end of the address space */
        d.length = ((ref_wide)1 << 64) - d.address;
    if (choice % 1024 == 1)
        d.length = (ref_wide)1 << 64;
    if (choice % 3 == 0) /* near: most pairs of independent addresses are far outside the bounds */
        d.other = d.address + (rng_next(rng) >> (choice >> 10 & 63)) - (rng_next(rng) >> (choice >> 16 & 63));
    return d;
}

#define different(operation, d)                                                                                        \
    fail_msg("%s differs: word %#llx address %#llx other %#llx length %#llx%016llx", operation,                        \
             (unsigned long long)(d).word, (unsigned long long)(d).address, (unsigned long long)(d).other,             \
             (unsigned long long)((d).length >> 64), (unsigned long long)(d).length)

/* In line, where the functions of the format are known. */
CAI_INLINE void compare(const struct format *f, const struct ref_format *ref, struct drawn d)
{
    const uint64_t field_bits = (UINT64_C(1) << (2 * ref->mantissa_width - 1)) - 1;
    const uint64_t length = (uint64_t)d.length;
    bool exact;
    uint64_t high = f->set_bounds(d.word, d.address, d.length, &exact);
    struct cai_bounds bounds = f->decode(high, d.address);
    struct ref_result expected = ref_set_bounds(ref, d.word, d.address, d.length);

    if (high != ((d.word & ~field_bits) | expected.field) || exact != expected.exact || bounds.base != expected.base ||
        bounds.top != expected.top)
        different("setbounds", d);
    bounds = f->decode(d.word, d.address);
    expected = ref_decode(ref, d.word, d.address);
    if (bounds.base != expected.base || bounds.top != expected.top)
        different("decode", d);
    if (f->representable(d.word, d.address, d.other) != ref_set_address(ref, d.word, d.address, d.other))
        different("setaddr of arbitrary bits", d);
    if (f->representable(high, d.address, d.other) != ref_set_address(ref, high, d.address, d.other))
        different("setaddr", d);
    if (f->cram(length) != ref_cram(ref, length))
        different("cram", d);
    if (f->crrl(length) != ref_crrl(ref, length))
        different("crrl", d);
}

/* What instructions of version 9 ask besides. */
static void compare_version_9(struct drawn d)
{
    const uint64_t by = d.other - d.address;
    struct cai_bounds bounds = cai_concentrate_decode(d.word, d.address);
    bool exact;
    uint64_t high = cai_concentrate_set_bounds(d.word, d.address, d.length, &exact);

    if (cai_concentrate_may_move(d.word, d.address, by) != ref_increment(&ref_v9, d.word, d.address, by))
        different("increment of arbitrary bits", d);
    if (cai_concentrate_may_move(high, d.address, by) != ref_increment(&ref_v9, high, d.address, by))
        different("increment", d);
    if (bounds.base <= bounds.top && bounds.top <= (ref_wide)1 << 64 &&
        cai_concentrate_well_formed(d.word) != ref_canonical(&ref_v9, d.word, d.address))
        different("well-formed", d);
}

static void test_version_9(void **state)
{
    struct rng rng = rng_start(0x951 ^ build_seed);

    (void)state;
    printf("%d cases, seed %#llx\n", CASES, (unsigned long long)rng.state);
    for (int i = 0; i < CASES; i++) {
        struct drawn d = draw(&rng);
        compare(&version_9, &ref_v9, d);
        compare_version_9(d);
    }
}

static void test_morello(void **state)
{
    struct rng rng = rng_start(0x606 ^ build_seed);

    (void)state;
    printf("%d cases, seed %#llx\n", CASES / 10, (unsigned long long)rng.state);
    for (int i = 0; i < CASES / 10; i++)
        compare(&morello, &ref_morello, draw(&rng));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_version_9), cmocka_unit_test(test_morello)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
