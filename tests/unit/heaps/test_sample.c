/* The sampled heap profile: that it estimates without bias, and that a sampled block is a block like any other on all
 * of its ways. At a rate of one byte each block is sampled and stands for itself, so that numbers are exact.
 */
#include "unit/unit.h"

#include "core/chance.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/emulated.h"
#include "support/grants.h"
#include "support/refuse.h"

#include <capalloc/heap.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE CAI_PLACE_ordinary

static struct cai_sites *sites; /* shared with forked children */

static struct cai_sites *map_sites(void)
{
    void *at = mmap(NULL, sizeof(struct cai_sites), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    require(at != MAP_FAILED);
    return at;
}

static void start(uint64_t rate)
{
    sites = map_sites();
    require(cai_life_start() && cai_sample_start(sites, rate));
}

struct sums {
    uint64_t live_blocks, live_bytes, all_blocks, all_bytes, peak_bytes;
};

static struct sums sums_of(const struct cai_sites *of)
{
    struct sums sums = {.live_blocks = 0};

    for (unsigned i = 0; i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &of->site[i];
        sums.live_blocks += site->live_blocks;
        sums.live_bytes += site->live_bytes;
        sums.all_blocks += site->all_blocks;
        sums.all_bytes += site->all_bytes;
        sums.peak_bytes += site->peak_bytes;
    }
    require(sums.live_bytes == of->live_bytes);
    return sums;
}

static uint64_t live_bytes(void)
{
    return sums_of(sites).live_bytes;
}

static void *take(size_t bytes)
{
    void *block = cai_allocate(PLACE, bytes, false);

    require(block != NULL);
    return block;
}

static void give(void *block)
{
    cai_free(PLACE, block, "free");
}

static bool is_sampled(const void *block)
{
    return cai_find_live(PLACE, block).byte == CAI_STATE_SAMPLED;
}

/* --- estimates --- */

enum { SEEDS = FEWER(50, 12), ROUNDS = 600 };
static const size_t sizes[] = {16, 48, 112, 256, 1024, 4096, 20480, 65536, 262144};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const uint64_t rates[] = {1000, 65536, 524288};

struct measured {
    double sum, squares;
};

static void measure(struct measured *measured, double value)
{
    measured->sum += value;
    measured->squares += value * value;
}

static void require_unbiased(const struct measured *measured, double truth)
{
    double mean = measured->sum / SEEDS;
    double variance = (measured->squares - measured->sum * mean) / (SEEDS - 1);
    double error = sqrt(fmax(variance, 0) / SEEDS);

    if (fabs(mean - truth) > 3 * error + truth * 1e-6)
        fprintf(stderr, "mean %.0f instead of %.0f, standard error %.0f\n", mean, truth, error);
    require(fabs(mean - truth) <= 3 * error + truth * 1e-6);
}

/* What one program does: of each size many, in turn, of which every third stays. */
static void one_program(void **kept)
{
    size_t count = 0;

    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < SIZES; i++) {
            void *block = take(sizes[i]);
            if (round % 3 == 0)
                kept[count++] = block;
            else
                give(block);
        }
}

/* The same draws each time: one test is red or green for ever. */
CHILD_TEST_EACH(test_S5_estimates_are_unbiased, 60, rates)
{
    struct measured live = {.sum = 0}, all = {.sum = 0}, blocks = {.sum = 0};
    void **kept = mmap(NULL, ROUNDS * SIZES * sizeof *kept, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double bytes = 0;

    for (unsigned i = 0; i < SIZES; i++)
        bytes += (double)sizes[i];
    start(value);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        cai_chance_seed(seed * UINT64_C(0x2545f4914f6cdd1d));
        struct sums before = sums_of(sites);
        memset(kept, 0, ROUNDS * SIZES * sizeof *kept);
        one_program(kept);
        struct sums after = sums_of(sites);
        measure(&live, (double)after.live_bytes);
        measure(&all, (double)(after.all_bytes - before.all_bytes));
        measure(&blocks, (double)(after.all_blocks - before.all_blocks) / CAI_SITE_BLOCK);
        for (size_t i = 0; i < ROUNDS * SIZES; i++)
            give(kept[i]);
        require(live_bytes() == 0);
    }
    require(sites->lost == 0);
    require_unbiased(&live, bytes * ROUNDS / 3);
    require_unbiased(&all, bytes * ROUNDS);
    if (value <= 65536) /* else the smallest are hit once in all, and that has no standard error */
        require_unbiased(&blocks, (double)SIZES * ROUNDS);
}

static void test_S5_chances(void **state)
{
    (void)state;
    for (uint64_t rate = 1; rate < UINT64_C(1) << 40; rate *= 7)
        for (uint64_t bytes = 1; bytes < UINT64_C(1) << 30; bytes *= 5) {
            double right = -expm1(-(double)bytes / (double)rate);
            assert_true(fabs(cai_chance_of(rate, bytes) - right) <= right * 1e-9);
        }
    double sum = 0;
    cai_chance_seed(7);
    for (int i = 0; i < 100000; i++)
        sum += (double)cai_chance_bytes(1000);
    assert_true(fabs(sum / 100000 - 1000.5) < 3 * 1000 / sqrt(100000));
}

