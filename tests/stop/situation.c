/* See situation.h. */
#include "situation.h"

#include "blocks/cache.h"
#include "blocks/large.h"

#include <pthread.h>

void *volatile result;
struct kept *operand;

static enum cai_place place_of(enum kind kind)
{
    static const enum cai_place places[] = {CAI_PLACE_ordinary, CAI_PLACE_ordinary, CAI_PLACE_nocaps,
                                            CAI_PLACE_mustzero, CAI_PLACE_secret};

    return places[kind];
}

/* A thread has a heap from its first allocation on. */
static void have_a_heap(void)
{
    if (cai_self_heap()->id == 0)
        keep(KIND_MALLOC, 16);
}

struct cai_bin *bin_for(enum kind kind, size_t size)
{
    have_a_heap();
    return &cai_self_heap()->bins[place_of(kind)][cai_class_of(size)];
}

static struct cai_slabs *slabs_for(enum kind kind, size_t size)
{
    have_a_heap();
    return &cai_self_heap()->slabs[place_of(kind)][cai_class_of(size)];
}

void situation_empty_bin(enum kind kind, size_t size)
{
    const struct cai_bin *bin = bin_for(kind, size);
    const struct cai_slabs *slabs = slabs_for(kind, size);

    do
        keep(kind, size);
    while (cai_bin_count(bin) != 0);
    require(slabs->first != 0);
}

void situation_no_room(enum kind kind, size_t size)
{
    const struct cai_bin *bin = bin_for(kind, size);
    const struct cai_slabs *slabs = slabs_for(kind, size);

    do
        keep(kind, size);
    while (cai_bin_count(bin) != 0 || slabs->first != 0);
}

static void give_until_full(const struct cai_bin *bin, unsigned first)
{
    for (unsigned i = first; cai_bin_count(bin) < cai_bin_limit(bin); i++) {
        require(i < kept_count);
        if (kept[i].at != NULL && !kept[i].in_flight)
            kept_give(&kept[i]);
    }
}

void situation_full_bin(enum kind kind, size_t size, bool longest)
{
    const struct cai_bin *bin = bin_for(kind, size);
    size_t most = cai_min(cai_max((256 * CAI_KIB) / cai_class_bytes((unsigned)cai_class_of(size)), 16), 1024);
    unsigned first = kept_count;

    while (kept_count < first + most + most / 2) {
        keep(kind, size);
        if (!longest)
            cai_self_heap()->refills[place_of(kind)][cai_class_of(size)].slots = 0; /* a short bin will do */
    }
    give_until_full(bin, first);
    while (longest && cai_bin_limit(bin) < most) {
        for (unsigned i = first; cai_bin_count(bin) == cai_bin_limit(bin); i++) /* one more: it grows */
            if (kept[i].at != NULL)
                kept_give(&kept[i]);
        give_until_full(bin, first);
    }
    require((cai_bin_limit(bin) == most) == longest);
    operand = keep_in_flight(kind, size);
    give_until_full(bin, first);
}

struct kept *situation_in_flight(enum kind kind, size_t size)
{
    struct kept *block = keep_in_flight(kind, size);
    unsigned others = kept_count;

    for (unsigned i = 0; i < 4; i++)
        keep(kind, size);
    kept_give(&kept[others + 1]);
    kept_give(&kept[others + 2]);
    const struct cai_bin *bin = bin_for(kind, size);
    require(bin->base[cai_bin_count(bin)] == bin->base[cai_bin_count(bin) - 2] &&
            bin->base[cai_bin_count(bin) + 1] != block->at);
    return block;
}

void situation_no_large(void)
{
    have_a_heap();
    cai_large_flush(cai_self_heap());
}

/* Longer than a heap keeps, and with a neighbour on either side. */
void situation_dirty(enum kind kind, size_t size)
{
    require(size > (size_t)1 << 20);
    keep(kind, 40000);
    struct kept *block = keep(kind, size);
    keep(kind, 40000);
    kept_give(block);
}

static void *run(void *function)
{
    (*(void (**)(void))function)();
    return NULL;
}

void situation_in_thread(void (*function)(void))
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, run, &function) == 0);
    pthread_join(thread, NULL);
}

static pthread_barrier_t all_have_heaps;

static void *leave_heap(void *unused)
{
    void *block = ca_malloc(100);

    pthread_barrier_wait(&all_have_heaps);
    ca_free(block);
    return unused;
}

void situation_orphans(unsigned count)
{
    pthread_t threads[16];

    require(count <= 16 && pthread_barrier_init(&all_have_heaps, NULL, count) == 0);
    for (unsigned i = 0; i < count; i++)
        require(pthread_create(&threads[i], NULL, leave_heap, NULL) == 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}
