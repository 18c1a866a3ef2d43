/* Many threads take, fill, resize, swap and give back blocks of all sizes and intentions, while threads end, processes
 * fork and memory is given back to the system; every byte that was written is verified, audits look at everything at
 * quiet points, and at the end nothing may be live.
 *
 *     stress [--seed N] [--threads N] [--operations N] [--may-fail] [--no-fork]
 *
 * The seed decides what each lane does; how the lanes interleave it does not decide.
 */
#include "lane.h"

#include <capalloc/capalloc.h>

#include "base/bits.h"
#include "core/settings.h"
#include "support/audit.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct plan plan = {.lanes = 4, .operations = 250000, .fork = true};
struct shelf shelf = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct lane lanes[LANES_MAX];
static sem_t lanes_done;
static _Thread_local const struct lane *current;

/* Operations that a thread lives for, at most. */
enum { LIFE = 20000, FORKS_MAX = 1000 };

/* Quiet points on the way. */
enum { ROUNDS = 5 };

/* What slabs and caches may hold when nothing is live: some for the main thread, none for those that ended. */
enum { USED_BYTES_MAX = 4 << 20 };

void fail(const char *format, ...)
{
    char text[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "stress: %s (seed %llu, lane %d, %ld operations before its end)\n", text,
            (unsigned long long)plan.seed, current != NULL ? (int)current->number : -1,
            current != NULL ? current->operations : 0);
    abort();
}

uint64_t lane_random(struct lane *lane)
{
    uint64_t z = lane->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t lane_random_size(struct lane *lane)
{
    uint64_t dice = lane_random(lane);
    unsigned shift_max = dice % 100 < 75 ? 10 : dice % 100 < 98 ? 16 : 21;
    unsigned shift = (unsigned)(dice >> 32) % (shift_max + 1);

    return lane_random(lane) % (((size_t)1 << shift) + 1);
}

static size_t random_alignment(struct lane *lane)
{
    uint64_t dice = lane_random(lane);

    return (size_t)1 << (dice % 64 == 0 ? dice / 64 % 22 : dice / 64 % 13);
}

static void check_new(struct lane *lane, struct block *block, void *at, size_t size, size_t alignment)
{
    if (at == NULL) {
        if (!plan.may_fail)
            fail("no memory for %zu bytes at alignment %zu: %s", size, alignment, strerror(errno));
        if (errno != ENOMEM)
            fail("%zu bytes at alignment %zu refused, and errno is %d", size, alignment, errno);
        lane->failures++;
        return;
    }
    if ((uintptr_t)at % (alignment < 16 ? 16 : alignment) != 0)
        fail("%zu bytes at %p are not aligned to %zu", size, at, alignment);
    if (ca_malloc_usable_size(at) < size)
        fail("%zu bytes at %p have room for %zu", size, at, ca_malloc_usable_size(at));
    block_own(block, at, size, lane->tag++);
}

void lane_allocate(struct lane *lane, struct block *block)
{
    if (lane_random(lane) % 2 == 0) {
        intention_allocate(lane, block);
        return;
    }
    size_t size = lane_random_size(lane);
    size_t alignment = 16;
    void *at = NULL;

    block->kind = KIND_MALLOC;
    errno = 0;
    switch (lane_random(lane) % 8) {
    case 0:
        at = ca_calloc(1 + size / 3, 3);
        size = (1 + size / 3) * 3;
        if (at != NULL)
            block_verify_zero(at, size);
        break;
    case 1:
        alignment = random_alignment(lane);
        at = ca_aligned_alloc(alignment, size);
        break;
    case 2:
        alignment = cai_max(random_alignment(lane), sizeof(void *));
        errno = ca_posix_memalign(&at, alignment, size);
        break;
    default:
        at = ca_malloc(size);
    }
    check_new(lane, block, at, size, alignment);
}

void lane_free(struct block *block)
{
    if (block->at == NULL)
        return;
    block_disown(block);
    if (block->kind == KIND_MALLOC)
        ca_free(block->at);
    else
        intention_free(block);
    block->at = NULL;
}

/* The claim is released first: another thread may be given the old memory before realloc has returned here. */
static void resize(struct lane *lane, struct block *block)
{
    size_t size = 1 + lane_random_size(lane);
    struct block old = *block;

    if (old.at == NULL) {
        lane_allocate(lane, block);
        return;
    }
    if (old.kind != KIND_MALLOC) {
        intention_resize(lane, block);
        return;
    }
    block_disown(block);
    errno = 0;
    void *at = ca_realloc(old.at, size);
    block->at = at == NULL ? old.at : at;
    block_verify(block, cai_min(size, old.size));
    if (at == NULL) {
        block_verify(block, old.size);
        size = old.size;
        lane->failures++;
        if (!plan.may_fail || errno != ENOMEM)
            fail("realloc from %zu to %zu bytes refused: %s", old.size, size, strerror(errno));
    }
    block_own(block, block->at, size, lane->tag++);
}

static void swap_with_shelf(struct lane *lane, struct block *block)
{
    pthread_mutex_lock(&shelf.lock);
    struct block *there = &shelf.blocks[lane_random(lane) % SHELF_BLOCKS];
    struct block mine = *block;
    *block = *there;
    *there = mine;
    pthread_mutex_unlock(&shelf.lock);
}

static void read_stats(void)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    if (stats.violations != 0)
        fail("%llu violations", (unsigned long long)stats.violations);
}

