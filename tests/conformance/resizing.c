/* Rules of growing and shrinking: A7 to A9, and that a failure changes nothing. */
#include "suite.h"

static const size_t steps[] = {0, 1, 3, 16, 17, 48, 100, 256, 1000, 4096, 8000};
enum { STEPS = sizeof steps / sizeof *steps };

static ca_layout layout_of(size_t size, size_t align)
{
    return (ca_layout){.size = size, .align = align};
}

static ca_block_result call_grow(struct suite *suite, const struct held *held, ca_layout layout, bool zeroed)
{
    return (zeroed ? ca_allocator_grow_zeroed : ca_allocator_grow)(suite->allocator, held->block, held->layout, layout);
}

/* A block behind it now and then, so that it cannot always stay. */
static void grow_once(struct suite *suite, ca_layout from, ca_layout to, bool zeroed, bool blocked)
{
    struct held held, behind;

    if (!cai_suite_take_surely(suite, &held, from, PLAIN))
        return;
    blocked = blocked && cai_suite_take_surely(suite, &behind, layout_of(16, 1), PLAIN);
    ca_block_result grown = call_grow(suite, &held, to, zeroed);
    expect(suite, ca_is_ok(grown), "A7", "a small grow was refused though nearly nothing is out");
    if (cai_suite_take_over(suite, &held, grown, to, from.size)) {
        expect(suite, cai_suite_is_intact(&held, from.size), "A7", "a grow lost bytes");
        if (zeroed)
            expect(suite, cai_suite_is_zero((char *)held.block.ptr + from.size, held.block.size - from.size), "A8",
                   "what grow_zeroed added is not all zero");
        cai_suite_fill(suite, &held);
    }
    if (blocked)
        expect(suite, cai_suite_is_intact(&behind, behind.filled), "A4", "a grow changed another block");
    if (held.block.ptr != NULL)
        cai_suite_give(suite, &held);
    if (blocked)
        cai_suite_give(suite, &behind);
}

static void grow(struct suite *suite)
{
    for (unsigned from = 0; from < STEPS; from++)
        for (unsigned to = from; to < STEPS; to++)
            for (unsigned how = 0; how < 4; how++)
                grow_once(suite, layout_of(steps[from], 8), layout_of(steps[to], 8), (how & 1) != 0, (how & 2) != 0);
}

static void grow_to_other_alignments(struct suite *suite)
{
    for (size_t from = 1; from <= 512; from *= 8)
        for (size_t to = 1; to <= 512; to *= 8)
            for (unsigned how = 0; how < 4; how++)
                grow_once(suite, layout_of(40, from), layout_of(40 + how * 30, to), (how & 1) != 0, (how & 2) != 0);
}

static void shrink(struct suite *suite)
{
    for (unsigned from = 0; from < STEPS; from++)
        for (unsigned to = 0; to <= from; to++) {
            struct held held;
            ca_layout layout = layout_of(steps[to], 4);
            if (!cai_suite_take_surely(suite, &held, layout_of(steps[from], 8), PLAIN))
                continue;
            ca_block_result shrunk = ca_allocator_shrink(suite->allocator, held.block, held.layout, layout);
            expect(suite, ca_is_ok(shrunk), "A9", "a shrink was refused");
            if (cai_suite_take_over(suite, &held, shrunk, layout, layout.size)) {
                expect(suite, cai_suite_is_intact(&held, layout.size), "A9", "a shrink lost bytes");
                expect(suite, layout.size != 0 || held.block.size == 0, "A9", "a shrink to 0 left a length");
                cai_suite_fill(suite, &held);
            }
            cai_suite_give(suite, &held);
        }
}

#define CALL(type, suffix)                                                                                             \
    {                                                                                                                  \
        type##_result made = (grows ? ca_allocator_grow_##suffix : ca_allocator_shrink_##suffix)(                      \
            suite->allocator, (type){.ptr = held->block.ptr, .size = held->block.size}, held->layout, layout);         \
        return (ca_block_result){.ptr = made.ptr, .size_or_error = made.size_or_error};                                \
    }

/* By the block's intention. */
static ca_block_result call_resize(struct suite *suite, const struct held *held, ca_layout layout, bool grows)
{
    if (held->intention == NOCAPS)
        CALL(ca_nocaps, nocaps)
    if (held->intention == MUSTZERO)
        CALL(ca_mustzero, mustzero)
    if (held->intention == CONFIDENTIAL)
        CALL(ca_secret, secret)
    return (grows ? ca_allocator_grow : ca_allocator_shrink)(suite->allocator, held->block, held->layout, layout);
}

