/* Rules of allocating and giving back: A1 to A6, A10. */
#include "suite.h"

static ca_layout layout_of(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static void size_zero(struct suite *suite)
{
    for (size_t align = 1; align <= 4096; align *= 2)
        for (unsigned intention = 0; intention < INTENTIONS; intention++) {
            struct held held;
            if (!cai_suite_take(suite, &held, layout_of(0, align), (enum intention)intention)) {
                cai_suite_finding(suite, "A1", "size 0 was refused");
                continue;
            }
            expect(suite, held.block.size == 0, "A1", "size 0 gave a length");
            cai_suite_give(suite, &held);
        }
}

static void refused_layouts(struct suite *suite)
{
    static const size_t sizes[] = {0, 1, 64};
    static const size_t aligns[] = {0, 3, 24, 48, SIZE_MAX};

    for (unsigned size = 0; size < 3; size++)
        for (unsigned align = 0; align < 5; align++)
            expect(suite,
                   ca_error_of(ca_allocator_allocate(suite->allocator, layout_of(sizes[size], aligns[align]))) ==
                       CA_ERROR_LAYOUT,
                   "A3", "an alignment that is no power of two was not refused");
    expect(suite,
           ca_error_of(ca_allocator_allocate(suite->allocator, layout_of((size_t)PTRDIFF_MAX + 1, 1))) ==
               CA_ERROR_LAYOUT,
           "A3", "a size above PTRDIFF_MAX was not refused");
    expect(suite,
           ca_error_of(ca_allocator_allocate(suite->allocator, layout_of(PTRDIFF_MAX - 6, 16))) == CA_ERROR_LAYOUT,
           "A3", "a size that is above PTRDIFF_MAX once padded was not refused");
}

static void sizes_and_alignments(struct suite *suite)
{
    static const size_t sizes[] = {1, 2, 7, 8, 16, 17, 24, 100, 128, 500, 1024, 4000, 4096, 5000, 8192};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t align = 1; align <= 1024; align *= 2)
            for (unsigned intention = 0; intention < INTENTIONS; intention++) {
                struct held held;
                if (cai_suite_take_surely(suite, &held, layout_of(sizes[i], align), (enum intention)intention))
                    cai_suite_give(suite, &held);
            }
}

static void large_alignments(struct suite *suite)
{
    for (size_t align = 2048; align <= (size_t)1 << 24; align *= 2) {
        struct held held;
        if (cai_suite_take(suite, &held, layout_of(48, align), PLAIN))
            cai_suite_give(suite, &held);
    }
}

/* All at once, given back in an order that is neither first nor last. */
static void blocks_are_apart(struct suite *suite)
{
    enum { COUNT = 64 };
    struct held held[COUNT];
    bool taken[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        taken[i] = cai_suite_take_surely(suite, &held[i], layout_of(1 + i * 7 % 200, (size_t)1 << i % 6),
                                         (enum intention)(i % INTENTIONS));
    for (unsigned i = 0; i < COUNT; i++)
        if (taken[i])
            expect(suite, cai_suite_is_intact(&held[i], held[i].filled), "A4", "two blocks that are out share memory");
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned at = i * 37 % COUNT;
        if (taken[at])
            cai_suite_give(suite, &held[at]);
    }
}

/* The same block is asked for often, and given back each time with another size that fits. */
static void every_fitting_size(struct suite *suite)
{
    static const size_t sizes[] = {1, 9, 33, 100, 1000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned intention = 0; intention < INTENTIONS; intention++) {
            struct held held;
            size_t spare = 0;
            for (size_t extra = 0; extra <= spare; extra++) {
                if (!cai_suite_take_surely(suite, &held, layout_of(sizes[i], 8), (enum intention)intention))
                    break;
                spare = held.block.size - sizes[i] < 64 ? held.block.size - sizes[i] : 64;
                cai_suite_give_as(suite, &held, sizes[i] + (extra <= spare ? extra : spare));
            }
        }
}

/* Dirt first, so that zero is not luck. */
static void zeroed(struct suite *suite)
{
    static const size_t sizes[] = {1, 16, 40, 200, 3000, 8192};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned again = 0; again < 4; again++) {
            struct held held;
            if (cai_suite_take_surely(suite, &held, layout_of(sizes[i], 16), PLAIN))
                cai_suite_give(suite, &held);
            if (cai_suite_take_surely(suite, &held, layout_of(sizes[i], 16), ZEROED))
                cai_suite_give(suite, &held);
        }
}

static void more_than_there_is(struct suite *suite)
{
    static const size_t short_of[] = {0, 15, 4095, 1 << 20};

    for (unsigned i = 0; i < sizeof short_of / sizeof *short_of; i++)
        for (unsigned zero = 0; zero < 2; zero++) {
            ca_layout layout = layout_of(PTRDIFF_MAX - short_of[i], 1);
            ca_block_result made = zero ? ca_allocator_allocate_zeroed(suite->allocator, layout)
                                        : ca_allocator_allocate(suite->allocator, layout);
            expect(suite, !ca_is_ok(made), "A3", "handed out half of the address space");
            if (ca_is_ok(made))
                return; /* before somebody clears all of it */
            expect(suite, cai_suite_is_error(ca_error_of(made)), "A3", "a failed call does not say why");
        }
}

static void copies(struct suite *suite)
{
    ca_allocator original = suite->allocator;
    ca_allocator reference;
    struct held held;
    bool taken;

    {
        ca_allocator copy = original;
        suite->allocator = ca_by_ref(&copy);
        taken = cai_suite_take_surely(suite, &held, layout_of(77, 8), PLAIN);
    }
    suite->allocator = original;
    if (taken) {
        expect(suite, cai_suite_is_intact(&held, held.filled), "A10",
               "a block did not outlive the copy of its trait object");
        cai_suite_give(suite, &held);
    }
    if (!cai_suite_take_surely(suite, &held, layout_of(77, 8), PLAIN))
        return;
    reference = original;
    suite->allocator = ca_by_ref(&reference);
    cai_suite_give(suite, &held);
    suite->allocator = original;
}

void cai_suite_rules_of_allocation(struct suite *suite)
{
    cai_suite_settle(suite, size_zero);
    cai_suite_settle(suite, refused_layouts);
    cai_suite_settle(suite, sizes_and_alignments);
    cai_suite_settle(suite, large_alignments);
    cai_suite_settle(suite, blocks_are_apart);
    cai_suite_settle(suite, every_fitting_size);
    cai_suite_settle(suite, zeroed);
    cai_suite_settle(suite, more_than_there_is);
    cai_suite_settle(suite, copies);
}
