/* Large blocks grow and shrink where there is no room for two of them, so that their pages slide, while processes
 * fork, threads are cancelled and end, memory is given back to the system, other large blocks come and go, and the
 * limit falls and rises. A window in every page is verified, in children too, and it is counted how often pages slid,
 * forth and back.
 *
 *     slides [--seed N] [--threads N] [--rounds N] [--address-space]
 *
 * Under CAPALLOC_OPTIONS=limit=24M; with --address-space under RLIMIT_AS, which one thread moves all the time.
 */
#include "block.h"

#include <capalloc/capalloc.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "blocks/large.h"
#include "pages/move.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/process.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LANES_MAX = 8, BLOCKS = 4, LIFE = 200, CHILD_SECONDS = 120, WORK = 40 };

static const size_t kib = 1024, mib = 1024 * 1024;

/* What a lane has; who comes after its thread goes on with it. */
static struct lane {
    unsigned number;
    uint64_t random, tag;
    long rounds;
    struct block blocks[BLOCKS];
    uint32_t busy[BLOCKS]; /* atomic: something is done to the block, and a child of others leaves it alone */
    void *shown[BLOCKS];   /* atomic: where it was last, for everybody */
} lanes[LANES_MAX];

static struct plan {
    uint64_t seed;
    unsigned lanes;
    long rounds;
    bool address_space;
} plan = {.lanes = 4, .rounds = 1500};

/* As in cancel.c. */
#if defined(__SANITIZE_ADDRESS__)
enum { CAN_CANCEL = 0 };
#else
enum { CAN_CANCEL = 1 };
#endif

static uint32_t slid, slid_back, refused, forks, cancelled; /* atomic */
static struct rlimit unlimited;

void fail(const char *format, ...)
{
    char text[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "slides: %s (seed %llu)\n", text, (unsigned long long)plan.seed);
    abort();
}

bool __real_cai_run_slide(struct cai_unit *from, struct cai_unit *to, bool again);
bool __wrap_cai_run_slide(struct cai_unit *from, struct cai_unit *to, bool again);
bool __wrap_cai_run_slide(struct cai_unit *from, struct cai_unit *to, bool again)
{
    bool done = __real_cai_run_slide(from, to, again);

    cai_add_relaxed(done ? &slid : &slid_back, 1);
    return done;
}

static uint64_t dice(struct lane *lane)
{
    uint64_t z = lane->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 27;
}

/* --- blocks --- */

static size_t random_size(struct lane *lane)
{
    return 300 * kib + dice(lane) % (3 * mib);
}

static void take(struct lane *lane, struct block *block)
{
    size_t size = random_size(lane);

    block->kind = dice(lane) % 3 == 0 ? KIND_NOCAPS : KIND_MALLOC;
    void *at = block->kind == KIND_MALLOC ? ca_malloc(size)
                                          : ca_allocate_nocaps(ca_default_authority(), (ca_layout){size, 16}).ptr;
    if (at != NULL)
        block_own(block, at, size, lane->tag++);
    else
        cai_add_relaxed(&refused, 1);
}

static void give(struct block *block)
{
    block_disown(block);
    if (block->kind == KIND_MALLOC)
        ca_free(block->at);
    else
        ca_deallocate(((ca_nocaps){block->at, block->size}));
    block->at = NULL;
}

static void *resize_to(const struct block *old, size_t size)
{
    if (old->kind == KIND_MALLOC)
        return ca_realloc(old->at, size);
    if (size < old->size)
        return ca_shrink(((ca_nocaps){old->at, old->size}), (ca_layout){size, 16}).ptr;
    return ca_grow(ca_default_authority(), ((ca_nocaps){old->at, old->size}), (ca_layout){size, 16}).ptr;
}