static void resize_with_intention(struct suite *suite, struct held *held, ca_layout layout)
{
    size_t kept = held->layout.size < layout.size ? held->layout.size : layout.size;
    bool grows = layout.size > held->layout.size;
    bool clears = held->intention == MUSTZERO || held->intention == CONFIDENTIAL;
    ca_block_result resized = call_resize(suite, held, layout, grows);

    expect(suite, ca_is_ok(resized), grows ? "A7" : "A9", "a block with an intention was not resized");
    if (!cai_suite_take_over(suite, held, resized, layout, kept))
        return;
    expect(suite, cai_suite_is_intact(held, kept), grows ? "A7" : "A9", "a block with an intention lost bytes");
    if (grows && clears)
        expect(suite, cai_suite_is_zero((char *)held->block.ptr + kept, layout.size - kept), "A11",
               "what must-zero memory gained is not zero");
    cai_suite_fill(suite, held);
}

static void intentions(struct suite *suite)
{
    for (enum intention intention = ROOMY; intention < INTENTIONS; intention++)
        for (unsigned from = 0; from < STEPS; from++)
            for (unsigned to = 0; to < STEPS; to++) {
                struct held held;
                if (!cai_suite_take_surely(suite, &held, layout_of(steps[from], 8), intention))
                    continue;
                resize_with_intention(suite, &held, layout_of(steps[to], 8));
                if (held.block.ptr != NULL)
                    cai_suite_give(suite, &held);
            }
}

/* It moves, or is refused; small alignments must not be. */
static void shrink_to_a_larger_alignment(struct suite *suite)
{
    enum { EASY = 512, TIMES = 8 };

    for (unsigned i = 0; i < TIMES * INTENTIONS; i++) {
        struct held held;
        if (i % INTENTIONS == ZEROED ||
            !cai_suite_take_surely(suite, &held, layout_of(100, 8), (enum intention)(i % INTENTIONS)))
            continue;
        size_t lacking = ((uintptr_t)held.block.ptr & -(uintptr_t)held.block.ptr) * 2;
        ca_block_result shrunk = call_resize(suite, &held, layout_of(50, lacking), false);
        expect(suite, ca_is_ok(shrunk) || lacking > EASY, "A11", "a shrink to a small alignment was refused");
        if (ca_is_ok(shrunk) && cai_suite_take_over(suite, &held, shrunk, layout_of(50, lacking), 50)) {
            expect(suite, cai_suite_is_intact(&held, 50), "A9", "a shrink that moved lost bytes");
            cai_suite_fill(suite, &held);
        }
        if (held.block.ptr != NULL)
            cai_suite_give(suite, &held);
    }
}

static size_t live(const struct suite *suite)
{
    return suite->options.live != NULL ? suite->options.live(suite->options.context) : 0;
}

/* Whatever it was that failed: the block is out, its bytes are there, nothing else is out. False: it did not fail,
 * and the block is gone. */
static bool is_untouched(struct suite *suite, struct held *held, ca_block_result result, const char *rule,
                         size_t before)
{
    expect(suite, cai_suite_is_error(ca_error_of(result)), rule,
           "a call that must fail succeeded, or does not say why it failed");
    if (ca_is_ok(result))
        return false;
    expect(suite, cai_suite_is_intact(held, held->filled), rule, "a failed call changed the block");
    expect(suite, live(suite) == before, rule, "a failed call gave the block back, or kept something");
    return true;
}

static void failing_grow(struct suite *suite, bool zeroed)
{
    static const ca_layout impossible[] = {{PTRDIFF_MAX - 4095, 8}, {PTRDIFF_MAX - 4095, 4096}, {99, 8}, {200, 12}};
    struct held held, next;

    if (!cai_suite_take_surely(suite, &held, layout_of(100, 8), PLAIN))
        return;
    size_t before = live(suite);
    for (unsigned i = 0; i < sizeof impossible / sizeof *impossible; i++)
        if (!is_untouched(suite, &held, call_grow(suite, &held, impossible[i], zeroed), "A7", before))
            return;
    /* What comes next must not be the memory of the block. */
    if (cai_suite_take_surely(suite, &next, layout_of(100, 8), PLAIN)) {
        expect(suite, cai_suite_is_intact(&held, held.filled), "A7", "a failed grow gave the block back");
        cai_suite_give(suite, &next);
    }
    cai_suite_give(suite, &held);
}

static void failing_shrink(struct suite *suite)
{
    struct held held;

    if (!cai_suite_take_surely(suite, &held, layout_of(100, 8), PLAIN))
        return;
    if (is_untouched(suite, &held, ca_allocator_shrink(suite->allocator, held.block, held.layout, layout_of(101, 8)),
                     "A9", live(suite)))
        cai_suite_give(suite, &held);
}

static void failures(struct suite *suite)
{
    failing_grow(suite, false);
    if (suite->findings == 0) /* else it may clear what is not its own */
        failing_grow(suite, true);
    failing_shrink(suite);
}

void cai_suite_rules_of_resizing(struct suite *suite)
{
    cai_suite_settle(suite, grow);
    cai_suite_settle(suite, grow_to_other_alignments);
    cai_suite_settle(suite, shrink);
    cai_suite_settle(suite, shrink_to_a_larger_alignment);
    cai_suite_settle(suite, intentions);
    cai_suite_settle(suite, failures);
}
