/* Running the suite: findings, the blocks it takes, and its order. See suite.h. */
#include "suite.h"

#include <capalloc/violation.h>

#include <stdio.h>
#include <string.h>

/* Violations while the suite does nothing wrong are the allocator's fault. */
static unsigned violations; /* atomic */

static bool count_violation(const ca_violation *violation)
{
    (void)violation;
    __atomic_fetch_add(&violations, 1, __ATOMIC_RELAXED);
    return true;
}

void cai_suite_finding(struct suite *suite, const char *rule, const char *sentence)
{
    for (unsigned i = 0; i < suite->findings; i++)
        if (strcmp(suite->finding[i].rule, rule) == 0 && strcmp(suite->finding[i].sentence, sentence) == 0)
            return;
    if (suite->findings == FINDINGS_MAX)
        return;
    suite->finding[suite->findings].rule = rule;
    suite->finding[suite->findings++].sentence = sentence;
}

/* splitmix64 */
static uint64_t draw(struct suite *suite)
{
    uint64_t z = suite->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t cai_suite_draw_below(struct suite *suite, uint64_t n)
{
    return draw(suite) % n;
}

static unsigned char content_at(uint64_t content, size_t i)
{
    return (unsigned char)((content + i / 8 * 0x9e3779b97f4a7c15u) >> (i % 8 * 8));
}

void cai_suite_fill(struct suite *suite, struct held *held)
{
    held->content = ++suite->next_content * 0xd1342543de82ef95u;
    for (size_t i = 0; i < held->block.size; i++)
        ((unsigned char *)held->block.ptr)[i] = content_at(held->content, i);
    held->filled = held->block.size;
}

bool cai_suite_is_intact(const struct held *held, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const unsigned char *)held->block.ptr)[i] != content_at(held->content, i))
            return false;
    return true;
}

bool cai_suite_is_zero(const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const unsigned char *)from)[i] != 0)
            return false;
    return true;
}

bool cai_suite_is_error(ca_error error)
{
    return error == CA_ERROR_OUT_OF_MEMORY || error == CA_ERROR_LAYOUT || error == CA_ERROR_QUOTA ||
           error == CA_ERROR_NOT_PERMITTED || error == CA_ERROR_STALE || error == CA_ERROR_INVALID;
}

/* What always holds of a result. True: there is a block of which all bytes may be used. */
static bool is_usable(struct suite *suite, ca_block_result result, ca_layout layout)
{
    if (result.ptr == NULL) {
        expect(suite, cai_suite_is_error((ca_error)result.size_or_error), "A3", "a failed call does not say why");
        return false;
    }
    expect(suite, ((uintptr_t)result.ptr & (layout.align - 1)) == 0, "A2", "a block is not aligned as asked for");
    expect(suite, result.size_or_error >= layout.size, "A2", "a block is shorter than asked for");
    return result.size_or_error >= layout.size && result.size_or_error <= PTRDIFF_MAX &&
           ((uintptr_t)result.ptr & (layout.align - 1)) == 0;
}

static ca_block_result call_allocate(ca_allocator allocator, ca_layout layout, enum intention intention)
{
    if (intention == NOCAPS) {
        ca_nocaps_result made = ca_allocator_allocate_nocaps(allocator, layout);
        return (ca_block_result){.ptr = made.ptr, .size_or_error = made.size_or_error};
    }
    if (intention == MUSTZERO) {
        ca_mustzero_result made = ca_allocator_allocate_mustzero(allocator, layout);
        return (ca_block_result){.ptr = made.ptr, .size_or_error = made.size_or_error};
    }
    if (intention == CONFIDENTIAL) {
        ca_secret_result made = ca_allocator_allocate_secret(allocator, layout);
        return (ca_block_result){.ptr = made.ptr, .size_or_error = made.size_or_error};
    }
    if (intention == ROOMY)
        return ca_allocator_allocate_at_least(allocator, layout);
    return intention == ZEROED ? ca_allocator_allocate_zeroed(allocator, layout)
                               : ca_allocator_allocate(allocator, layout);
}

bool cai_suite_take(struct suite *suite, struct held *held, ca_layout layout, enum intention intention)
{
    ca_block_result result = call_allocate(suite->allocator, layout, intention);

    if (!is_usable(suite, result, layout))
        return false;
    *held = (struct held){
        .block = {.ptr = result.ptr, .size = result.size_or_error}, .layout = layout, .intention = intention};
    if (intention == ZEROED)
        expect(suite, cai_suite_is_zero(result.ptr, result.size_or_error), "A6", "a zeroed block is not all zero");
    if (intention == MUSTZERO || intention == CONFIDENTIAL)
        expect(suite, cai_suite_is_zero(result.ptr, result.size_or_error), "A11",
               "must-zero memory is not zero on arrival");
    cai_suite_fill(suite, held);
    return true;
}

