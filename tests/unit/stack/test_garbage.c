/* Whatever lies on a stack and in a module's tables, reading it ends well: nothing faults, and it stops. */
#include "unit/unit.h"

#include "base/compiler.h"
#include "stack/memo.h"
#include "stack/stack.h"
#include "support/rng.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK_BYTES = 1 << 17, ROUNDS = 3000, DEPTH = 30, TABLE_ROUNDS = 60, FINDS = 400, AGAIN = 50 };

static struct rng rng;
static ucontext_t here, there;
static char *stack;
static uintptr_t saved[STACK_BYTES / sizeof(uintptr_t)];
static size_t most;

/* A number, something near the word itself, code, another word of the stack, the edge of memory. */
CAI_UNSEEN static uintptr_t garbage(const volatile uintptr_t *word, const uintptr_t *end)
{
    switch (rng_next(&rng) % 8) {
    case 0:
        return rng_next(&rng);
    case 1:
        return (uintptr_t)word + rng_next(&rng) % 4096;
    case 2:
        return (uintptr_t)word - rng_next(&rng) % 4096;
    case 3:
        return (uintptr_t)&garbage + rng_next(&rng) % 65536;
    case 4:
        return word[rng_next(&rng) % (size_t)(end - word)];
    case 5:
        return (uintptr_t)end + rng_next(&rng) % 16384;
    case 6:
        return rng_next(&rng) % 2 == 0 ? UINTPTR_MAX - rng_next(&rng) % 64 : rng_next(&rng) % 64;
    default:
        return (uintptr_t)&memcpy + rng_next(&rng) % 4096;
    }
}

/* Everything above this function's frame is overwritten while the stack is read, and as before when it returns. */
CAI_UNSEEN __attribute__((noinline)) static void read_garbage(void)
{
    static uintptr_t frames[64];
    static volatile uintptr_t *low;
    static const uintptr_t *end;
    static size_t count;

    low = (uintptr_t *)__builtin_frame_address(0);
    end = (const uintptr_t *)(stack + STACK_BYTES);
    for (size_t i = 0; low + i < end; i++)
        saved[i] = low[i];
    for (size_t i = 0; low + i < end; i++)
        if (rng_next(&rng) % 3 == 0)
            low[i] = garbage(low + i, end);
    count = cai_stack_read(frames, 64, 0);
    if (count > most)
        most = count;
    for (size_t i = 0; low + i < end; i++)
        low[i] = saved[i];
}

__attribute__((noinline)) static unsigned descend(unsigned depth)
{
    volatile char room[40];

    room[depth] = 1;
    if (depth == 0)
        read_garbage();
    else
        descend(depth - 1);
    return (unsigned)room[depth];
}

static void coroutine(void)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        descend(i % DEPTH);
}

