/* The audit finds every word that points into a live block, in every kind of block, says of it what is so, and nothing
 * else; while other threads allocate, move and give back, too.
 */
#include "unit/unit.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "blocks/sizeclass.h"
#include "support/child.h"
#include "support/emulated.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static ca_layout of(size_t bytes)
{
    return (ca_layout){bytes, 8};
}

static ca_nocaps nocaps(size_t bytes)
{
    return ca_unwrap(ca_allocate_nocaps_zeroed(ca_default_authority(), of(bytes)));
}

static ca_secret secret(size_t bytes)
{
    return ca_unwrap(ca_allocate_secret(ca_default_authority(), of(bytes)));
}

static ca_block ordinary(size_t bytes)
{
    return ca_unwrap(ca_allocate_zeroed(ca_default_authority(), of(bytes)));
}

static void put(void *block, size_t offset, const void *pointer)
{
    memcpy((char *)block + offset, &pointer, sizeof pointer);
}

/* What an audit told. */
enum { KEPT = 64 };
struct told {
    ca_audit_finding finding[KEPT];
    size_t count, stop_at;
};

static bool keep(const ca_audit_finding *finding, void *context)
{
    struct told *told = context;

    if (told->count < KEPT)
        told->finding[told->count] = *finding;
    return ++told->count != told->stop_at;
}

static struct told audit(void)
{
    struct told told = {.count = 0};

    size_t found = ca_audit_nocaps(keep, &told);
    assert_int_equal(found, told.count);
    return told;
}

static void assert_finding(const ca_audit_finding *got, const char *place, const void *block, size_t block_size,
                           size_t offset)
{
    assert_int_equal(got->struct_size, sizeof *got);
    assert_string_equal(got->place, place);
    assert_ptr_equal(got->block, block);
    assert_int_equal(got->block_size, block_size);
    assert_int_equal(got->offset, offset);
}

static void assert_target(const ca_audit_finding *got, const char *place, const void *target, size_t size, size_t in)
{
    assert_string_equal(got->target_place, place);
    assert_ptr_equal(got->target, target);
    assert_int_equal(got->target_size, size);
    assert_true(got->value == (uintptr_t)target + in);
}

static const size_t sizes[] = {8, 16, 24, 100, 512, 513, 5000, 32768, 32769, 40000, 300001, 3 * CAI_MIB + 8};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The first, the middle and the last aligned word. */
static void check_holder(void *block, size_t bytes, const char *place, ca_block target)
{
    size_t at[] = {0, cai_round_down(bytes / 2, 8), cai_round_down(bytes, 8) - 8};

    for (unsigned i = 0; i < 3; i++) {
        put(block, at[i], target.ptr);
        struct told told = audit();
        assert_int_equal(told.count, 1);
        assert_finding(told.finding, place, block, bytes, at[i]);
        assert_target(told.finding, "ordinary", target.ptr, 4096, 0);
        put(block, at[i], NULL);
    }
    assert_int_equal(audit().count, 0);
}

static void test_N6_every_kind_of_block(void **state)
{
    ca_block target = ordinary(4096);

    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_nocaps flat = nocaps(sizes[i]);
        check_holder(flat.ptr, flat.size, "nocaps", target);
        ca_deallocate(flat);
        ca_secret key = secret(sizes[i]);
        check_holder(key.ptr, key.size, "secret", target);
        ca_deallocate_zeroed(key);
    }
    ca_deallocate(target);
}

/* Start, inside, last byte; not before, not one past the end. */
static void check_target(void *block, size_t bytes, const char *place)
{
    ca_nocaps holder = nocaps(64);
    size_t inside[] = {0, 1, bytes / 2, bytes - 1};

    for (unsigned i = 0; i < 4; i++) {
        put(holder.ptr, 16, (char *)block + inside[i]);
        struct told told = audit();
        assert_int_equal(told.count, 1);
        assert_finding(told.finding, "nocaps", holder.ptr, 64, 16);
        assert_target(told.finding, place, block, bytes, inside[i]);
    }
    put(holder.ptr, 16, (char *)block + bytes);
    assert_int_equal(audit().count, 0);
    put(holder.ptr, 16, (char *)block - 1);
    assert_int_equal(audit().count, 0);
    ca_deallocate(holder);
}