/* Mostly a little more: what does not fit where it lies, and of which there is no second. */
static void resize(struct lane *lane, unsigned which)
{
    struct block *block = &lane->blocks[which];
    struct block old = *block;
    size_t size = dice(lane) % 4 == 0 ? random_size(lane) : old.size + dice(lane) % (512 * kib);

    block_disown(block);
    void *at = resize_to(&old, size);
    size = at != NULL ? size : old.size;
    block->at = at != NULL ? at : old.at;
    block_verify(block, cai_min(size, old.size));
    block_own(block, block->at, size, lane->tag++);
    if (at == NULL)
        cai_add_relaxed(&refused, 1);
}

static void use(struct lane *lane, unsigned which)
{
    struct block *block = &lane->blocks[which];

    cai_store_release(&lane->busy[which], 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (block->at == NULL)
        take(lane, block);
    else if (dice(lane) % 16 == 0)
        give(block);
    else
        resize(lane, which);
    cai_store_relaxed(&lane->shown[which], block->at);
    cai_store_release(&lane->busy[which], 0);
}

/* --- children --- */

static void verify_all(void)
{
    for (unsigned i = 0; i < plan.lanes; i++)
        for (unsigned j = 0; j < BLOCKS; j++)
            if (cai_load_acquire(&lanes[i].busy[j]) == 0 && lanes[i].blocks[j].at != NULL)
                block_verify(&lanes[i].blocks[j], lanes[i].blocks[j].size);
}

/* The thread sanitizer knows nothing of how what lost threads wrote comes to a child. */
static void audit(const char *when)
{
    const char *wrong = CAI_TSAN ? NULL : audit_all();

    if (wrong != NULL)
        fail("audit, %s: %s", when, wrong);
}

static void work_and_end(struct lane *lane)
{
    alarm(CHILD_SECONDS);
    setrlimit(RLIMIT_AS, &unlimited);
    audit("at first");
    verify_all();
    for (unsigned i = 0; i < WORK; i++)
        use(lane, (unsigned)(dice(lane) % BLOCKS));
    verify_all();
    ca_trim();
    for (unsigned i = 0; i < BLOCKS; i++)
        if (lane->blocks[i].at != NULL)
            give(&lane->blocks[i]);
    audit("after work");
    _exit(0);
}

static void fork_once(struct lane *lane)
{
    int status, state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state); /* nobody else would wait for the child */
    pid_t child = fork();

    if (child == 0)
        work_and_end(lane);
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        fail("the child ended with status %#x", (unsigned)status);
    cai_add_relaxed(&forks, child > 0);
    pthread_setcancelstate(state, NULL);
}

/* --- threads --- */

static void seldom(struct lane *lane)
{
    ca_stats stats = CA_STATS_INIT;

    switch (dice(lane) % 8) {
    case 0:
        fork_once(lane);
        break;
    case 1:
    case 2:
        ca_trim();
        break;
    case 3:
        ca_stats_read(&stats);
        if (stats.violations != 0)
            fail("%llu violations", (unsigned long long)stats.violations);
        break;
    default: {
        struct lane *other = &lanes[dice(lane) % plan.lanes]; /* an address that may be anything by now */
        void *at = cai_load_relaxed(&other->shown[dice(lane) % BLOCKS]);
        ca_block_info told = CA_BLOCK_INFO_INIT;
        ca_error error = at != NULL ? ca_describe(at, &told) : CA_OK;
        error = ca_nocaps_check((ca_nocaps){at, 300 * kib});
        (void)error; /* any will do */
    }
    }
}

static void step(struct lane *lane)
{
    use(lane, (unsigned)(dice(lane) % BLOCKS));
    if (dice(lane) % 32 == 0)
        seldom(lane);
}

static void *live(void *argument)
{
    struct lane *lane = argument;

    for (long life = LIFE; life > 0 && lane->rounds > 0; life--, lane->rounds--) {
        step(lane);
        pthread_testcancel(); /* the only place where it may end */
    }
    return NULL;
}

