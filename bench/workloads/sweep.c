/* sweep N THREADS: after the benchmark that M. Jansson describes for rpmalloc. Each of THREADS threads keeps 4000
 * blocks of random sizes, 16 bytes to 16 KiB, small ones more often. N times it frees a tenth of them, in a sweep with
 * a random stride, and makes as many anew; each fourth block that it would free it puts down for the next thread to
 * free, unless that one has many to free already: a thread that has no processor for a while must not decide how much
 * is live. */
#include "workload.h"

enum { SLOTS = 4000, TURN = SLOTS / 10, ABROAD = 4 };

typedef struct sweeper {
    uint64_t n, seed;
    struct sweeper *next;
    _Alignas(64) _Atomic(void *) gift; /* a chain of blocks that another made and this thread frees */
    _Atomic size_t gifts;
} sweeper;

/* The first word of a block in the chain is the next block. */
static void give(sweeper *to, void *block)
{
    if (atomic_load_explicit(&to->gifts, memory_order_relaxed) >= TURN) {
        free(block);
        return;
    }
    atomic_fetch_add_explicit(&to->gifts, 1, memory_order_relaxed);
    void *old = atomic_load_explicit(&to->gift, memory_order_relaxed);
    do
        *(void **)block = old;
    while (!atomic_compare_exchange_weak_explicit(&to->gift, &old, block, memory_order_release, memory_order_relaxed));
}

static void free_gifts(sweeper *self)
{
    void *block = atomic_exchange_explicit(&self->gift, NULL, memory_order_acquire);
    size_t count = 0;
    for (; block != NULL; count++) {
        void *next = *(void **)block;
        free(block);
        block = next;
    }
    atomic_fetch_sub_explicit(&self->gifts, count, memory_order_relaxed);
}

static void *sweep(void *arg)
{
    sweeper *self = arg;
    rng r = rng_seed(self->seed);
    void **blocks = need(calloc(SLOTS, sizeof *blocks));
    for (uint64_t n = 0; n < self->n; n++) {
        size_t at = rng_below(&r, SLOTS), stride = 1 + 2 * rng_below(&r, 16);
        free_gifts(self);
        for (size_t i = 0; i < TURN; i++) {
            void **slot = &blocks[(at + i * stride) % SLOTS];
            if (i % ABROAD == 0 && *slot != NULL)
                give(self->next, *slot);
            else
                free(*slot);
            *slot = NULL;
        }
        for (size_t i = 0; i < TURN; i++) {
            void **slot = &blocks[(at + i * stride) % SLOTS];
            if (*slot != NULL) /* strides may meet a slot twice */
                continue;
            size_t size = rng_size(&r, 4, 5 + (unsigned)rng_below(&r, 10));
            *slot = touch(malloc(size), size);
        }
    }
    for (size_t i = 0; i < SLOTS; i++)
        free(blocks[i]);
    free(blocks);
    return NULL;
}

uint64_t workload_sweep(const uint64_t *a)
{
    uint64_t count = a[1];
    pthread_t *thread = need(calloc(count, sizeof *thread));
    sweeper *all = need(aligned_alloc(64, count * sizeof *all));
    for (uint64_t i = 0; i < count; i++)
        all[i] = (sweeper){a[0], i, &all[(i + 1) % count], NULL, 0};
    for (uint64_t i = 0; i < count; i++)
        spawn(&thread[i], sweep, &all[i]);
    for (uint64_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    for (uint64_t i = 0; i < count; i++)
        free_gifts(&all[i]);
    free(all);
    free(thread);
    return count * a[0] * TURN;
}