static void test_stack(void **state)
{
    (void)state;
    /* What cannot be read lies above, so that reading too far would be seen. */
    stack = mmap(NULL, STACK_BYTES + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    assert_int_equal(mprotect(stack + STACK_BYTES, 65536, PROT_NONE), 0);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = STACK_BYTES;
    there.uc_link = &here;
    makecontext(&there, coroutine, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
    assert_true(most > 2); /* some garbage was believed */
    munmap(stack, STACK_BYTES + 65536);
}

/* A module's tables with some bytes changed, between pages that cannot be read. */
struct copy {
    struct cai_reader reader;
    struct cai_module module;
    char *bytes;
    size_t length;
    const char *original;
};

static bool is_same(const struct cai_row *one, const struct cai_row *other)
{
    return one->base == other->base && one->cfa_value == other->cfa_value &&
           memcmp(one->value, other->value, sizeof one->value) == 0 &&
           memcmp(one->kind, other->kind, sizeof one->kind) == 0 && one->cfa_register == other->cfa_register &&
           one->cfa_computed == other->cfa_computed && one->return_register == other->return_register &&
           one->signal == other->signal;
}

/* The same few addresses again and again: what is remembered is what is found, whatever stood there before. */
static size_t find_again(struct copy *copy)
{
    size_t remembered = 0;

    for (unsigned i = 0; i < FINDS; i++) {
        struct cai_entry entry;
        struct cai_row row;
        struct cai_row kept;
        struct rng same = rng_start(i % AGAIN);
        uintptr_t address = copy->module.low + rng_next(&same) % (copy->module.high - copy->module.low);
        bool found =
            cai_table_find(&entry, &copy->module, &copy->reader, address) && cai_rules_find(&row, &entry, address);
        if (cai_memo_find(&kept, &copy->reader, address)) {
            assert_true(found);
            assert_true(is_same(&row, &kept));
            remembered++;
        } else if (found) {
            cai_memo_keep(&row, &entry, &copy->reader, address);
        }
    }
    return remembered;
}

static void find_all(struct copy *copy)
{
    for (unsigned i = 0; i < FINDS; i++) {
        struct cai_entry entry;
        struct cai_row row;
        struct cai_frame frame = {.exact = rng_next(&rng) % 2 == 0, .known = (uint32_t)rng_next(&rng)};
        uintptr_t address = copy->module.low + rng_next(&rng) % (copy->module.high - copy->module.low);
        for (unsigned n = 0; n < CAI_REGISTERS; n++)
            frame.value[n] = (uintptr_t)&frame + rng_next(&rng) % 65536;
        copy->reader.questions = 64;
        if (cai_table_find(&entry, &copy->module, &copy->reader, address) && cai_rules_find(&row, &entry, address))
            cai_rules_follow(&frame, &row, &copy->reader);
    }
}

static void test_tables(void **state)
{
    struct copy copy = {.length = 0};
    size_t found = 0;
    uint32_t pairs; /* in the index, from its twelfth byte on */

    (void)state;
    assert_true(cai_module_find(&copy.module, (uintptr_t)&div) || CAI_REGISTERS == 3);
    cai_reader_start(&copy.reader);
    cai_module_open(&copy.module, &copy.reader);
    copy.original = (const char *)copy.reader.low;
    copy.length = (copy.reader.high - copy.reader.low + 65535) & ~(size_t)65535;
    copy.bytes = mmap(NULL, copy.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(copy.bytes, MAP_FAILED);
    size_t used = copy.reader.high - copy.reader.low;
    size_t distance = (uintptr_t)copy.bytes - copy.reader.low;
    copy.module.low += distance;
    copy.module.high += distance;
    copy.module.index += distance;
    copy.reader.low = (uintptr_t)copy.bytes;
    copy.reader.high = copy.reader.low + used;
    memcpy(copy.bytes, copy.original, used);
    for (unsigned i = 0; i < FINDS; i++) {
        struct cai_entry entry;
        uintptr_t address = copy.module.low + rng_next(&rng) % (copy.module.high - copy.module.low);
        found += cai_table_find(&entry, &copy.module, &copy.reader, address);
    }
    assert_true(found > FINDS / 4); /* unchanged, most of its code is described */
    assert_true(find_again(&copy) > FINDS / 4);
    for (unsigned round = 0; round < TABLE_ROUNDS; round++) {
        memcpy(copy.bytes, copy.original, used);
        for (size_t changes = used >> rng_next(&rng) % 10; changes > 0; changes--)
            copy.bytes[rng_next(&rng) % used] = (char)rng_next(&rng);
        size_t index = copy.module.index - copy.reader.low;
        memcpy(copy.bytes + index, copy.original + index, 8); /* or else nothing would be read at all */
        find_all(&copy);
        memcpy(&pairs, copy.original + index + 8, sizeof pairs);
        memcpy(copy.bytes + index, copy.original + index, 12 + pairs * sizeof(uint64_t));
        find_again(&copy);
    }
    munmap(copy.bytes, copy.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stack), cmocka_unit_test(test_tables)};

    rng = rng_start(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