/* One thread after the other, half of them cancelled. */
static void *lead(void *argument)
{
    struct lane *lane = argument;
    pthread_t thread;

    while (lane->rounds > 0) {
        if (pthread_create(&thread, NULL, live, lane) != 0) {
            sched_yield(); /* as it is where memory is scarce */
            continue;
        }
        if (CAN_CANCEL && lane->number % 2 == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            pthread_cancel(thread);
            cai_add_relaxed(&cancelled, 1);
        }
        pthread_join(thread, NULL);
    }
    fork_once(lane); /* once at least */
    return NULL;
}

/* The limit falls to what there is, and a little, and rises again. */
static uint32_t is_over; /* atomic */

static void *move_limit(void *unused)
{
    struct lane lane = {.random = plan.seed ^ 0x5eed};

    while (cai_load_relaxed(&is_over) == 0) {
        struct rlimit now = unlimited;
        if (dice(&lane) % 8 != 0)
            now.rlim_cur = (rlim_t)process_look().size_kib * kib + dice(&lane) % (6 * mib);
        setrlimit(RLIMIT_AS, &now);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    setrlimit(RLIMIT_AS, &unlimited);
    return unused;
}

static void parse(int count, char **arguments)
{
    static const struct option known[] = {{"seed", required_argument, NULL, 's'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"address-space", no_argument, NULL, 'a'},
                                          {0}};
    plan.seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;)
        switch (option) {
        case 's':
            plan.seed = strtoull(optarg, NULL, 0);
            break;
        case 't':
            plan.lanes = (unsigned)cai_min(strtoul(optarg, NULL, 0), LANES_MAX);
            break;
        case 'r':
            plan.rounds = strtol(optarg, NULL, 0);
            break;
        case 'a':
            plan.address_space = true;
            break;
        default:
            exit(2);
        }
    if (optind < count)
        fail("unknown argument %s", arguments[optind]);
}

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
    if (pthread_create(thread, NULL, function, argument) != 0)
        fail("no thread: %s", strerror(errno));
}

static void check_nothing_is_left(void)
{
    ca_stats stats = CA_STATS_INIT;

    for (unsigned i = 0; i < plan.lanes; i++)
        for (unsigned j = 0; j < BLOCKS; j++)
            if (lanes[i].blocks[j].at != NULL)
                give(&lanes[i].blocks[j]);
    ca_trim();
    ca_stats_read(&stats);
    audit("at the end");
    if (stats.live_blocks != 0)
        fail("%llu blocks are live at the end", (unsigned long long)stats.live_blocks);
}

static void *idle(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* For the first thread that is cancelled the C library loads another library, which it cannot under a limit. */
static void cancel_one(void)
{
    pthread_t thread;

    start(&thread, idle, NULL);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

int main(int count, char **arguments)
{
    pthread_t leaders[LANES_MAX];
    pthread_t limiter;

    parse(count, arguments);
    if (CAN_CANCEL)
        cancel_one();
    printf("slides: seed %llu, %u threads, %ld rounds each\n", (unsigned long long)plan.seed, plan.lanes, plan.rounds);
    fflush(NULL);
    block_start();
    ca_free(ca_malloc(1));
    getrlimit(RLIMIT_AS, &unlimited);
    for (unsigned i = 0; i < plan.lanes; i++) {
        lanes[i].number = i;
        lanes[i].random = plan.seed + i * UINT64_C(0x2545f4914f6cdd1d);
        lanes[i].tag = (uint64_t)(i + 1) << 40;
        lanes[i].rounds = plan.rounds;
        start(&leaders[i], lead, &lanes[i]);
    }
    if (plan.address_space)
        start(&limiter, move_limit, NULL);
    for (unsigned i = 0; i < plan.lanes; i++)
        pthread_join(leaders[i], NULL);
    cai_store_release(&is_over, 1);
    if (plan.address_space)
        pthread_join(limiter, NULL);
    check_nothing_is_left();
    printf("slides: %u forth and %u back, %u refused, %u forks, %u threads cancelled\n", slid, slid_back, refused,
           forks, cancelled);
    if (slid == 0 || forks == 0)
        fail("no block slid, or nothing forked");
    return 0;
}