/* --- a block's ways --- */

CHILD_TEST(test_S5_every_block_at_a_rate_of_one, 20)
{
    start(1);
    for (size_t bytes = 1; bytes < CAI_MIB; bytes += 1 + bytes / 4) {
        void *block = take(bytes);
        require(is_sampled(block) && live_bytes() == cai_usable(PLACE, block, "usable"));
        require(sums_of(sites).live_blocks == CAI_SITE_BLOCK);
        give(block);
        require(live_bytes() == 0);
    }
}

CHILD_TEST(test_S5_freed_twice_is_told, 20)
{
    refuse_start();
    start(1);
    for (size_t bytes = 16; bytes < CAI_MIB; bytes *= 8) {
        void *block = take(bytes);
        give(block);
        give(block);
        require(was_refused("double-free") && live_bytes() == 0);
        block = take(bytes);
        give((char *)block + 8);
        require(was_refused("invalid-free") && is_sampled(block));
        give(block);
    }
}

CHILD_TEST(test_S4_where_the_last_sampled_block_was_taken, 20)
{
    start(1);
    for (size_t bytes = 16; bytes < CAI_MIB; bytes *= 8) {
        void *block = take(bytes);
        uint64_t address = (uint64_t)block;
        uint32_t site = cai_sample_find(address).allocated_at;
        require(site != 0 && sites->site[site].live_blocks == CAI_SITE_BLOCK);
        give(block);
        require(cai_sample_find(address).allocated_at == site && cai_sample_find(address).freed_at == 0);
        require(sites->site[site].live_blocks == 0);
        require(cai_sample_find(address + 1).allocated_at == 0);
    }
    require(cai_sample_find(0).allocated_at == 0 && cai_sample_find(1).allocated_at == 0);
}

static void *free_all(void *of)
{
    void **blocks = of;

    for (size_t i = 0; blocks[i] != NULL; i++)
        give(blocks[i]);
    return NULL;
}

CHILD_TEST(test_S5_freed_by_another_thread, 20)
{
    void *blocks[65] = {NULL};
    pthread_t thread;

    start(1);
    for (unsigned i = 0; i < 64; i++)
        blocks[i] = take((size_t)16 << i % 14);
    uint64_t before = sums_of(sites).live_blocks;
    require(before >= UINT64_C(64) * CAI_SITE_BLOCK);
    require(pthread_create(&thread, NULL, free_all, blocks) == 0 && pthread_join(thread, NULL) == 0);
    require(sums_of(sites).live_blocks <= before - UINT64_C(64) * CAI_SITE_BLOCK);
    require(audit_all() == NULL);
}

/* A large block that stays in its units keeps the record of what it was: a quarter of them at most. */
static bool is_recorded(const void *block)
{
    size_t usable = cai_usable(PLACE, block, "usable");
    uint64_t live = live_bytes();
    uint64_t apart = live > usable ? live - usable : usable - live;

    return is_sampled(block) && apart <= (usable > CAI_SMALL_BYTES_MAX ? cai_round_up(usable, CAI_UNIT_BYTES) / 4 : 0);
}

CHILD_TEST(test_S5_resized, 20)
{
    start(1);
    void *block = take(100);
    for (size_t bytes = 100; bytes < 64 * CAI_MIB; bytes += bytes / 3) {
        block = cai_resize(PLACE, block, bytes, "realloc");
        require(block != NULL && is_recorded(block));
    }
    for (size_t bytes = 64 * CAI_MIB; bytes != 0; bytes /= 3) {
        block = cai_resize(PLACE, block, bytes, "realloc");
        require(block != NULL && is_recorded(block));
    }
    give(block);
    require(live_bytes() == 0);
}

/* What a child inherited is live in its sites, and what it does is none of its parent's. */
CHILD_TEST(test_S5_after_fork, 20)
{
    start(1);
    struct cai_sites *childs = map_sites();
    void *block = take(1000);
    void *other = take(100000);
    uint64_t bytes = live_bytes();
    pid_t child = fork();
    if (child == 0) {
        cai_process_notice();
        cai_sample_child(childs);
        require(sums_of(childs).live_bytes == bytes && sums_of(childs).all_bytes == bytes);
        give(block);
        take(5000);
        give(other);
        require(sums_of(childs).live_bytes == cai_class_bytes((unsigned)cai_class_of(5000)));
        cai_sample_child(NULL);
        block = take(50);
        require(!is_sampled(block));
        give(block);
        _exit(0);
    }
    int status;
    require(waitpid(child, &status, 0) == child && status == 0);
    require(live_bytes() == bytes);
    give(block);
    give(other);
    require(live_bytes() == 0);
}

