/* A lane: what one thread after the other works on. A thread lives for a number of operations, then starts the next
 * one, which inherits the live blocks: most blocks outlive the thread that took them.
 */
#ifndef STRESS_LANE_H
#define STRESS_LANE_H

#include "block.h"

#include <capalloc/capalloc.h>
#include <pthread.h>
#include <semaphore.h>

enum { LIVE_BLOCKS = 1000, SHELF_BLOCKS = 256, LANES_MAX = 64 };

struct lane {
    unsigned number;
    uint64_t random; /* state of the generator */
    uint64_t tag;    /* of the next block */
    long operations; /* left */
    long pause;      /* how many are left at the next quiet point */
    long failures;   /* allocations that returned NULL */
    unsigned forks;  /* done */
    unsigned cancelled;
    struct block live[LIVE_BLOCKS];
};

/* Where blocks change hands between lanes. */
struct shelf {
    pthread_mutex_t lock;
    struct block blocks[SHELF_BLOCKS];
};

struct plan {
    uint64_t seed;
    long operations; /* of each lane */
    unsigned lanes;
    bool may_fail; /* an allocation may return NULL */
    bool fork;
};

extern struct plan plan;
extern struct shelf shelf;

uint64_t lane_random(struct lane *lane);

/* Each doubling is as likely as the next, up to a limit that is mostly small: 1 KiB, 64 KiB or 2 MiB; 0 is possible. */
size_t lane_random_size(struct lane *lane);

/* Puts a new block of a random size, from malloc's family or of the heap's own form, into an empty record. */
void lane_allocate(struct lane *lane, struct block *block);

/* Verifies the block and gives it back. */
void lane_free(struct block *block);

/* The same three for the heap's own form: a block of a random intention; verified already; another size for one that
 * there is. */
void intention_allocate(struct lane *lane, struct block *block);
void intention_free(const struct block *block);
void intention_resize(struct lane *lane, struct block *block);

/* The heaps (heaps.c): once at the start; what to allocate and to grow with; another working authority for the heap
 * that has one, the old one revoked; errors that are no failure; at the end, when nothing is charged any more. */
void heaps_start(void);
ca_authority heaps_to_allocate(enum heap heap);
ca_authority heaps_to_grow(enum heap heap);
void heaps_revoke(void);
bool heaps_may_refuse(enum heap heap, ca_error error);
void heaps_end(void);

/* Around fork. */
void heaps_before_fork(void);
void heaps_after_fork(void);

/* Forks; the child verifies, uses and frees all that is the lane's or on the shelf; a failure there fails here. */
void lane_fork(struct lane *lane);

/* A thread that allocates is cancelled, and what it held given back (cancel.c). */
void lane_cancel(struct lane *lane);

#endif