bool cai_suite_take_surely(struct suite *suite, struct held *held, ca_layout layout, enum intention intention)
{
    bool taken = cai_suite_take(suite, held, layout, intention);

    expect(suite, taken, "A3", "a small request was refused though nearly nothing is out");
    return taken;
}

bool cai_suite_take_over(struct suite *suite, struct held *held, ca_block_result result, ca_layout layout, size_t kept)
{
    if (!is_usable(suite, result, layout)) {
        /* What came is no block, and the one before is dead: go on with none. */
        if (result.ptr != NULL)
            *held = (struct held){.layout = {.size = 0, .align = 1}};
        return false;
    }
    held->block = (ca_block){.ptr = result.ptr, .size = result.size_or_error};
    held->layout = layout;
    held->filled = kept;
    return true;
}

void cai_suite_give_as(struct suite *suite, struct held *held, size_t size)
{
    ca_layout layout = {.size = size, .align = held->layout.align};

    if (held->intention == NOCAPS)
        ca_allocator_deallocate_nocaps(suite->allocator, (ca_nocaps){.ptr = held->block.ptr, .size = held->block.size},
                                       layout);
    else if (held->intention == MUSTZERO)
        ca_allocator_deallocate_zeroed(suite->allocator,
                                       (ca_mustzero){.ptr = held->block.ptr, .size = held->block.size}, layout);
    else if (held->intention == CONFIDENTIAL)
        ca_allocator_deallocate_secret(suite->allocator, (ca_secret){.ptr = held->block.ptr, .size = held->block.size},
                                       layout);
    else
        ca_allocator_deallocate(suite->allocator, held->block, layout);
    held->block.ptr = NULL;
}

void cai_suite_give(struct suite *suite, struct held *held)
{
    expect(suite, cai_suite_is_intact(held, held->filled), "A4", "the bytes of a block changed while it was out");
    cai_suite_give_as(suite, held, held->layout.size);
}

void cai_suite_settle(struct suite *suite, void (*rule)(struct suite *suite))
{
    size_t before = suite->options.live != NULL ? suite->options.live(suite->options.context) : 0;
    unsigned reported = __atomic_load_n(&violations, __ATOMIC_RELAXED);

    rule(suite);
    expect(suite, reported == __atomic_load_n(&violations, __ATOMIC_RELAXED), "A5",
           "a block that fits its layout was reported as a violation");
    if (suite->options.live != NULL)
        expect(suite, suite->options.live(suite->options.context) == before, "A4",
               "something stays out after everything was given back");
    if (suite->options.reset != NULL)
        suite->options.reset(suite->options.context);
}

/* An allocator that promises to validate reports what it is told wrongly, and goes on as if it had not been. */
static void misuse(struct suite *suite)
{
    struct held held;
    unsigned before = __atomic_load_n(&violations, __ATOMIC_RELAXED);

    if ((ca_allocator_promises(suite->allocator) & CA_PROMISE_VALIDATES) == 0 ||
        !cai_suite_take_surely(suite, &held, (ca_layout){.size = 64, .align = 16}, PLAIN))
        return;
    struct held inside = held;
    inside.block.ptr = (char *)inside.block.ptr + 16;
    inside.block.size = inside.layout.size = 16;
    cai_suite_give_as(suite, &inside, 16);
    expect(suite, violations == before + 1, "A11", "the inside of a block was taken back without a report");
    expect(suite, cai_suite_is_intact(&held, held.filled), "A11", "a refused call changed a block");
    struct held twice = held;
    cai_suite_give(suite, &held);
    cai_suite_give_as(suite, &twice, twice.layout.size);
    expect(suite, violations == before + 2, "A11", "a block was taken back twice without a report");
}

static void say(void *context, const char *rule, const char *sentence)
{
    (void)context;
    fprintf(stderr, "capalloc conformance: %s: %s\n", rule, sentence);
}

unsigned ca_conformance_check(ca_allocator allocator, const ca_conformance_options *options)
{
    struct suite suite = {.allocator = allocator, .options = {.struct_size = sizeof suite.options}};

    if (options != NULL)
        memcpy(&suite.options, options,
               options->struct_size < sizeof suite.options ? options->struct_size : sizeof suite.options);
    if (suite.options.bytes == 0)
        suite.options.bytes = (size_t)4 << 20;
    if (suite.options.steps == 0)
        suite.options.steps = 4000;
    if (suite.options.report == NULL)
        suite.options.report = say;
    suite.random = suite.options.seed;

    ca_violation_handler handler = ca_set_violation_handler(count_violation);
    cai_suite_rules_of_allocation(&suite);
    cai_suite_rules_of_resizing(&suite);
    cai_suite_rules_of_intentions(&suite);
    cai_suite_rules_at_random(&suite);
    misuse(&suite);
    ca_set_violation_handler(handler);
    for (unsigned i = 0; i < suite.findings; i++)
        suite.options.report(suite.options.context, suite.finding[i].rule, suite.finding[i].sentence);
    return suite.findings;
}
