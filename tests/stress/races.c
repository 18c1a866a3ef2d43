/* Two threads free one block at the same moment, over and over: the thread whose slot it is, by its fast path, and
 * another. Exactly one free of the two is the block's; the other is told at once, or when the slot is due again, or
 * never. What may not be is that a slot is handed out twice.
 *
 *     races [ROUNDS]        prints how many races ended how
 */
#include "base/atomic.h"

#include <capalloc/malloc.h>
#include <capalloc/violation.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Freed by both in each turn, and taken afterwards to see that all differ. */
enum { BATCH = 64, TAKEN = 256, SIZES = 6 };

static const size_t sizes[SIZES] = {16, 40, 200, 512, 900, 5000};

static void *blocks[BATCH];
static uint32_t turn, done; /* atomic */
static uint64_t reports;    /* atomic */
static bool over;           /* set before the last turn */

static bool refuse(const ca_violation *violation)
{
    if (strcmp(violation->code, "double-free") != 0)
        return false;
    cai_add_relaxed(&reports, 1);
    return true;
}

static void free_all(void)
{
    for (unsigned i = 0; i < BATCH; i++)
        ca_free(blocks[i]);
}

static void *foreign(void *unused)
{
    for (uint32_t seen = 0;; seen++) {
        while (cai_load_acquire(&turn) == seen)
            ;
        if (over)
            return unused;
        free_all();
        cai_store_release(&done, seen + 1);
    }
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
    for (uint32_t now = 1; raced < rounds; now++) {
        size_t bytes = sizes[now % SIZES];
        for (unsigned i = 0; i < BATCH; i++)
            memset(blocks[i] = ca_malloc(bytes), 0xff, bytes);
        cai_store_relaxed(&reports, 0);
        cai_store_release(&turn, now);
        free_all();
        while (cai_load_acquire(&done) != now)
            ;
        at_once += cai_exchange_acq_rel(&reports, 0);
        twice += take_and_compare(bytes);
        late += cai_exchange_acq_rel(&reports, 0);
        raced += BATCH;
    }
    over = true;
    cai_add_release(&turn, 1);
    pthread_join(other, NULL);
    printf("%llu blocks freed by two threads at once: reported at once %llu, late %llu, never %llu, handed out twice "
           "%llu\n",
           (unsigned long long)raced, (unsigned long long)at_once, (unsigned long long)late,
           (unsigned long long)(raced - at_once - late), (unsigned long long)twice);
    return twice != 0;
}
