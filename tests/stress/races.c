/* Two threads free one block at the same moment, over and over: the thread whose slot it is, by its fast path, and
 * another. Exactly one free of the two is the block's; the other is told at once, or when the slot is due again, or
 * never. What may not be is that a slot is handed out twice.
 *
 * They meet before each block, and wait a different while there; a race counts when each began before the other had
 * ended.
 *
 *     races [ROUNDS]        until so many counted; prints how many ended how. Status 77: the two hardly ever run at
 *                           once
 */
#include "base/atomic.h"

#include <capalloc/malloc.h>
#include <capalloc/violation.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Freed by both in each turn, and taken afterwards to see that all differ. */
enum { BATCH = 64, TAKEN = 256, SIZES = 6, SPINS = 4000, KEEP_EACH = 32, KEPT = 1000, TRIM_EACH = 16 };

/* Fewer than one race in so many counts: there is no point in going on. */
enum { PATIENCE = 100 };

static const size_t sizes[SIZES] = {16, 40, 200, 512, 900, 5000};

static void *blocks[BATCH];
static uint32_t turn, done;                 /* atomic */
static uint32_t met[2], begun[2], ended[2]; /* atomic: by the owner and by the other, in how many races */
static uint32_t counted;                    /* atomic: the race that counted last */
static uint64_t together;                   /* atomic: races that were */
static uint64_t reports;                    /* atomic */
static bool over;                           /* set before the last turn */

static bool refuse(const ca_violation *violation)
{
    if (strcmp(violation->code, "double-free") != 0)
        return false;
    cai_add_relaxed(&reports, 1);
    return true;
}

static void meet(unsigned me, uint32_t race)
{
    cai_store_release(&met[me], race);
    for (unsigned spins = 0; (int32_t)(cai_load_acquire(&met[!me]) - race) < 0; spins++)
        if (spins % SPINS == SPINS - 1)
            sched_yield(); /* the other does not run */
}

static void free_all(unsigned me)
{
    static uint32_t race[2];
    static uint32_t random[2] = {1, 77};

    for (unsigned i = 0; i < BATCH; i++) {
        uint32_t now = ++race[me];
        meet(me, now);
        random[me] = random[me] * 1103515245u + 12345u;
        for (unsigned wait = random[me] >> 16 & 31; wait > 0; wait--)
            __asm__ volatile("");
        cai_store_seq_cst(&begun[me], now);
        ca_free(blocks[i]);
        if (cai_load_seq_cst(&ended[!me]) != now && cai_load_seq_cst(&begun[!me]) == now &&
            cai_exchange_acq_rel(&counted, now) != now)
            cai_add_relaxed(&together, 1);
        cai_store_seq_cst(&ended[me], now);
    }
}

static void *foreign(void *unused)
{
    for (uint32_t seen = 0;; seen++) {
        while (cai_load_acquire(&turn) == seen)
            ;
        if (over)
            return unused;
        free_all(1);
        cai_store_release(&done, seen + 1);
    }
}

/* Some live on, so that their slabs do, whatever others that were freed twice make of the count of them. */
static struct {
    void *block;
    uint64_t content;
} kept[KEPT];

/* In place of an older one; that one was handed out to somebody else if its content is not its own any more. */
static unsigned keep(void *block)
{
    static uint64_t next;
    unsigned at = next++ % KEPT;
    uint64_t content;
    unsigned twice = 0;

    if (kept[at].block != NULL) {
        memcpy(&content, kept[at].block, sizeof content);
        twice = content != kept[at].content;
        ca_free(kept[at].block);
    }
    kept[at].block = block;
    kept[at].content = next;
    memcpy(block, &kept[at].content, sizeof kept[at].content);
    return twice;
}

/* How many of them were handed out twice. */
static unsigned take_and_compare(size_t bytes)
{
    static void *taken[TAKEN];
    unsigned twice = 0;

    for (unsigned i = 0; i < TAKEN; i++) {
        taken[i] = ca_malloc(bytes);
        if (taken[i] == NULL)
            exit(2);
        memset(taken[i], (int)i, bytes);
        memcpy(taken[i], &i, sizeof i);
    }
    for (unsigned i = 0; i < TAKEN; i++) {
        unsigned number;
        memcpy(&number, taken[i], sizeof number);
        twice += number != i || ((unsigned char *)taken[i])[bytes - 1] != (unsigned char)i;
    }
    for (unsigned i = 0; i < TAKEN; i++)
        if (i % KEEP_EACH == 0)
            twice += keep(taken[i]);
        else
            ca_free(taken[i]);
    return twice;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t raced = 0;
    uint64_t at_once = 0;
    uint64_t late = 0;
    uint64_t twice = 0;
    pthread_t other;

    ca_set_violation_handler(refuse);
    if (pthread_create(&other, NULL, foreign, NULL) != 0)
        return 2;
    for (uint32_t now = 1; cai_load_relaxed(&together) < rounds && raced < rounds * PATIENCE; now++) {
        size_t bytes = sizes[now % SIZES];
        for (unsigned i = 0; i < BATCH; i++)
            memset(blocks[i] = ca_malloc(bytes), 0xff, bytes);
        cai_store_relaxed(&reports, 0);
        cai_store_release(&turn, now);
        free_all(0);
        while (cai_load_acquire(&done) != now)
            ;
        at_once += cai_exchange_acq_rel(&reports, 0);
        twice += take_and_compare(bytes);
        late += cai_exchange_acq_rel(&reports, 0);
        raced += BATCH;
        if (now % TRIM_EACH == 0)
            ca_trim(); /* slots go back to their slabs, and slabs that seem to be empty to the system */
    }
    over = true;
    cai_add_release(&turn, 1);
    pthread_join(other, NULL);
    if (twice == 0 && together < rounds) {
        printf("skipped: only %llu of %llu races were\n", (unsigned long long)together, (unsigned long long)raced);
        return 77;
    }
    printf("%llu blocks freed by two threads, %llu of them at once: reported at once %llu, late %llu, never %llu, "
           "handed out twice "
           "%llu\n",
           (unsigned long long)raced, (unsigned long long)together, (unsigned long long)at_once,
           (unsigned long long)late, (unsigned long long)(raced - at_once - late), (unsigned long long)twice);
    return twice != 0;
}