static void test_N6_targets_from_start_to_end(void **state)
{
    (void)state;
    for (unsigned i = 1; i < SIZES; i++) {
        size_t slot = sizes[i] <= CAI_SMALL_BYTES_MAX ? cai_class_bytes((unsigned)cai_class_of(sizes[i])) : sizes[i];
        ca_block block = ordinary(sizes[i]);
        check_target(block.ptr, slot, "ordinary");
        ca_deallocate(block);
        ca_mustzero zero = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), of(sizes[i])));
        check_target(zero.ptr, sizes[i], "mustzero");
        ca_deallocate_zeroed(zero);
        ca_nocaps flat = nocaps(sizes[i]);
        check_target(flat.ptr, sizes[i], "nocaps");
        ca_deallocate(flat);
        ca_secret key = secret(sizes[i]);
        check_target(key.ptr, sizes[i], "secret");
        ca_deallocate_zeroed(key);
    }
}

static void test_N6_freed_blocks_are_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++) {
        ca_block target = ordinary(4096);
        ca_nocaps holder = nocaps(sizes[i]);
        put(holder.ptr, 0, target.ptr);
        assert_int_equal(audit().count, 1);
        ca_deallocate(target);
        assert_int_equal(audit().count, 0);
        target = ordinary(40000);
        put(holder.ptr, 0, (char *)target.ptr + 39999);
        assert_int_equal(audit().count, 1);
        ca_deallocate(target);
        assert_int_equal(audit().count, 0);
        target = ordinary(64);
        put(holder.ptr, 0, target.ptr);
        ca_deallocate(holder);
        assert_int_equal(audit().count, 0);
        ca_deallocate(target);
    }
}

static void test_N6_slack_is_not_looked_at(void **state)
{
    ca_block target = ordinary(64);
    ca_nocaps holder = nocaps(104);

    (void)state;
    put(holder.ptr, 96, target.ptr);
    assert_int_equal(audit().count, 1);
    put(holder.ptr, 104, target.ptr); /* the slot has 112 */
    assert_int_equal(audit().count, 1);
    holder = ca_unwrap(ca_shrink(holder, of(103)));
    assert_int_equal(audit().count, 0); /* half a word is none */
    put(holder.ptr, 0, target.ptr);
    assert_int_equal(audit().count, 1);
    holder = ca_unwrap(ca_shrink(holder, of(1)));
    assert_int_equal(audit().count, 0);
    ca_deallocate(holder);
    ca_deallocate(target);
}

static void test_N6_other_places_are_not_looked_at(void **state)
{
    ca_block target = ordinary(64);
    ca_block holder = ordinary(64);
    ca_mustzero zero = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), of(64)));

    (void)state;
    put(holder.ptr, 8, target.ptr);
    put(zero.ptr, 8, target.ptr);
    assert_int_equal(audit().count, 0);
    ca_deallocate(holder);
    ca_deallocate_zeroed(zero);
    ca_deallocate(target);
}

static void test_N6_what_only_looks_like_a_pointer(void **state)
{
    ca_block target = ordinary(64);
    ca_nocaps holder = nocaps(64);
    int on_the_stack = 0;

    (void)state;
    put(holder.ptr, 0, &on_the_stack);
    put(holder.ptr, 8, (void *)&sizes);
    put(holder.ptr, 16, (void *)UINTPTR_MAX);
    put(holder.ptr, 24, (void *)((uintptr_t)target.ptr | (uintptr_t)1 << 63));
    put(holder.ptr, 33, target.ptr); /* not aligned: a limit that is documented */
    assert_int_equal(audit().count, 0);
    ca_deallocate(holder);
    ca_deallocate(target);
}

