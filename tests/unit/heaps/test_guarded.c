/* Guarded samples: that each is a block like any other on all of its ways, and what is told of it. At the rate used
 * here most allocations are drawn while there is room.
 */
#include "unit/unit.h"

#include "core/chance.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/guarded_report.h"
#include "heaps/heaps.h"
#include "os/os.h"
#include "support/audit.h"
#include "support/emulated.h"
#include "support/grants.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_nocaps, CAI_PLACE_mustzero, CAI_PLACE_secret};

static void start(const char *options)
{
    setenv("CAPALLOC_OPTIONS", options, 1);
    require(cai_life_start());
}

static bool is_guarded(enum cai_place place, const void *address)
{
    struct cai_live live = cai_find_live(place, address);

    return live.state != NULL && cai_live_is_guarded(live);
}

/* Others are given back again. */
static char *take_guarded(enum cai_place place, size_t bytes)
{
    for (unsigned i = 0; i < 100000; i++) {
        char *block = cai_allocate(place, bytes, true);
        require(block != NULL);
        if (is_guarded(place, block))
            return block;
        cai_free(place, block, "free");
    }
    require(!"one is drawn");
    return NULL;
}

static bool is_all(const char *block, size_t bytes, char byte)
{
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != byte)
            return false;
    return true;
}

/* The handler of violations is called by it, behind the compiler's back. */
static void touch(const volatile char *at)
{
    (void)*at;
    __asm__ volatile("" : : : "memory");
}

static unsigned waiting(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CAI_GUARDED_MAX; i++)
        count += cai_guarded_table[i].state == CAI_GUARDED_WAITS;
    return count;
}

CHILD_TEST_EACH(test_V5_taken_and_given_back, 20, places)
{
    static const size_t sizes[] = {1, 15, 16, 17, 100, 1000, 1024, 1025, 5000, 32768};

    start("guard-sample=3");
    refuse_start();
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned again = 0; again < 10; again++) {
            char *block = take_guarded(value, sizes[i]);
            require((uintptr_t)block % 16 == 0 && is_all(block, sizes[i], 0));
            require(cai_usable(value, block, "usable") == sizes[i]);
            memset(block, 0x5a, sizes[i]);
            cai_free(value, block, "free");
            require(refused_calls == 0);
            require(cai_find_any(block).found == CAI_FOUND_FREED);
            cai_free(value, block, "free");
            require(was_refused("double-free"));
            cai_free(value, block + 16, "free");
            require(refused_calls == 1);
            refuse_forget();
        }
    require(waiting() == CAI_GUARDED_MAX);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

CHILD_TEST(test_V5_at_most_so_many, 20)
{
    unsigned guarded = 0;

    start("guard-sample=2");
    for (unsigned i = 0; i < 1000; i++)
        guarded += is_guarded(CAI_PLACE_ordinary, cai_allocate(CAI_PLACE_ordinary, 40, false));
    require(guarded == CAI_GUARDED_MAX);
    require_null(audit_all());
}

CHILD_TEST(test_V5_aligned_and_large_blocks_are_none, 20)
{
    start("guard-sample=1");
    for (unsigned i = 0; i < 1000; i++) {
        void *aligned = cai_allocate_aligned(CAI_PLACE_ordinary, 100, 64, false);
        void *large = cai_allocate(CAI_PLACE_ordinary, 100000, false);
        require(!is_guarded(CAI_PLACE_ordinary, aligned) && !is_guarded(CAI_PLACE_ordinary, large));
        cai_free(CAI_PLACE_ordinary, aligned, "free");
        cai_free(CAI_PLACE_ordinary, large, "free");
    }
}

/* Each allocation is hit alike: of so many, so many. */
CHILD_TEST(test_V4_one_in_so_many, 60)
{
    enum { RATE = 500, ALL = FEWER(1000000, 100000), MEAN = ALL / RATE, SIGMAS = 6 };
    static const size_t sizes[] = {24, 24, 24, 500, 3000};
    const char *seed = getenv("GUARDED_SEED");
    unsigned guarded = 0;

    start("guard-sample=500");
    uint64_t number = seed != NULL ? strtoull(seed, NULL, 0) : cai_os_random();
    printf("GUARDED_SEED=%#llx\n", (unsigned long long)number);
    cai_chance_seed(number);
    for (unsigned i = 0; i < ALL; i++) {
        char *block = cai_allocate(CAI_PLACE_ordinary, sizes[i % 5], false);
        guarded += is_guarded(CAI_PLACE_ordinary, block);
        cai_free(CAI_PLACE_ordinary, block, "free");
    }
    double off = (double)guarded - MEAN;
    require(off * off < (double)SIGMAS * SIGMAS * MEAN);
}

