/* Quarantine without sweeps, what `--delay` does: what waits, for how long, and that it is zero when it leaves. The
 * doors by which a block can cease to be one have their own table in test_doors.c. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/emulated.h"
#include "support/zeros.h"

#include <capalloc/capalloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* Over the six presets 120000 frees at once and 1800 forks: few where they take ten times as long. */
enum { FREES = CAI_TSAN ? 4000 : FEWER(28000, 4000), FORKS = CAI_TSAN ? 50 : FEWER(425, 50) };

/* What always may wait. */
#define FLOOR (4 * MIB)

static size_t waiting(void)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    return stats.quarantined_bytes;
}

/* Takes and gives back blocks of this size until one holds `address`. Returns how many bytes were given back before
 * that; more than `most`: it did not come. */
static size_t freed_until(uintptr_t address, size_t bytes, size_t most)
{
    size_t freed = 0;

    while (freed <= most) {
        void *block = ca_malloc(bytes);
        bool found = address - (uintptr_t)block < bytes;
        require(block != NULL);
        ca_free(block);
        if (found)
            break;
        freed += bytes;
    }
    return freed;
}

static void check_delay(size_t bytes, size_t slot)
{
    uintptr_t address = (uintptr_t)ca_malloc(bytes);

    ca_free((void *)address);
    size_t freed = freed_until(address, bytes, 4 * FLOOR);
    /* It cannot come earlier than after one whole round, and comes with the second look. */
    require(freed >= FLOOR / slot * bytes - 2 * bytes && freed <= 3 * FLOOR);
}

CHILD_TEST(test_R8_a_freed_block_waits_until_a_share_was_freed_after_it, 60)
{
    check_delay(16, 16);
    check_delay(64, 64);
    check_delay(500, 512);
    check_delay(4096, 4096);
    check_delay(32768, 32768);
    check_delay(100 << 10, 112 << 10);
    require_null(audit_heap());
}

/* The share is of what is live: 6 % of 400 MiB are more than the floor. */
CHILD_TEST(test_R8_the_share_is_of_the_live_heap, 60)
{
    enum { BLOCKS = 4000 };
    static void *live[BLOCKS];

    for (unsigned i = 0; i < BLOCKS; i++)
        live[i] = ca_malloc(100 << 10);
    cai_quarantine_release(); /* a look, which counts what is live */
    uintptr_t address = (uintptr_t)ca_malloc(64);
    ca_free((void *)address);
    size_t freed = freed_until(address, 64, 256 * MIB);
    require(freed >= (size_t)BLOCKS * (100 << 10) / 100 * 6 && freed <= 3 * ((size_t)BLOCKS * (112 << 10) / 100 * 6));
    for (unsigned i = 0; i < BLOCKS; i++)
        ca_free(live[i]);
}

CHILD_TEST(test_R3_the_quarantine_is_bounded, 60)
{
    size_t most = 0;

    for (unsigned i = 0; i < FEWER(400000, 50000); i++) {
        void *block = ca_malloc(2000);
        require(block != NULL);
        ca_free(block);
        if (i % 1000 == 0)
            most = cai_max(most, waiting());
    }
    require(most >= FLOOR && most <= 2 * FLOOR + MIB);
}

static void *free_fast(void *blocks)
{
    for (unsigned i = 0; i < (CAI_TSAN ? 50000 : FEWER(200000, 50000)); i++) {
        void *block = ca_malloc(1000);
        if (block == NULL)
            return blocks;
        ca_free(block);
    }
    return NULL;
}

CHILD_TEST(test_R3_the_quarantine_is_bounded_for_many_threads, 120)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    void *failed;

    for (unsigned i = 0; i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, free_fast, &failed) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        require(pthread_join(threads[i], &failed) == 0 && failed == NULL);
    /* Three rounds, each of which may take a quarter more; and what lies in bins and slabs of the threads. */
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    require(stats.place[0].used_bytes_peak <= 4 * FLOOR + THREADS * 2 * MIB);
    require_null(audit_heap());
}

/* A limit that holds what is used, but not what waits as well. */
CHILD_TEST(test_R3_short_of_memory_releases_first, 60)
{
    for (unsigned i = 0; i < FEWER(200, 40); i++) {
        void *block = ca_malloc(13 * MIB); /* one waits, and there is no room for two */
        require(block != NULL);
        memset(block, 1, 13 * MIB);
        ca_free(block);
    }
    require(ca_malloc(40 * MIB) == NULL);
    require_null(audit_heap());
}