static void test_N6_wiped_blocks_hold_nothing(void **state)
{
    ca_block target = ordinary(64);
    ca_secret key = secret(64);
    ca_nocaps holder = nocaps(64);

    (void)state;
    put(key.ptr, 8, target.ptr);
    put(holder.ptr, 0, key.ptr);
    assert_int_equal(audit().count, 2);
    void *was = key.ptr;
    ca_wiped wiped = ca_wipe(&key);
    struct told told = audit();
    assert_int_equal(told.count, 1); /* it is still a live block */
    assert_target(told.finding, "secret", was, 64, 0);
    ca_deallocate(wiped);
    assert_int_equal(audit().count, 0);
    ca_deallocate(holder);
    ca_deallocate(target);
}

static void test_N6_many_findings(void **state)
{
    enum { BLOCKS = 300, WORDS = 250 };
    static ca_nocaps holders[BLOCKS];
    ca_block target = ordinary(64);
    ca_block other = ordinary(100000);
    struct told told = {.stop_at = 1000};

    (void)state;
    for (unsigned i = 0; i < BLOCKS; i++) {
        holders[i] = nocaps(i % 50 == 0 ? 100 * CAI_KIB : WORDS * 8);
        for (unsigned word = 0; word < WORDS; word++)
            put(holders[i].ptr, word * 8, (char *)(word % 2 == 0 ? target.ptr : other.ptr) + word % 60);
    }
    assert_int_equal(ca_audit_nocaps(NULL, NULL), BLOCKS * WORDS);
    assert_int_equal(audit().count, BLOCKS * WORDS);
    assert_int_equal(ca_audit_nocaps(keep, &told), 1000);
    assert_int_equal(told.count, 1000);
    for (unsigned i = 0; i < BLOCKS; i++)
        ca_deallocate(holders[i]);
    ca_deallocate(other);
    ca_deallocate(target);
}

/* A sparse block of which the audit sees every word although it looks in steps. */
static void test_N6_a_long_block(void **state)
{
    ca_block target = ordinary(64);
    ca_nocaps holder = nocaps(20 * CAI_MIB + 24);

    (void)state;
    for (size_t at = 0; at < holder.size; at += 2 * CAI_MIB + 8)
        put(holder.ptr, at, target.ptr);
    put(holder.ptr, holder.size - 8, target.ptr);
    struct told told = audit();
    assert_int_equal(told.count, 11);
    assert_finding(&told.finding[10], "nocaps", holder.ptr, holder.size, holder.size - 8);
    assert_finding(&told.finding[3], "nocaps", holder.ptr, holder.size, 3 * (2 * CAI_MIB + 8));
    ca_deallocate(holder);
    ca_deallocate(target);
}

/* Gives back what it hears of, and allocates. */
static bool use_the_heap(const ca_audit_finding *finding, void *context)
{
    size_t *calls = context;
    ca_nocaps more = nocaps(finding->block_size);

    memset(more.ptr, 0, more.size);
    ca_deallocate(more);
    ca_deallocate((ca_nocaps){(void *)(uintptr_t)finding->block, finding->block_size});
    ca_trim();
    ++*calls;
    return true;
}

static void test_N6_handler_may_use_the_heap(void **state)
{
    ca_block target = ordinary(64);
    size_t calls = 0;

    (void)state;
    for (unsigned i = 0; i < SIZES; i++)
        put(nocaps(sizes[i]).ptr, 0, target.ptr);
    assert_int_equal(ca_audit_nocaps(use_the_heap, &calls), SIZES);
    assert_int_equal(calls, SIZES);
    assert_int_equal(audit().count, 0);
    ca_deallocate(target);
}

CHILD_TEST(test_N6_before_anything_else, 30)
{
    require(ca_audit_nocaps(NULL, NULL) == 0);
}

static void audit_in_child(const void *finding)
{
    struct told told = {.count = 0};

    require(ca_audit_nocaps(keep, &told) == 1);
    require(told.finding[0].block == ((const ca_audit_finding *)finding)->block);
    require(told.finding[0].target == ((const ca_audit_finding *)finding)->target);
}

static void test_N6_after_fork(void **state)
{
    ca_block target = ordinary(50000);
    ca_nocaps holder = nocaps(50000);

    (void)state;
    put(holder.ptr, 48000, (char *)target.ptr + 40000);
    struct told told = audit();
    assert_child(30, audit_in_child, &told.finding[0]);
    ca_deallocate(holder);
    ca_deallocate(target);
}

