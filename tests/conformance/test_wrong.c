/* The suite can fail: allocators with one mistake each, and the rule that must be named. */
#include "unit/unit.h"

#include <capalloc/conformance.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The mistakes. */
enum mistake {
    NONE,
    MISALIGNED,
    SHORT,
    LARGE_ALIGNMENT_IGNORED,
    ALWAYS_REFUSES,
    ERROR_WITHOUT_REASON,
    PROMISES_ANY_SIZE,
    SAME_BLOCK_TWICE,
    LEAKS,
    EXACT_SIZE_ONLY,
    ZEROES_ONLY_WHAT_WAS_ASKED,
    GROW_LOSES_BYTES,
    GROW_ERROR_FREES,
    GROW_ERROR_LEAKS,
    GROW_MISALIGNS,
    GROW_ZEROES_NOTHING,
    SHRINK_LOSES_BYTES,
    SHRINK_REFUSES,
    MUSTZERO_NOT_ZERO,
    MUSTZERO_NOT_CLEARED,
    NOCAPS_SHORT,
    VALIDATES_NOTHING,
    MISTAKES
};

/* Rows in the order of the mistakes: the rule, and whether the suite needs to be told what is live to see it. */
static const struct {
    const char *rule;
    bool needs_live;
} rows[MISTAKES] = {
    [NONE] = {NULL, false},
    [MISALIGNED] = {"A2", false},
    [SHORT] = {"A2", false},
    [LARGE_ALIGNMENT_IGNORED] = {"A2", false},
    [ALWAYS_REFUSES] = {"A3", false},
    [ERROR_WITHOUT_REASON] = {"A3", false},
    [PROMISES_ANY_SIZE] = {"A3", false},
    [SAME_BLOCK_TWICE] = {"A4", false},
    [LEAKS] = {"A4", true},
    [EXACT_SIZE_ONLY] = {"A4", true},
    [ZEROES_ONLY_WHAT_WAS_ASKED] = {"A6", false},
    [GROW_LOSES_BYTES] = {"A7", false},
    [GROW_ERROR_FREES] = {"A7", false},
    [GROW_ERROR_LEAKS] = {"A7", true},
    [GROW_MISALIGNS] = {"A2", false},
    [GROW_ZEROES_NOTHING] = {"A8", false},
    [SHRINK_LOSES_BYTES] = {"A9", false},
    [SHRINK_REFUSES] = {"A9", false},
    [MUSTZERO_NOT_ZERO] = {"A11", false},
    [MUSTZERO_NOT_CLEARED] = {"A11", false},
    [NOCAPS_SHORT] = {"A2", false},
    [VALIDATES_NOTHING] = {"A11", false},
};

/* Slots of one pool, so that even the wrongest of them hurts nobody: no memory is ever given back to the C library. */
enum { SLOT = 32768, SLOTS = 512, SPARE = 24 };
static struct {
    _Alignas(SLOT) unsigned char bytes[SLOTS][SLOT];
} pool;
static bool is_out[SLOTS];
static size_t asked[SLOTS];
static size_t live;
static enum mistake mistake;

static ca_block_result failed(ca_error error)
{
    return (ca_block_result){.ptr = NULL, .size_or_error = (size_t)error};
}

static ca_block_result made(void *block, size_t size)
{
    return (ca_block_result){.ptr = block, .size_or_error = size};
}

static unsigned slot_of(const void *block)
{
    return (unsigned)(((uintptr_t)block - (uintptr_t)pool.bytes) / SLOT % SLOTS);
}

static ca_block_result plain_allocate(ca_layout layout)
{
    if (layout.size > SLOT - SPARE || layout.align > SLOT)
        return failed(CA_ERROR_OUT_OF_MEMORY);
    for (unsigned i = 0; i < SLOTS; i++)
        if (!is_out[i]) {
            is_out[i] = true;
            asked[i] = layout.size;
            live++;
            return made(pool.bytes[i], layout.size + SPARE);
        }
    return failed(CA_ERROR_OUT_OF_MEMORY);
}

static ca_block_result allocate(void *self, ca_layout layout)
{
    (void)self;
    if (mistake == ALWAYS_REFUSES)
        return failed(CA_ERROR_OUT_OF_MEMORY);
    if (mistake == PROMISES_ANY_SIZE && layout.size > SLOT)
        return made(pool.bytes[0], layout.size);
    if (mistake == SAME_BLOCK_TWICE && layout.size == 8)
        return made(pool.bytes[0], layout.size + SPARE);
    ca_layout wanted = layout;
    if (mistake == LARGE_ALIGNMENT_IGNORED && layout.align > 16)
        wanted.align = 1;
    ca_block_result result = plain_allocate(wanted);
    if (result.ptr == NULL)
        return mistake == ERROR_WITHOUT_REASON ? failed(CA_OK) : result;
    if ((mistake == MISALIGNED && layout.align == 8 && layout.size > 8) || wanted.align != layout.align)
        result.ptr = (char *)result.ptr + 4;
    if (mistake == SHORT)
        result.size_or_error = layout.size - 1;
    return result;
}

static void deallocate(void *self, ca_block block, ca_layout layout)
{
    unsigned slot = slot_of(block.ptr);

    (void)self;
    if (mistake == LEAKS || (mistake == EXACT_SIZE_ONLY && layout.size != asked[slot]))
        return;
    live -= is_out[slot];
    is_out[slot] = false;
    if (mistake != MUSTZERO_NOT_CLEARED)
        memset(pool.bytes[slot], 0xdd, SLOT);
}