CHILD_TEST(test_R3_C6_what_waits_is_charged_and_a_refused_charge_releases_first, 60)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority heap;

    options.quota_bytes = MIB;
    require(ca_heap_create(&options, &heap) == CA_OK);
    for (unsigned i = 0; i < 100; i++) {
        ca_block_result large = ca_allocate(heap, (ca_layout){600 << 10, 16});
        require(ca_is_ok(large));
        ca_deallocate(ca_unwrap(large));
        require(ca_authority_quota_remaining(heap) < MIB / 2); /* it waits, and is paid for */
    }
    for (unsigned i = 0; i < 20000; i++) {
        ca_block_result small = ca_allocate(heap, (ca_layout){200, 16});
        require(ca_is_ok(small));
        ca_deallocate(ca_unwrap(small));
    }
    require(ca_error_of(ca_allocate(heap, (ca_layout){2 * MIB, 16})) == CA_ERROR_QUOTA);
    cai_quarantine_release();
    require(ca_authority_quota_remaining(heap) == MIB);
    require(ca_heap_destroy(heap) == CA_OK);
    require_null(audit_heap());
}

/* Nothing is stored in what waits, and nothing of the program is left in it. */
CHILD_TEST(test_R5_R7_what_waits_is_zero, 60)
{
    static const size_t sizes[] = {1, 16, 24, 100, 500, 513, 4000, 30000, 40000, 200000, 300000, 5 << 20};
    enum { EACH = 8 };

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *blocks[EACH];
        for (unsigned j = 0; j < EACH; j++)
            memset(blocks[j] = ca_malloc(sizes[i]), 0xa5, sizes[i]);
        for (unsigned j = 0; j < EACH; j++)
            ca_free(blocks[j]);
        for (unsigned j = 0; j < EACH; j++)
            require(is_all_zero(blocks[j], sizes[i]));
    }
}

/* Frees, writes by the stale pointer, has it released, and takes blocks until this one comes again: zero. */
static void check_stale_write(ca_block (*take)(size_t bytes), void (*give)(ca_block block), size_t bytes)
{
    enum { TRIES = 200000 };
    ca_block block = take(bytes);
    char *stale = block.ptr;
    unsigned tries = 0;

    give(block);
    memset(stale, 0x5a, bytes);
    cai_quarantine_release();
    for (bool found = false; !found; tries++) { /* it may lie inside another now */
        block = take(bytes);
        found = (uintptr_t)stale - (uintptr_t)block.ptr < bytes;
        require(tries < TRIES && is_all_zero(block.ptr, bytes));
    }
}

#define TAKER(name, type, allocate, deallocate)                                                                        \
    static ca_block take_##name(size_t bytes)                                                                          \
    {                                                                                                                  \
        type block = ca_unwrap(allocate(ca_default_authority(), (ca_layout){bytes, 16}));                              \
        return (ca_block){block.ptr, block.size};                                                                      \
    }                                                                                                                  \
    static void give_##name(ca_block block)                                                                            \
    {                                                                                                                  \
        deallocate((type){block.ptr, block.size});                                                                     \
    }
TAKER(plain, ca_block, ca_allocate_zeroed, ca_deallocate)
TAKER(nocaps, ca_nocaps, ca_allocate_nocaps_zeroed, ca_deallocate)
TAKER(mustzero, ca_mustzero, ca_allocate_mustzero, ca_deallocate_zeroed)
TAKER(secret, ca_secret, ca_allocate_secret, ca_deallocate_zeroed)

CHILD_TEST(test_R5_what_a_stale_pointer_wrote_is_cleared_at_release, 120)
{
    static const size_t sizes[] = {16, 64, 512, 4096, 32768, 100000, 600000};

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_stale_write(take_plain, give_plain, sizes[i]);
        check_stale_write(take_nocaps, give_nocaps, sizes[i]);
        check_stale_write(take_mustzero, give_mustzero, sizes[i]);
        check_stale_write(take_secret, give_secret, sizes[i]);
    }
    require(cai_quarantine_told().stale_bytes >= 16 + 64 + 512);
    cai_quarantine_release();
    require_null(audit_zeros(true));
}

/* And what leaves it is known to be zero: nothing is cleared when it is asked for so. */
CHILD_TEST(test_R5_Z7_what_left_quarantine_is_not_cleared_again, 60)
{
    enum { BLOCKS = 2000 };
    static void *blocks[BLOCKS];
    ca_stats before = CA_STATS_INIT;
    ca_stats after = CA_STATS_INIT;

    for (unsigned i = 0; i < BLOCKS; i++)
        memset(blocks[i] = ca_malloc(200), 1, 200);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (i % 16 != 0) /* some stay: a slab that is empty becomes memory of which that is not known */
            ca_free(blocks[i]);
    cai_quarantine_release();
    ca_stats_read(&before);
    for (unsigned i = 0; i < BLOCKS / 2; i++)
        require((blocks[i] = ca_calloc(1, 200)) != NULL && is_all_zero(blocks[i], 200));
    ca_stats_read(&after);
    require(after.bytes_cleared == before.bytes_cleared);
    require(after.bytes_clear_skipped >= before.bytes_clear_skipped + (size_t)BLOCKS / 2 * 200);
}

