/* Everything in any order, compared with what should be there; from several threads where that is promised. */
#include "suite.h"

#include <pthread.h>

enum { SLOTS = 48, THREADS = 4 };

static size_t draw_size(struct suite *suite)
{
    size_t largest = suite->options.bytes / SLOTS / 2;
    size_t size = (size_t)1 << cai_suite_draw_below(suite, 14);

    size += cai_suite_draw_below(suite, size);
    return size < largest ? size : largest;
}

static void resize(struct suite *suite, struct held *held)
{
    size_t size = draw_size(suite);
    ca_layout layout = {.size = size, .align = (size_t)1 << cai_suite_draw_below(suite, 8)};
    size_t kept = size < held->layout.size ? size : held->layout.size;
    bool zeroed = cai_suite_draw_below(suite, 2) != 0;
    const char *rule = size < held->layout.size ? "A9" : "A7";
    ca_block_result made;

    if (size < held->layout.size) {
        layout.align = held->layout.align;
        made = ca_allocator_shrink(suite->allocator, held->block, held->layout, layout);
    } else {
        made = (zeroed ? ca_allocator_grow_zeroed : ca_allocator_grow)(suite->allocator, held->block, held->layout,
                                                                       layout);
    }
    if (!cai_suite_take_over(suite, held, made, layout, kept)) {
        expect(suite, cai_suite_is_intact(held, held->filled), rule, "a failed call changed the block");
        return;
    }
    expect(suite, cai_suite_is_intact(held, kept), rule, "a grow or a shrink lost bytes");
    if (zeroed && kept < size)
        expect(suite, cai_suite_is_zero((char *)held->block.ptr + kept, held->block.size - kept), "A8",
               "what grow_zeroed added is not all zero");
    cai_suite_fill(suite, held);
}

static void walk(struct suite *suite)
{
    struct held held[SLOTS];
    bool taken[SLOTS] = {false};

    for (unsigned step = 0; step < suite->options.steps; step++) {
        unsigned i = (unsigned)cai_suite_draw_below(suite, SLOTS);
        if (!taken[i]) {
            ca_layout layout = {.size = draw_size(suite), .align = (size_t)1 << cai_suite_draw_below(suite, 8)};
            taken[i] = cai_suite_take(suite, &held[i], layout, (enum intention)cai_suite_draw_below(suite, INTENTIONS));
        } else if (held[i].intention <= ROOMY && cai_suite_draw_below(suite, 2) != 0) {
            resize(suite, &held[i]);
        } else {
            cai_suite_give(suite, &held[i]);
            taken[i] = false;
        }
    }
    for (unsigned i = SLOTS; i-- > 0;)
        if (taken[i])
            cai_suite_give(suite, &held[i]);
}

static void *walk_in_thread(void *suite)
{
    walk(suite);
    return NULL;
}

/* Each thread has a suite of its own, whose findings are added up at the end. */
static void walk_together(struct suite *suite)
{
    struct suite part[THREADS];
    pthread_t thread[THREADS];
    bool started[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        part[i] = *suite;
        part[i].findings = 0;
        part[i].random = suite->options.seed + i + 1;
        part[i].options.bytes /= THREADS;
        part[i].next_content = (uint64_t)(i + 1) << 32;
        started[i] = pthread_create(&thread[i], NULL, walk_in_thread, &part[i]) == 0;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        if (!started[i])
            continue;
        pthread_join(thread[i], NULL);
        for (unsigned j = 0; j < part[i].findings; j++)
            cai_suite_finding(suite, part[i].finding[j].rule, part[i].finding[j].sentence);
    }
}

void cai_suite_rules_at_random(struct suite *suite)
{
    cai_suite_settle(suite, walk);
    if ((ca_allocator_promises(suite->allocator) & CA_PROMISE_THREAD_SAFE) != 0)
        cai_suite_settle(suite, walk_together);
}
