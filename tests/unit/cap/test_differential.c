/* src/cap/ against the slow reference, on random cases: the field set by CSetBounds, the bounds of arbitrary bit
 * patterns, CRRL, CRAM, CSetAddr. A case is all five. Sanitizers and qemu-user, slower, take fewer cases; the line
 * printed says how many. CAPALLOC_TEST_SEED changes the seed.
 */
#include "unit/cap/reference.h"
#include "unit/unit.h"

#include "cap/concentrate.h"
#include "cap/morello.h"
#include "support/rng.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
enum { CASES = 300 * 1000 };
#else
enum { CASES = 10 * 1000 * 1000 };
#endif

enum { V9_FIELD_BITS = 27, MORELLO_FIELD_BITS = 31 };

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

static void compare(const struct ref_format *f, unsigned field_bits, struct drawn d)
{
    const bool v9 = f == &ref_v9;
    const uint64_t rest = ~UINT64_C(0) << field_bits;
    bool exact;
    uint64_t high = v9 ? cai_concentrate_set_bounds(d.word, d.address, d.length, &exact)
                       : cai_morello_set_bounds(d.word, d.address, d.length, &exact);
    struct cai_bounds bounds = v9 ? cai_concentrate_decode(high, d.address) : cai_morello_decode(high, d.address);
    struct ref_result expected = ref_set_bounds(f, d.word, d.address, d.length);

    if (high != ((d.word & rest) | expected.field) || exact != expected.exact || bounds.base != expected.base ||
        bounds.top != expected.top)
        different("setbounds", d);

    bounds = v9 ? cai_concentrate_decode(d.word, d.address) : cai_morello_decode(d.word, d.address);
    expected = ref_decode(f, d.word, d.address);
    if (bounds.base != expected.base || bounds.top != expected.top)
        different("decode", d);

    if ((v9 ? cai_concentrate_representable(d.word, d.address, d.other)
            : cai_morello_representable(d.word, d.address, d.other)) != ref_set_address(f, d.word, d.address, d.other))
        different("setaddr of arbitrary bits", d);
    if ((v9 ? cai_concentrate_representable(high, d.address, d.other)
            : cai_morello_representable(high, d.address, d.other)) != ref_set_address(f, high, d.address, d.other))
        different("setaddr", d);

    if (v9 && cai_concentrate_may_move(d.word, d.address, d.other - d.address) !=
                  ref_increment(f, d.word, d.address, d.other - d.address))
        different("increment of arbitrary bits", d);
    if (v9 && cai_concentrate_may_move(high, d.address, d.other - d.address) !=
                  ref_increment(f, high, d.address, d.other - d.address))
        different("increment", d);
    if (v9 && bounds.base <= bounds.top && bounds.top <= (ref_wide)1 << 64 &&
        cai_concentrate_well_formed(d.word) != ref_canonical(f, d.word, d.address))
        different("well-formed", d);

    if ((v9 ? cai_concentrate_cram((uint64_t)d.length) : cai_morello_cram((uint64_t)d.length)) !=
        ref_cram(f, (uint64_t)d.length))
        different("cram", d);
    if ((v9 ? cai_concentrate_crrl((uint64_t)d.length) : cai_morello_crrl((uint64_t)d.length)) !=
        ref_crrl(f, (uint64_t)d.length))
        different("crrl", d);
}

static void test_version_9(void **state)
{
    struct rng rng = rng_start(0x951);

    (void)state;
    printf("%d cases, seed %#llx\n", CASES, (unsigned long long)rng.state);
    for (int i = 0; i < CASES; i++)
        compare(&ref_v9, V9_FIELD_BITS, draw(&rng));
}

static void test_morello(void **state)
{
    struct rng rng = rng_start(0x606);

    (void)state;
    printf("%d cases, seed %#llx\n", CASES / 10, (unsigned long long)rng.state);
    for (int i = 0; i < CASES / 10; i++)
        compare(&ref_morello, MORELLO_FIELD_BITS, draw(&rng));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_version_9), cmocka_unit_test(test_morello)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