/* Unless a rate was stated: however quickly blocks come and go, two samples are eight milliseconds apart. */
CHILD_TEST(test_V4_no_more_than_cost_next_to_nothing, 60)
{
    enum { ALL = FEWER(1000000, 100000) };
    uint64_t guarded = 0;

    start("guard-sample");
    uint64_t start_ns = cai_os_nanoseconds();
    for (unsigned i = 0; i < ALL; i++) {
        char *block = cai_allocate(CAI_PLACE_ordinary, 24, false);
        guarded += is_guarded(CAI_PLACE_ordinary, block);
        cai_free(CAI_PLACE_ordinary, block, "free");
    }
    require(guarded > 0);
    require(guarded <= (cai_os_nanoseconds() - start_ns) / 8000000 + 1);
}

CHILD_TEST_EACH(test_V4_writes_beside_are_told_at_free, 20, places)
{
    unsigned over = 0;
    unsigned under = 0;

    start("guard-sample=3");
    refuse_start();
    for (unsigned i = 0; i < 200 && (over == 0 || under == 0); i++) {
        char *block = take_guarded(value, 100);
        bool to_the_left = (uintptr_t)block % cai_settings->page_bytes == 0;
        block[to_the_left ? 100 : -1] = 1;
        cai_free(value, block, "free");
        require(refused_report.size == 100 && refused_report.address == block);
        require(was_refused(to_the_left ? "overflow" : "underflow"));
        over += to_the_left;
        under += !to_the_left;
    }
    require(over != 0 && under != 0);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

CHILD_TEST_EACH(test_V4_what_cannot_be_touched, 20, places)
{
    unsigned over = 0;
    unsigned under = 0;

    start("guard-sample=3");
    refuse_start();
    for (unsigned i = 0; i < 200 && (over == 0 || under == 0); i++) {
        volatile char *block = take_guarded(value, 112);
        bool to_the_left = (uintptr_t)block % cai_settings->page_bytes == 0;
        block[to_the_left ? -1 : 112] = 1; /* the handler has it go on */
        __asm__ volatile("" : : : "memory");
        require(was_refused_in(to_the_left ? "underflow" : "overflow", cai_place_name(value), 112));
        cai_free(value, (void *)block, "free");
        require(refused_calls == 0);
        touch(block + 5);
        require(was_refused_in("use-after-free", cai_place_name(value), 112));
        over += !to_the_left;
        under += to_the_left;
    }
    require(over != 0 && under != 0);
}

CHILD_TEST(test_V5_resized, 20)
{
    start("guard-sample=3");
    refuse_start();
    for (unsigned i = 0; i < 300; i++) {
        char *block = take_guarded(CAI_PLACE_ordinary, 100);
        memset(block, 0x5a, 100);
        block = cai_resize(CAI_PLACE_ordinary, block, 60 + i, "realloc");
        require(block != NULL && is_all(block, 60 + i < 100 ? 60 + i : 100, 0x5a));
        memset(block, 0x5b, 60 + i < 100 ? 60 : 60 + i);
        cai_free(CAI_PLACE_ordinary, block, "free");
        require(refused_calls == 0);
    }
    require_null(audit_all());
}

/* By the doors of the heap's own form. */
CHILD_TEST(test_V5_exact_sizes_and_zeros, 30)
{
    start("guard-sample=2");
    refuse_start();
    ca_authority heap = ca_default_authority();
    for (unsigned i = 0; i < 2000; i++) {
        size_t bytes = 1 + i % 200;
        ca_secret key = ca_unwrap(ca_allocate_secret(heap, CA_LAYOUT_ARRAY(char, bytes)));
        require(is_all(key.ptr, bytes, 0));
        memset(key.ptr, 0x5a, bytes);
        key = ca_unwrap(ca_grow(heap, key, CA_LAYOUT_ARRAY(char, bytes + 7)));
        require(is_all((char *)key.ptr + bytes, 7, 0) && is_all(key.ptr, bytes, 0x5a));
        memset(key.ptr, 0x5a, bytes + 7);
        key = ca_unwrap(ca_shrink(key, CA_LAYOUT_ARRAY(char, bytes)));
        if (i % 3 == 0) {
            ca_wiped wiped = ca_wipe(&key);
            key = ca_secret_reuse(&wiped);
            require(is_all(key.ptr, bytes, 0));
            wiped = ca_wipe(&key);
            ca_deallocate(wiped);
        } else {
            ca_deallocate_zeroed(key);
        }
        require(refused_calls == 0);
    }
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* Paid for by an authority, and ended with it. */
CHILD_TEST(test_V5_charged_and_ended_with_the_heap, 30)
{
    enum { BLOCKS = 60, QUOTA = 1 << 20 };
    char *blocks[BLOCKS];
    ca_error error;

    start("guard-sample=2");
    refuse_start();
    for (unsigned round = 0; round < 20; round++) {
        struct cai_grant grant = grant_new(QUOTA);
        unsigned guarded = 0;
        for (unsigned i = 0; i < BLOCKS; i++) {
            blocks[i] = cai_allocate_for(&grant, places[i % 4], 100, 8, false, &error);
            require(blocks[i] != NULL);
            guarded += is_guarded(places[i % 4], blocks[i]);
        }
        require(guarded != 0);
        for (unsigned i = 0; i < BLOCKS / 2; i++)
            cai_free(places[i % 4], blocks[i], "free");
        require_null(audit_all());
        require(cai_reap_blocks(&grant));
        require_null(audit_all());
    }
    require(refused_calls == 0);
    require_null(audit_zeros(true));
}

static void live(uint64_t seed, unsigned steps)
{
    enum { KEPT = 50 };
    char *blocks[KEPT] = {NULL};
    size_t sizes[KEPT];
    struct rng rng = rng_start(seed);

    for (unsigned i = 0; i < steps; i++) {
        unsigned at = rng_below(&rng, KEPT);
        enum cai_place place = places[at % 4];
        if (blocks[at] != NULL) {
            require(is_all(blocks[at], sizes[at], (char)at));
            cai_free(place, blocks[at], "free");
        }
        sizes[at] = 1 + rng_below(&rng, rng_below(&rng, 8) == 0 ? 20000 : 300);
        blocks[at] = cai_allocate(place, sizes[at], at % 3 == 0);
        require(blocks[at] != NULL);
        memset(blocks[at], (int)at, sizes[at]);
    }
    for (unsigned at = 0; at < KEPT; at++)
        cai_free(places[at % 4], blocks[at], "free");
}

/* 120000 steps and 240 forks over six presets: few where the thread sanitizer looks and in the emulator. */
enum { STEPS = CAI_TSAN ? 5000 : FEWER(27500, 5000), FORKS = CAI_TSAN ? 15 : FEWER(53, 15) };

static void *live_in_thread(void *seed)
{
    live((uint64_t)(uintptr_t)seed, STEPS);
    return NULL;
}

CHILD_TEST(test_V5_threads, 60)
{
    pthread_t threads[4];

    start("guard-sample=5");
    for (unsigned i = 0; i < 4; i++)
        require(pthread_create(&threads[i], NULL, live_in_thread, (void *)(uintptr_t)(i + 1)) == 0);
    live(9, STEPS);
    for (unsigned i = 0; i < 4; i++)
        require(pthread_join(threads[i], NULL) == 0);
    require(cai_violation_count() == 0);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

CHILD_TEST_EACH(test_V5_in_the_child_of_a_fork, 60, places)
{
    start("guard-sample=3");
    refuse_start();
    char *block = take_guarded(value, 112);
    volatile char *gone = take_guarded(value, 112);
    memset(block, 0x5a, 112);
    cai_free(value, (void *)gone, "free");
    pid_t child = fork();
    if (child == 0) {
        bool to_the_left = (uintptr_t)block % cai_settings->page_bytes == 0;
        require(is_all(block, 112, 0x5a));
        touch(gone + 3);
        require(was_refused("use-after-free"));
        touch(block + (to_the_left ? -1 : 112));
        require(was_refused(to_the_left ? "underflow" : "overflow"));
        cai_free(value, block, "free");
        require(refused_calls == 0);
        live(3, 2000);
        require_null(audit_all());
        _exit(0);
    }
    int status;
    require(waitpid(child, &status, 0) == child && status == 0);
    require(is_all(block, 112, 0x5a));
    cai_free(value, block, "free");
    require(refused_calls == 0);
    require_null(audit_all());
}

static void *fork_often(void *unused)
{
    for (unsigned i = 0; i < FORKS; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            live(i, 300);
            _exit(cai_violation_count() == 0 ? 0 : 1);
        }
        require(waitpid(child, &status, 0) == child && status == 0);
    }
    return unused;
}

CHILD_TEST(test_V5_forks_beside_threads, 60)
{
    pthread_t threads[3];

    start("guard-sample=2");
    require(pthread_create(&threads[0], NULL, live_in_thread, (void *)1) == 0);
    require(pthread_create(&threads[1], NULL, live_in_thread, (void *)2) == 0);
    require(pthread_create(&threads[2], NULL, fork_often, NULL) == 0);
    for (unsigned i = 0; i < 3; i++)
        require(pthread_join(threads[i], NULL) == 0);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(test_V5_taken_and_given_back),
        alone(test_V5_at_most_so_many),
        alone(test_V5_aligned_and_large_blocks_are_none),
        alone(test_V4_one_in_so_many),
        alone(test_V4_no_more_than_cost_next_to_nothing),
        alone(test_V4_writes_beside_are_told_at_free),
        alone(test_V4_what_cannot_be_touched),
        alone(test_V5_resized),
        alone(test_V5_exact_sizes_and_zeros),
        alone(test_V5_charged_and_ended_with_the_heap),
        cmocka_unit_test(test_V5_threads),
        alone(test_V5_in_the_child_of_a_fork),
        cmocka_unit_test(test_V5_forks_beside_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
