/* Two threads at one block in the same moment: of two calls that end or change it exactly one succeeds, and the other
 * is refused and reported. Where realloc left the block as the other call states it, that one may succeed after it.
 *
 * The main thread allocates, so that a small block is a slot of its heap: what it gives back itself goes the owner's
 * way, about which C9 leaves open when it is found out.
 */
#include "unit/unit.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "core/settings.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/emulated.h"
#include "support/rng.h"
#include "support/threads.h"

#include <capalloc/capalloc.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum act { GROW, SHRINK, REALLOC, FREE, WIPE };

static const struct pair {
    const char *name;
    enum act acts[2]; /* of the main thread, of the other one */
    bool secret;
    bool by_owner; /* a small block is given back by the thread whose slot it is */
} pairs[] = {
    {"grow/grow", {GROW, GROW}, false, false},
    {"grow/grow of secrets", {GROW, GROW}, true, false},
    {"grow/free", {GROW, FREE}, false, false},
    {"grow/free of secrets", {GROW, FREE}, true, false},
    {"free/grow", {FREE, GROW}, false, true},
    {"wipe/free", {WIPE, FREE}, true, false},
    {"realloc/realloc", {REALLOC, REALLOC}, false, false},
    {"realloc/free", {REALLOC, FREE}, false, false},
    {"shrink/shrink", {SHRINK, SHRINK}, false, false},
    {"shrink/shrink of secrets", {SHRINK, SHRINK}, true, false},
    {"grow/realloc", {GROW, REALLOC}, false, false},
};

/* Fewer rounds where they take longer than that: on few or busy processors the threads wait for each other. ctest lets
 * no other test run beside this one. */
enum { ROUNDS = 20000, MILLISECONDS = CAI_TSAN ? 200 : FEWER(600, 150) };

enum { LARGE = 100000 };

/* --- one call --- */

static _Thread_local unsigned reports;
static _Thread_local bool reported_late; /* when the slot was due */

/* For each thread its own. */
static bool refuse_and_count(const ca_violation *violation)
{
    reports++;
    reported_late = reported_late || strcmp(violation->function, "allocate") == 0;
    return true;
}

struct call {
    enum act act;
    size_t to;      /* how long the block shall be */
    unsigned delay; /* before it */
    void *ptr;      /* the block afterwards, or what it was; NULL: refused */
    unsigned reports;
    int64_t begun, ended;
};

static int64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static ca_block_result plain(ca_secret_result result)
{
    return (ca_block_result){.ptr = result.ptr, .size_or_error = result.size_or_error};
}

static void *perform(const struct call *call, bool secret, ca_block block)
{
    ca_authority heap = ca_default_authority();
    ca_layout layout = {call->to, 1};
    ca_secret hidden = {block.ptr, block.size};

    switch (call->act) {
    case GROW:
        return (secret ? plain(ca_secret_grow(heap, hidden, layout)) : ca_block_grow(heap, block, layout)).ptr;
    case SHRINK:
        return (secret ? plain(ca_secret_shrink(hidden, layout)) : ca_block_shrink(block, layout)).ptr;
    case REALLOC:
        return ca_realloc(block.ptr, call->to);
    case WIPE:
        return ca_secret_wipe(&hidden).ptr;
    case FREE:
        if (secret)
            ca_secret_deallocate_zeroed(hidden);
        else
            ca_block_deallocate(block);
    }
    return reports == 0 ? block.ptr : NULL;
}

static void make(struct call *call, bool secret, ca_block block)
{
    for (volatile unsigned i = 0; i < call->delay; i++) {
    }
    reports = 0;
    call->begun = nanoseconds();
    call->ptr = perform(call, secret, block);
    call->ended = nanoseconds();
    call->reports = reports;
    require((call->ptr != NULL) == (reports == 0) && reports <= 1);
}

/* --- both at once --- */

static struct {
    const struct pair *pair;
    ca_block block;
    struct call calls[2];
    uint32_t begun, ended; /* atomic: the number of the round; 0, at the end UINT32_MAX */
} both;

/* Awake for some time: only two threads that both run meet in one moment. */
static void await(const uint32_t *word, uint32_t number)
{
    int64_t awake = nanoseconds() + 3000000;

    while (cai_load_acquire(word) < number)
        if (nanoseconds() > awake)
            sched_yield();
}