static void seldom(struct lane *lane)
{
    switch (lane_random(lane) % 16) {
    case 0:
        ca_trim();
        break;
    case 1:
        read_stats();
        break;
    case 2:
        if (plan.fork && lane->forks < FORKS_MAX)
            lane_fork(lane);
        break;
    case 3: /* everything at once, as programs do at the end of a phase */
        for (unsigned i = 0; i < LIVE_BLOCKS; i++)
            lane_free(&lane->live[i]);
        break;
    case 4:
        lane_cancel(lane);
        break;
    default:
        break;
    }
}

static void step(struct lane *lane)
{
    uint64_t dice = lane_random(lane);
    struct block *block = &lane->live[dice % LIVE_BLOCKS];
    unsigned what = dice >> 32 & 1023;

    if (what < 700) { /* half of these take, half give */
        if (block->at == NULL)
            lane_allocate(lane, block);
        else
            lane_free(block);
    } else if (what < 850) {
        resize(lane, block);
    } else if (what < 1022) {
        swap_with_shelf(lane, block);
    } else {
        seldom(lane);
    }
}

static void start_thread(struct lane *lane);

static void *live(void *argument)
{
    struct lane *lane = argument;

    current = lane;
    long life = 1 + (long)(lane_random(lane) % LIFE);
    for (; life > 0 && lane->operations > lane->pause; life--, lane->operations--)
        step(lane);
    if (lane->operations > lane->pause) {
        start_thread(lane);
        return NULL;
    }
    for (unsigned i = 0; lane->operations == 0 && i < LIVE_BLOCKS; i++)
        lane_free(&lane->live[i]);
    sem_post(&lanes_done);
    return NULL;
}

static void start_thread(struct lane *lane)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, live, lane);

    if (error != 0)
        fail("no thread: %s", strerror(error));
    pthread_detach(thread);
}

static void parse(int count, char **arguments)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},       {"threads", required_argument, NULL, 't'},
        {"operations", required_argument, NULL, 'o'}, {"may-fail", no_argument, NULL, 'm'},
        {"no-fork", no_argument, NULL, 'n'},          {0}};
    plan.seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;)
        switch (option) {
        case 's':
            plan.seed = strtoull(optarg, NULL, 0);
            break;
        case 't':
            plan.lanes = (unsigned)cai_min(strtoul(optarg, NULL, 0), LANES_MAX);
            break;
        case 'o':
            plan.operations = strtol(optarg, NULL, 0);
            break;
        case 'm':
            plan.may_fail = true;
            break;
        case 'n':
            plan.fork = false;
            break;
        default:
            exit(2);
        }
    if (optind < count)
        fail("unknown argument %s", arguments[optind]);
}