static ca_block_result allocate_zeroed(void *self, ca_layout layout)
{
    ca_block_result result = allocate(self, layout);

    if (result.ptr != NULL)
        memset(result.ptr, 0, layout.size - (layout.size > 8));
    return result;
}

static ca_block_result grow(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    ca_block_result result = allocate(self, new_layout);

    if (result.ptr == NULL) {
        if (mistake == GROW_ERROR_FREES)
            deallocate(self, block, old_layout);
        if (mistake == GROW_ERROR_LEAKS)
            plain_allocate(old_layout);
        return result;
    }
    memcpy(result.ptr, block.ptr, old_layout.size - (mistake == GROW_LOSES_BYTES));
    deallocate(self, block, old_layout);
    if (mistake == GROW_MISALIGNS && new_layout.align > 8)
        result.ptr = (char *)result.ptr + 8;
    return result;
}

static ca_block_result shrink(void *self, ca_block block, ca_layout old_layout, ca_layout new_layout)
{
    (void)self;
    (void)old_layout;
    if (mistake == SHRINK_REFUSES)
        return failed(CA_ERROR_OUT_OF_MEMORY);
    ((unsigned char *)block.ptr)[new_layout.size - 1] ^= 1;
    return made(block.ptr, new_layout.size);
}

static ca_nocaps_result allocate_nocaps(void *self, ca_layout layout)
{
    ca_block_result result = allocate(self, layout);

    return (ca_nocaps_result){.ptr = result.ptr, .size_or_error = result.ptr ? layout.size - 1 : result.size_or_error};
}

static void deallocate_nocaps(void *self, ca_nocaps block, ca_layout layout)
{
    deallocate(self, (ca_block){.ptr = block.ptr, .size = block.size}, layout);
}

static ca_mustzero_result allocate_mustzero(void *self, ca_layout layout)
{
    ca_block_result result = allocate(self, layout);

    if (result.ptr != NULL && mistake == MUSTZERO_NOT_CLEARED)
        memset(result.ptr, 0, result.size_or_error);
    return (ca_mustzero_result){.ptr = result.ptr, .size_or_error = result.size_or_error};
}

static void deallocate_zeroed(void *self, ca_mustzero block, ca_layout layout)
{
    deallocate(self, (ca_block){.ptr = block.ptr, .size = block.size}, layout);
}

static size_t count_live(void *context)
{
    (void)context;
    return live;
}

/* Whether the rule was named, and which ones were. */
struct heard {
    const char *wanted;
    bool named;
    char all[512];
};

static void hear(void *context, const char *rule, const char *sentence)
{
    struct heard *heard = context;

    assert_true(strlen(sentence) > 10);
    heard->named |= heard->wanted != NULL && strcmp(rule, heard->wanted) == 0;
    strncat(heard->all, rule, 8);
    strncat(heard->all, " ", 2);
}

static unsigned run(enum mistake which, bool told_live, struct heard *heard)
{
    ca_allocator_vtable vtable = {.struct_size = sizeof vtable, .allocate = allocate, .deallocate = deallocate};
    ca_conformance_options options = {
        .struct_size = sizeof options, .report = hear, .context = heard, .live = told_live ? count_live : NULL};

    memset(is_out, 0, sizeof is_out);
    memset(&pool, 0xcd, sizeof pool);
    live = 0;
    mistake = which;
    *heard = (struct heard){.wanted = rows[which].rule};
    if (which == ZEROES_ONLY_WHAT_WAS_ASKED)
        vtable.allocate_zeroed = allocate_zeroed;
    if (which >= GROW_LOSES_BYTES && which <= GROW_MISALIGNS)
        vtable.grow = grow;
    if (which == GROW_ZEROES_NOTHING)
        vtable.grow_zeroed = grow;
    if (which == SHRINK_LOSES_BYTES || which == SHRINK_REFUSES)
        vtable.shrink = shrink;
    if (which == MUSTZERO_NOT_ZERO || which == MUSTZERO_NOT_CLEARED) {
        vtable.allocate_mustzero = allocate_mustzero;
        vtable.deallocate_zeroed = deallocate_zeroed;
    }
    if (which == NOCAPS_SHORT) {
        vtable.allocate_nocaps = allocate_nocaps;
        vtable.deallocate_nocaps = deallocate_nocaps;
    }
    if (which == VALIDATES_NOTHING)
        vtable.promises = CA_PROMISE_VALIDATES;
    return ca_conformance_check((ca_allocator){.vtable = &vtable}, &options);
}

static void test_A12_the_suite_finds_each_mistake(void **state)
{
    struct heard heard;

    (void)state;
    for (unsigned which = 0; which < MISTAKES; which++) {
        unsigned findings = run((enum mistake)which, rows[which].needs_live, &heard);
        if ((findings != 0) != (which != NONE) || heard.named != (which != NONE))
            fail_msg("mistake %u: wanted %s, found %s", which, rows[which].rule, heard.all);
    }
}

/* A right one is right also when the suite sees what is live. */
static void test_A12_the_suite_is_content_with_a_right_one(void **state)
{
    struct heard heard;

    (void)state;
    assert_int_equal(run(NONE, true, &heard), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_A12_the_suite_finds_each_mistake),
        cmocka_unit_test(test_A12_the_suite_is_content_with_a_right_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