static void *other(void *unused)
{
    for (uint32_t round = 1;; round++) {
        await(&both.begun, round);
        if (cai_load_relaxed(&both.begun) == UINT32_MAX)
            return unused;
        make(&both.calls[1], both.pair->secret, both.block);
        cai_store_release(&both.ended, round);
    }
}

static size_t length_for(enum act act, size_t bytes, struct rng *rng)
{
    const size_t longer[] = {bytes + bytes / 64 + 1, 2 * bytes, 8 * bytes};
    const size_t shorter[] = {bytes - bytes / 64 - 1, bytes / 2, bytes / 20 + 1};
    bool grows = act == GROW || (act == REALLOC && rng_below(rng, 2) == 0);

    return (grows ? longer : shorter)[rng_below(rng, 3)];
}

/* True: they were made at the same time. */
static bool make_both(uint32_t round, ca_block block, struct rng *rng)
{
    both.block = block;
    for (unsigned i = 0; i < 2; i++)
        both.calls[i] = (struct call){.act = both.pair->acts[i],
                                      .to = length_for(both.pair->acts[i], block.size, rng),
                                      .delay = (unsigned)rng_below(rng, 100)};
    cai_store_release(&both.begun, round);
    make(&both.calls[0], both.pair->secret, block);
    await(&both.ended, round);
    return both.calls[0].begun < both.calls[1].ended && both.calls[1].begun < both.calls[0].ended;
}

/* --- what is live afterwards --- */

struct held {
    char *ptr; /* NULL: none */
    size_t bytes;
    size_t kept; /* so much of its content is that of the block before */
    uint64_t seed;
    enum act came_from; /* what it went through last */
};

enum { HELD = 64 };
static struct held held[HELD];

static void give_back(struct held *one)
{
    bool secret = both.pair->secret;

    if (one->ptr == NULL)
        return;
    require(one->came_from == WIPE || content_holds(one->ptr, one->kept, one->seed));
    reports = 0;
    if (one->came_from == WIPE)
        ca_wiped_deallocate((ca_wiped){one->ptr, one->bytes});
    else if (one->came_from == REALLOC)
        ca_free(one->ptr);
    else if (secret)
        ca_secret_deallocate_zeroed((ca_secret){one->ptr, one->bytes});
    else
        ca_block_deallocate((ca_block){one->ptr, one->bytes});
    require(reports == 0);
    one->ptr = NULL;
}

/* In the place of one that was held for a while. */
static void hold(struct held *where, struct held one)
{
    give_back(where);
    if (one.ptr == NULL)
        return;
    require(one.came_from == WIPE || content_holds(one.ptr, one.kept, one.seed));
    for (unsigned i = 0; i < HELD; i++)
        require(held[i].ptr == NULL || one.ptr + one.bytes <= held[i].ptr || held[i].ptr + held[i].bytes <= one.ptr);
    if (one.came_from == WIPE || both.pair->secret)
        require(content_is_zero(one.ptr + one.kept, one.bytes - one.kept));
    *where = one;
}

/* Of two that succeeded: the one that can have come last. */
static const struct call *last_of_both(ca_block block)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct call *before = &both.calls[i], *after = &both.calls[1 - i];
        /* The same small block has its exact size after realloc, a large one when its last page is the same. */
        size_t page = cai_settings->page_bytes;
        bool is_in_place = block.size < LARGE || cai_round_up(block.size, page) - before->to < page;
        bool is_as_stated = before->act == REALLOC && is_in_place;
        if (before->ptr == block.ptr && (after->act == REALLOC || is_as_stated))
            return after;
    }
    return NULL;
}

static struct held outcome(ca_block block, uint64_t seed)
{
    const struct call *calls = both.calls;
    const struct call *last = calls[0].ptr != NULL ? &calls[0] : &calls[1];
    size_t bytes = last->to;

