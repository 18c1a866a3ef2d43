/* A look by age writes nothing but the bytes that change, while others store theirs beside them. */
#include "unit/unit.h"

#include "base/atomic.h"
#include "blocks/state.h"
#include "heaps/age.h"

#include <pthread.h>
#include <string.h>

enum { COUNT = 1024, FREE = CAI_STATE_IN_SLAB | CAI_STATE_ZERO };

#if defined(__x86_64__)
#define HAS_32() cai_has_32()
#else
#define HAS_32() false
#define cai_count_by_32 cai_count_bytewise
#define cai_age_by_32 cai_age_bytewise
#define cai_gather_by_32 cai_gather_bytewise
#endif

static uint8_t states[COUNT] __attribute__((aligned(64)));

static void check_each(struct cai_aged (*age)(uint8_t *, size_t))
{
    uint8_t before[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        before[i] = states[i] = (uint8_t)(i * 37 >> 2);
    unsigned candidates = 0;
    unsigned live = 0;
    unsigned waiting = 0;
    struct cai_aged aged = age(states, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        bool goes = before[i] == CAI_STATE_CANDIDATE;
        candidates += goes;
        live += before[i] != 0 && before[i] < 0x80;
        waiting += goes || before[i] == CAI_STATE_QUARANTINED;
        assert_int_equal(states[i], goes ? FREE : before[i] == CAI_STATE_QUARANTINED ? CAI_STATE_CANDIDATE : before[i]);
    }
    assert_true(candidates != 0 && aged.released == candidates);
    assert_true(aged.slots.live == live && aged.slots.waiting >= waiting && waiting > candidates);
}

static void test_R8_all_ways_count_the_same(void **state)
{
    (void)state;
    for (unsigned count = 64; count <= COUNT; count += 64) {
        struct cai_slots expected = {0, 0};
        for (unsigned i = 0; i < count; i++) {
            states[i] = (uint8_t)(i * 37 >> 2);
            expected.live += states[i] != 0 && states[i] < 0x80;
            expected.waiting += cai_state_waits(states[i]);
        }
        struct cai_slots found = cai_count_slots(states, count);
        struct cai_slots bytewise = cai_count_bytewise(states, count);
        assert_int_equal(found.live, expected.live);
        assert_int_equal(found.waiting, expected.waiting);
        assert_int_equal(bytewise.live, expected.live);
        assert_int_equal(bytewise.waiting, expected.waiting);
        struct cai_slots by_32 = HAS_32() ? cai_count_by_32(states, count) : bytewise;
        assert_int_equal(by_32.live, expected.live);
        assert_int_equal(by_32.waiting, expected.waiting);
    }
}

/* Each state a slot of its own. */
static struct cai_aged age_one_by_one(uint8_t *each, size_t count)
{
    return cai_age_long(each, count, 1);
}

/* What lies between the first states of two slots is nobody's. */
static void test_R8_of_long_slots_the_first_state_is_looked_at(void **state)
{
    (void)state;
    memset(states, CAI_STATE_CANDIDATE, sizeof states);
    states[CAI_AGE_LONG] = CAI_STATE_QUARANTINED;
    states[2 * CAI_AGE_LONG] = 1;
    struct cai_aged aged = cai_age_long(states, 4, CAI_AGE_LONG);
    assert_true(aged.slots.live == 1 && aged.slots.waiting == 3 && aged.released == 2);
    for (unsigned i = 0; i < COUNT; i++) {
        bool goes = i == 0 || i == 3 * CAI_AGE_LONG;
        assert_int_equal(states[i], goes ? FREE : i == 2 * CAI_AGE_LONG ? 1 : CAI_STATE_CANDIDATE);
    }
}

static void test_R8_every_state_becomes_what_it_should(void **state)
{
    (void)state;
    check_each(cai_age);
    check_each(cai_age_bytewise);
    check_each(age_one_by_one);
    if (HAS_32())
        check_each(cai_age_by_32);
}

static void check_gathered(void (*gather)(uint8_t *, size_t))
{
    for (unsigned i = 0; i < COUNT; i++)
        states[i] = (uint8_t)(i * 37 >> 2);
    gather(states, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t before = (uint8_t)(i * 37 >> 2);
        assert_int_equal(states[i], before == CAI_STATE_QUARANTINED ? CAI_STATE_CANDIDATE : before);
    }
}

static void test_R8_only_what_came_since_is_gathered(void **state)
{
    (void)state;
    check_gathered(cai_gather);
    check_gathered(cai_gather_bytewise);
    if (HAS_32())
        check_gathered(cai_gather_by_32);
}

static bool done;          /* atomic */
static unsigned long lost; /* the other thread's, until it was joined */

/* Every second byte is this thread's: what it stored must be there when it looks again. */
static void *store_beside(void *unused)
{
    for (uint8_t value = 1; !cai_load_relaxed(&done); value = (uint8_t)(value % 100 + 1)) {
        for (unsigned i = 1; i < COUNT; i += 2)
            cai_store_relaxed(&states[i], value);
        for (unsigned i = 1; i < COUNT; i += 2)
            lost += cai_load_relaxed(&states[i]) != value;
    }
    return unused;
}

/* 120000 rounds over the presets; the thread sanitizer takes fifty times as long for one. */
enum { ROUNDS = CAI_TSAN ? 1000 : 23800 };

static void stress(struct cai_aged (*age)(uint8_t *, size_t))
{
    pthread_t other;

    memset(states, 0, sizeof states);
    cai_store_relaxed(&done, false);
    assert_int_equal(pthread_create(&other, NULL, store_beside, NULL), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < COUNT; i += 2)
            cai_store_relaxed(&states[i], CAI_STATE_QUARANTINED + (i / 2 + round) % 2);
        age(states, COUNT);
    }
    cai_store_relaxed(&done, true);
    pthread_join(other, NULL);
    assert_int_equal(lost, 0);
}

static struct cai_aged gather(uint8_t *at, size_t count)
{
    cai_gather(at, count);
    return (struct cai_aged){{0, 0}, 0};
}

static struct cai_aged gather_bytewise(uint8_t *at, size_t count)
{
    cai_gather_bytewise(at, count);
    return (struct cai_aged){{0, 0}, 0};
}

static struct cai_aged gather_by_32(uint8_t *at, size_t count)
{
    cai_gather_by_32(at, count);
    return (struct cai_aged){{0, 0}, 0};
}

static void test_R8_nothing_that_others_store_is_undone(void **state)
{
    (void)state;
    stress(cai_age);
    stress(cai_age_bytewise);
    stress(age_one_by_one);
    stress(gather);
    stress(gather_bytewise);
    if (HAS_32()) {
        stress(cai_age_by_32);
        stress(gather_by_32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R8_every_state_becomes_what_it_should),
        cmocka_unit_test(test_R8_of_long_slots_the_first_state_is_looked_at),
        cmocka_unit_test(test_R8_only_what_came_since_is_gathered),
        cmocka_unit_test(test_R8_all_ways_count_the_same),
        cmocka_unit_test(test_R8_nothing_that_others_store_is_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