static unsigned reports;
static ca_violation last;

static bool note(const ca_violation *violation)
{
    reports++;
    last = *violation;
    return true;
}

static void expect_report(unsigned many, const char *code, const void *address)
{
    require(reports == many && strcmp(last.code, code) == 0 && last.address == address);
}

CHILD_TEST(test_C2_a_waiting_block_is_told_by_its_name, 60)
{
    ca_set_violation_handler(note);
    for (unsigned i = 0; i < 2; i++) {
        void *block = ca_malloc(i == 0 ? 100 : 100000);
        ca_free(block);
        reports = 0;
        ca_free(block);
        expect_report(1, "double-free", block);
        require(ca_realloc(block, 200) == NULL);
        expect_report(2, "double-free", block);
        require(ca_malloc_usable_size(block) == 0);
        expect_report(3, "double-free", block);

        ca_block own = ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){i == 0 ? 100 : 100000, 16}));
        ca_deallocate(own);
        require(ca_check(own) == CA_ERROR_STALE);
        require(ca_error_of(ca_shrink(own, (ca_layout){50, 16})) == CA_ERROR_STALE);
        expect_report(4, "stale", own.ptr);
        ca_deallocate(own);
        expect_report(5, "double-free", own.ptr);
    }
    require_null(audit_heap());
}

/* Of a block that two threads give back at once, one is told: there is no fast path without a claim here. */
static void *volatile contested;
static pthread_barrier_t meet;

static void *free_contested(void *unused)
{
    for (unsigned i = 0; i < FREES; i++) {
        pthread_barrier_wait(&meet);
        ca_free(contested);
        pthread_barrier_wait(&meet);
    }
    return unused;
}

static unsigned told; /* atomic */

static bool count_reports(const ca_violation *violation)
{
    (void)violation;
    cai_add_relaxed(&told, 1);
    return true;
}

CHILD_TEST(test_C9_of_two_frees_at_once_one_is_told, 120)
{
    pthread_t other;

    ca_set_violation_handler(count_reports);
    require(pthread_barrier_init(&meet, NULL, 2) == 0 && pthread_create(&other, NULL, free_contested, NULL) == 0);
    for (unsigned i = 0; i < FREES; i++) {
        contested = ca_malloc(64);
        pthread_barrier_wait(&meet);
        ca_free(contested);
        pthread_barrier_wait(&meet);
        require(cai_load_relaxed(&told) == i + 1);
    }
    pthread_join(other, NULL);
}

/* A child of a fork while others free and look. */
static bool stop;

static void *churn(void *unused)
{
    while (!cai_load_relaxed(&stop))
        ca_free(ca_malloc(3000));
    return unused;
}

CHILD_TEST(test_R6_fork_at_any_instant, 120)
{
    pthread_t threads[3];

    for (unsigned i = 0; i < 3; i++)
        require(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (unsigned i = 0; i < FORKS; i++) {
        pid_t child = fork();
        require(child >= 0);
        if (child == 0) {
            ca_free(ca_malloc(100));
            cai_quarantine_release();
            const char *wrong = audit_heap();
            _exit(wrong != NULL ? 1 : 0);
        }
        int status;
        require(waitpid(child, &status, 0) == child && status == 0);
    }
    cai_store_relaxed(&stop, true);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    require_null(audit_heap());
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "", 1);
    const struct CMUnitTest tests[] = {
        alone(test_R8_a_freed_block_waits_until_a_share_was_freed_after_it),
        alone(test_R8_the_share_is_of_the_live_heap),
        alone(test_R3_the_quarantine_is_bounded),
        cmocka_unit_test(test_R3_the_quarantine_is_bounded_for_many_threads),
        alone(test_R3_C6_what_waits_is_charged_and_a_refused_charge_releases_first),
        alone(test_R5_R7_what_waits_is_zero),
        alone(test_R5_what_a_stale_pointer_wrote_is_cleared_at_release),
        alone(test_R5_Z7_what_left_quarantine_is_not_cleared_again),
        alone(test_C2_a_waiting_block_is_told_by_its_name),
        cmocka_unit_test(test_C9_of_two_frees_at_once_one_is_told),
        cmocka_unit_test(test_R6_fork_at_any_instant),
    };
    const struct CMUnitTest short_of_memory[] = {
        alone(test_R3_short_of_memory_releases_first),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    setenv("CAPALLOC_OPTIONS", "limit=24M", 1); /* the engine starts in each child anew */
    return failed + cmocka_run_group_tests(short_of_memory, NULL, NULL);
}