CHILD_TEST(test_N6_hidden_memory, 30)
{
    ca_protection got = CA_PROTECTION_INIT;

    if (ca_protect(CA_PROTECT_HIDE, &got) != CA_OK)
        return; /* not allowed here: nothing to look at */
    ca_block target = ordinary(64);
    ca_secret key = secret(100000);
    put(key.ptr, 8 * 1234, target.ptr);
    require(ca_audit_nocaps(NULL, NULL) == 1);
}

/* --- while others work --- */

static uint32_t ended; /* atomic */

/* Blocks of all lengths come, move by their pages and go; their memory goes back to the system. */
static void *work(void *seed)
{
    uint64_t random = (uint64_t)(uintptr_t)seed;
    ca_nocaps held[16] = {{NULL, 0}};

    while (cai_load_relaxed(&ended) == 0) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        ca_nocaps *block = &held[random >> 60];
        size_t bytes = sizes[(random >> 32) % SIZES];
        if (block->size != 0 && bytes > block->size && (random >> 50) % 2 == 0) {
            *block = ca_unwrap(ca_grow(ca_default_authority(), *block, of(bytes)));
        } else {
            if (block->size != 0)
                ca_deallocate(*block);
            *block = nocaps(bytes);
        }
        put(block->ptr, 0, block);
        if ((random >> 40) % 16 == 0)
            ca_trim();
    }
    for (unsigned i = 0; i < 16; i++)
        if (held[i].size != 0)
            ca_deallocate(held[i]);
    return NULL;
}

/* Long blocks that move all the time, by their pages: what is behind them is taken, and where they go is clean. */
static void *move(void *unused)
{
    (void)unused;
    while (cai_load_relaxed(&ended) == 0) {
        ca_nocaps block = nocaps(CAI_MIB);
        ca_nocaps behind = nocaps(CAI_MIB);
        memset(block.ptr, 1, block.size);
        block = ca_unwrap(ca_grow(ca_default_authority(), block, of(4 * CAI_MIB)));
        ca_deallocate(block);
        ca_deallocate(behind);
        ca_trim();
    }
    return NULL;
}

struct wanted {
    const void *block, *target;
    unsigned seen;
};

static bool look_for(const ca_audit_finding *finding, void *context)
{
    struct wanted *wanted = context;

    wanted->seen += finding->block == wanted->block && finding->target == wanted->target;
    return true;
}

static void test_N6_while_other_threads_work(void **state)
{
    enum { THREADS = 4, MOVERS = 2, ROUNDS = FEWER(500, 100) };
    pthread_t threads[THREADS];
    ca_block target = ordinary(200);

    (void)state;
    /* So that no tables grow meanwhile, which the thread sanitizer takes for a race with the paths that read how long
     * they are. */
    ca_deallocate(ca_unwrap(ca_allocate_nocaps(ca_default_authority(), of(512 * CAI_MIB))));
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < MOVERS ? move : work, (void *)(i + 1)), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        ca_nocaps holder = nocaps(sizes[round % SIZES]);
        put(holder.ptr, 0, (char *)target.ptr + 100);
        struct wanted wanted = {.block = holder.ptr, .target = target.ptr};
        ca_audit_nocaps(look_for, &wanted);
        assert_int_equal(wanted.seen, 1);
        ca_deallocate(holder);
    }
    cai_store_relaxed(&ended, 1);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ca_deallocate(target);
    assert_int_equal(audit().count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(test_N6_before_anything_else),
        alone(test_N6_every_kind_of_block),
        alone(test_N6_targets_from_start_to_end),
        alone(test_N6_freed_blocks_are_none),
        alone(test_N6_slack_is_not_looked_at),
        alone(test_N6_other_places_are_not_looked_at),
        alone(test_N6_what_only_looks_like_a_pointer),
        alone(test_N6_wiped_blocks_hold_nothing),
        alone(test_N6_many_findings),
        alone(test_N6_a_long_block),
        alone(test_N6_handler_may_use_the_heap),
        alone(test_N6_after_fork),
        alone(test_N6_hidden_memory),
        cmocka_unit_test(test_N6_while_other_threads_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