/* Threads that said they are done may still be on their way out, giving back what they have cached. */
static void wait_for_quiet(ca_stats *stats)
{
    for (int i = 0; i < 5000; i++) {
        ca_stats_read(stats);
        if (stats->threads <= 1)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail("%llu threads still have a heap", (unsigned long long)stats->threads);
}

/* No lane runs: the structures are whole, and every free byte of a must-zero place is zero. The helper is a thread
 * inside the allocator: nothing is quiet with it. */
static void audit(ca_stats *stats)
{
    const char *wrong = NULL;

    wait_for_quiet(stats);
    if (!cai_settings->helper && ((wrong = audit_all()) != NULL || (wrong = audit_zeros(true)) != NULL))
        fail("audit: %s", wrong);
}

static void check_nothing_is_left(void)
{
    ca_stats stats = CA_STATS_INIT;

    audit(&stats);
    ca_trim();
    ca_stats_read(&stats);
    if (stats.live_blocks != 0 || stats.live_bytes != 0)
        fail("%llu blocks with %llu bytes are live at the end", (unsigned long long)stats.live_blocks,
             (unsigned long long)stats.live_bytes);
    if (stats.violations != 0)
        fail("%llu violations", (unsigned long long)stats.violations);
    if (stats.allocations == 0)
        fail("no allocation was counted");
    /* What a sweep found a word for waits on, and its slab with it: an old frame of a stack is reason enough. */
    bool all = !cai_settings->revoke || stats.quarantined_bytes == 0;
    for (unsigned i = 0; i < CAI_PLACES && all; i++)
        if (stats.place[i].used_bytes > USED_BYTES_MAX)
            fail("%llu bytes of place %u are in use after everything was freed and trimmed",
                 (unsigned long long)stats.place[i].used_bytes, i);
    audit(&stats);
}

/* All lanes work until they have so many operations left. */
static void run_until(long left)
{
    for (unsigned i = 0; i < plan.lanes; i++) {
        lanes[i].pause = left;
        start_thread(&lanes[i]);
    }
    for (unsigned i = 0; i < plan.lanes; i++)
        while (sem_wait(&lanes_done) != 0)
            continue;
}

int main(int count, char **arguments)
{
    long failures = 0;
    unsigned forks = 0;
    unsigned cancelled = 0;

    parse(count, arguments);
    printf("stress: seed %llu, %u lanes, %ld operations each\n", (unsigned long long)plan.seed, plan.lanes,
           plan.operations);
    block_start();
    ca_free(ca_malloc(1)); /* this thread has a heap from here on: the last one that does when all is quiet */
    heaps_start();
    sem_init(&lanes_done, 0, 0);
    for (unsigned i = 0; i < plan.lanes; i++) {
        lanes[i] = (struct lane){.number = i,
                                 .random = plan.seed + i * UINT64_C(0x2545f4914f6cdd1d),
                                 .tag = (uint64_t)(i + 1) << 40,
                                 .operations = plan.operations};
    }
    for (unsigned round = ROUNDS; round-- > 0;) {
        ca_stats stats = CA_STATS_INIT;
        run_until(plan.operations * round / ROUNDS);
        audit(&stats);
    }
    for (unsigned i = 0; i < plan.lanes; i++) {
        failures += lanes[i].failures;
        cancelled += lanes[i].cancelled;
        forks += lanes[i].forks;
    }
    for (unsigned i = 0; i < SHELF_BLOCKS; i++)
        lane_free(&shelf.blocks[i]);
    heaps_end();
    check_nothing_is_left();
    printf("stress: %u forks, %u threads cancelled, %ld allocations refused, nothing left\n", forks, cancelled,
           failures);
    if (plan.may_fail && failures == 0)
        fail("the limit was never reached");
    return 0;
}