    require(calls[0].ptr != NULL || calls[1].ptr != NULL);
    if (calls[0].ptr != NULL && calls[1].ptr != NULL) {
        last = last_of_both(block);
        require(last != NULL);
        bytes = cai_min(calls[0].to, calls[1].to);
    }
    if (last->act == WIPE)
        return (struct held){last->ptr, block.size, 0, seed, WIPE};
    bool realloced = calls[0].ptr != NULL && calls[0].act == REALLOC;
    realloced = realloced || (calls[1].ptr != NULL && calls[1].act == REALLOC);
    return (struct held){.ptr = last->act == FREE ? NULL : last->ptr,
                         .bytes = bytes,
                         .kept = cai_min(bytes, block.size),
                         .seed = seed,
                         .came_from = realloced ? REALLOC : last->act};
}

/* The owner has put a slot into its bin that is a live block again: it is passed over when it is due. */
static void be_due(ca_block block)
{
    enum { MOST = 5000 };
    static ca_block taken[MOST];
    unsigned count = 0;

    for (reported_late = false; !reported_late && count < MOST; count++) {
        taken[count] = ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){block.size, 1}));
        require(taken[count].ptr != block.ptr);
    }
    require(reported_late);
    while (count-- > 0)
        ca_deallocate(taken[count]);
}

/* The owner's free of a small block and a grow: how often both succeeded, and what became of the block. */
struct open {
    unsigned moved, freed, due;
};

static struct held outcome_of_open(ca_block block, uint64_t seed, struct open *open)
{
    const struct call *grow = &both.calls[1];

    if (both.calls[0].ptr == NULL || grow->ptr == NULL)
        return outcome(block, seed);
    struct held one = {grow->ptr, grow->to, block.size, seed, GROW};
    if (grow->ptr != block.ptr) {
        open->moved++;
    } else if (ca_block_check((ca_block){grow->ptr, grow->to}) == CA_OK) {
        open->due++;
        be_due(block);
    } else {
        open->freed++;
        one.ptr = NULL;
    }
    return one;
}

/* --- many rounds --- */

static ca_block allocate(size_t bytes, uint64_t seed)
{
    ca_layout layout = {bytes, 16};
    ca_authority heap = ca_default_authority();
    ca_block block = ca_unwrap(both.pair->secret ? plain(ca_allocate_secret(heap, layout)) : ca_allocate(heap, layout));

    content_fill(block.ptr, 0, bytes, seed);
    return block;
}

static void check_all(uint64_t live, bool by_owner)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    require(stats.live_blocks == live);
    require_null(audit_zeros(true));
    if (!by_owner) /* else a slot may be in its bin and in its slab, which then counts it twice */
        require_null(audit_all());
}

static void play(const struct pair *pair, bool large)
{
    static const size_t small[] = {100, 1000, 10, 20000};
    struct rng rng = rng_start(9);
    ca_stats before = CA_STATS_INIT;
    struct open open = {0, 0, 0};
    uint32_t round = 0, contended = 0;

    bool by_owner = pair->by_owner && !large;

    both.pair = pair;
    both.begun = both.ended = 0;
    ca_stats_read(&before);
    pthread_t thread = thread_start(other, NULL);
    int64_t until = nanoseconds() + MILLISECONDS * INT64_C(1000000);
    while (round < ROUNDS && nanoseconds() < until) {
        round++;
        ca_block block = allocate(large ? LARGE : small[round % 4], round);
        contended += make_both(round, block, &rng);
        struct held one = by_owner ? outcome_of_open(block, round, &open) : outcome(block, round);
        hold(&held[round % HELD], one);
    }
    for (unsigned i = 0; i < HELD; i++)
        give_back(&held[i]);
    cai_store_release(&both.begun, UINT32_MAX);
    thread_join(thread);
    check_all(before.live_blocks, by_owner);
    ca_trim();
    check_all(before.live_blocks, by_owner);
    printf("%s, %s: %u of %u rounds at the same time\n", pair->name, large ? "large" : "small", contended, round);
    if (by_owner)
        printf("  both succeeded: %u moved, %u freed, %u reported when due\n", open.moved, open.freed, open.due);
    fflush(stdout);
}

CHILD_TEST_EACH(test_C9_two_threads_one_block, 120, pairs)
{
    ca_set_violation_handler(refuse_and_count);
    play(&value, true); /* first: what the owner's race leaves in a slab would be found after the large ones */
    play(&value, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C9_two_threads_one_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
