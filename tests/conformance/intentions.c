/* Rules of memory without pointers and of must-zero memory: A11. What take and give always check is checked there. */
#include "suite.h"

#include <string.h>

enum { SECRET = 0xa7 };

static bool has_secret(const unsigned char *bytes, size_t length)
{
    size_t run = 0;

    for (size_t i = 0; i < length; i++) {
        run = bytes[i] == SECRET ? run + 1 : 0;
        if (run == 16)
            return true;
    }
    return false;
}

/* What was in must-zero memory turns up nowhere: not in the next must-zero block, and not in ordinary ones. */
static void secrets_are_gone(struct suite *suite)
{
    static const size_t sizes[] = {32, 48, 200, 1000, 5000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ca_layout layout = {.size = sizes[i], .align = 16};
        struct held held;
        if (!cai_suite_take_surely(suite, &held, layout, MUSTZERO))
            continue;
        memset(held.block.ptr, SECRET, held.block.size);
        cai_suite_give_as(suite, &held, layout.size);
        for (unsigned again = 0; again < 3 && suite->options.no_peek == 0; again++) {
            ca_block_result made = ca_allocator_allocate(suite->allocator, layout);
            if (!ca_is_ok(made))
                break;
            ca_block block = ca_unwrap(made);
            expect(suite, block.size < layout.size || !has_secret(block.ptr, block.size), "A11",
                   "must-zero memory was handed out again before it was cleared");
            ca_allocator_deallocate(suite->allocator, block, layout);
        }
        if (cai_suite_take_surely(suite, &held, layout, MUSTZERO))
            cai_suite_give(suite, &held);
    }
}

/* Grown must-zero memory comes through the trait as blocks only; here the intentions alternate at one size. */
static void intentions_alternate(struct suite *suite)
{
    struct held held[2 * INTENTIONS];

    for (unsigned round = 0; round < 8; round++) {
        bool taken[2 * INTENTIONS];
        for (unsigned i = 0; i < 2 * INTENTIONS; i++)
            taken[i] = cai_suite_take_surely(suite, &held[i], (ca_layout){.size = 64, .align = 16},
                                             (enum intention)(i % INTENTIONS));
        for (unsigned i = 0; i < 2 * INTENTIONS; i++)
            if (taken[i])
                cai_suite_give(suite, &held[i]);
    }
}

void cai_suite_rules_of_intentions(struct suite *suite)
{
    cai_suite_settle(suite, secrets_are_gone);
    cai_suite_settle(suite, intentions_alternate);
}