CHILD_TEST(test_S5_heap_that_ends, 20)
{
    start(1);
    struct cai_grant grant = grant_new(64 * CAI_MIB);
    ca_error error;

    for (size_t bytes = 16; bytes < CAI_MIB; bytes *= 2)
        require(cai_allocate_for(&grant, PLACE, bytes, 16, false, &error) != NULL);
    require(live_bytes() >= CAI_MIB - 16);
    require(ca_heap_destroy(grant.authority) == CA_OK);
    require(live_bytes() == 0);
}

static ca_layout of_bytes(size_t bytes)
{
    return (ca_layout){.size = bytes, .align = 1};
}

/* Sizes of all blocks are told and checked; blocks of less than 16 bytes are not in the profile. */
CHILD_TEST(test_S5_exact_sizes_and_zeros, 20)
{
    start(1);
    for (size_t bytes = 1; bytes < CAI_MIB; bytes += 1 + bytes / 5) {
        ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), of_bytes(bytes)));
        require((live_bytes() != 0) == (bytes >= 16));
        block = ca_unwrap(ca_shrink(block, of_bytes((bytes + 1) / 2)));
        block = ca_unwrap(ca_grow(ca_default_authority(), block, of_bytes(bytes * 2)));
        require(ca_check(block) == CA_OK);
        ca_deallocate(block);
        require(live_bytes() == 0);
        ca_mustzero zero = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), of_bytes(bytes)));
        memset(zero.ptr, 1, bytes);
        ca_wiped wiped = ca_wipe(&zero);
        require(live_bytes() == 0);
        ca_deallocate(wiped);
        require(live_bytes() == 0);
    }
    require(audit_all() == NULL);
}

/* --- sites --- */

__attribute__((noinline)) static void *at_one_place(size_t bytes)
{
    void *volatile block = take(bytes);

    return block;
}

static const struct cai_site *site_of_most(void)
{
    const struct cai_site *most = &sites->site[0];

    for (unsigned i = 0; i < CAI_SITES_MAX; i++)
        if (sites->site[i].all_bytes > most->all_bytes)
            most = &sites->site[i];
    return most;
}

CHILD_TEST(test_S5_sites_and_modules, 20)
{
    start(1);
    for (int i = 0; i < 100; i++)
        at_one_place(1000);
    const struct cai_site *site = site_of_most();
    require(site->live_blocks == UINT64_C(100) * CAI_SITE_BLOCK && site->frames >= 2);
    bool found = false;
    for (unsigned i = 0; i < site->frames; i++) {
        found = found || site->frame[i] - (uintptr_t)at_one_place < 200;
        require(site->module[i] <= sites->modules);
    }
    require(found);
    if (sites->modules == 0) /* a C library that does not say */
        return;
    const struct cai_site_module *module = &sites->module[site->module[0] - 1];
    require(site->frame[0] >= module->low && site->frame[0] < module->high);
    require(strstr(module->path, "sample") != NULL);
}

CHILD_TEST(test_S5_peak, 20)
{
    void *blocks[1000];

    start(1);
    for (int i = 0; i < 1000; i++)
        blocks[i] = take(1024);
    for (int i = 0; i < 1000; i++)
        give(blocks[i]);
    uint64_t peak = sums_of(sites).peak_bytes;
    require(peak <= 1000 * 1024 && peak >= 1000 * 1024 * 31 / 32 - 1024 && live_bytes() == 0);
}

/* --- threads --- */

static void *churn(void *seed)
{
    void *blocks[64] = {NULL};
    unsigned random = (unsigned)(uintptr_t)seed;

    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245u + 12345u;
        void **block = &blocks[random >> 16 & 63];
        if (*block != NULL && random % 5 == 0)
            *block = cai_resize(PLACE, *block, 1 + (random >> 8) % 70000, "realloc");
        else {
            if (*block != NULL)
                give(*block);
            *block = take(1 + (random >> 8) % 3000);
        }
    }
    for (int i = 0; i < 64; i++)
        if (blocks[i] != NULL)
            give(blocks[i]);
    return NULL;
}

CHILD_TEST(test_S5_two_threads, 60)
{
    pthread_t threads[2];

    start(2000);
    for (uintptr_t i = 0; i < 2; i++)
        require(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 2; i++)
        require(pthread_join(threads[i], NULL) == 0);
    require(sites->samples > 1000 && sites->lost == 0);
    uint64_t live = live_bytes(), all = sums_of(sites).all_bytes;
    if (live > all / 1000) /* what the C library took for the threads is live, and little */
        fprintf(stderr, "%lu of %lu bytes are live\n", live, all);
    require(live <= all / 1000);
    require(audit_all() == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(test_S5_chances),
        alone(test_S5_estimates_are_unbiased),
        alone(test_S5_every_block_at_a_rate_of_one),
        alone(test_S5_freed_twice_is_told),
        alone(test_S4_where_the_last_sampled_block_was_taken),
        alone(test_S5_freed_by_another_thread),
        alone(test_S5_resized),
        alone(test_S5_after_fork),
        alone(test_S5_heap_that_ends),
        alone(test_S5_exact_sizes_and_zeros),
        alone(test_S5_sites_and_modules),
        alone(test_S5_peak),
        cmocka_unit_test(test_S5_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
