/* The doors for those who state a layout, beside malloc: a block is given back as soon as it was made. The library is
 * linked in, and no compiler knows the layout.
 *
 *     doors malloc|calloc|realloc N SIZE ALIGN      ca_malloc and its like, which know no alignment; ca_free
 *     doors global|zeroed|resize N SIZE ALIGN       ca_alloc, ca_alloc_zeroed, ca_global_realloc; ca_dealloc
 *     doors heap|created N SIZE ALIGN               ca_allocate and ca_deallocate, default heap or one with a quota
 *
 * With a fifth word, the same doors lead nowhere: what is left is the harness, arguments included. Resizing makes the
 * block one byte shorter, unless it is one.
 *
 *     doors time N SIZE ALIGN                       N rounds, in each some microseconds of every pair
 *
 * prints nanoseconds of malloc's pair, and for the other pairs the ratio to it: median, first and last tenth of the
 * rounds. The harness is in all of them: a processor does it beside the rest, so that time cannot be freed of it.
 */
#include <capalloc/global.h>
#include <capalloc/heap.h>
#include <capalloc/malloc.h>
#undef ca_allocate /* the function, not what works out constant sizes */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HIDDEN(value) __asm__ volatile("" : "+r"(value))
#define USED(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

struct by_size {
    void *(*make)(size_t size);
    void *(*resize)(void *block, size_t size);
    void (*drop)(void *block);
};

struct by_layout {
    void *(*make)(ca_layout layout);
    void *(*resize)(void *block, ca_layout layout, size_t size);
    void (*drop)(void *block, ca_layout layout);
};

struct by_block {
    ca_block_result (*make)(ca_authority authority, ca_layout layout);
    void (*drop)(ca_block block);
};

/* --- doors that lead nowhere --- */

static char somewhere[16];

static void *give(size_t size)
{
    (void)size;
    return somewhere;
}

static void *keep(void *block, size_t size)
{
    (void)size;
    return block;
}

static void take(void *block)
{
    (void)block;
}

static void *give_layout(ca_layout layout)
{
    (void)layout;
    return somewhere;
}

static void *keep_layout(void *block, ca_layout layout, size_t size)
{
    (void)layout;
    (void)size;
    return block;
}

static void take_layout(void *block, ca_layout layout)
{
    (void)block;
    (void)layout;
}

static ca_block_result give_block(ca_authority authority, ca_layout layout)
{
    (void)authority;
    return (ca_block_result){.ptr = somewhere, .size_or_error = layout.size};
}

static void take_block(ca_block block)
{
    (void)block;
}

/* --- the work --- */

static void *zeros(size_t size)
{
    return ca_calloc(1, size);
}

static void sizes(struct by_size door, long n, ca_layout layout)
{
    for (long i = 0; i < n; i++) {
        HIDDEN(layout.size);
        void *block = door.make(layout.size);
        if (door.resize != NULL)
            block = door.resize(block, layout.size > 1 ? layout.size - 1 : 1);
        USED(block);
        door.drop(block);
    }
}

static void layouts(struct by_layout door, long n, ca_layout layout)
{
    for (long i = 0; i < n; i++) {
        HIDDEN(layout.size);
        HIDDEN(layout.align);
        ca_layout last = layout;
        void *block = door.make(layout);
        if (door.resize != NULL)
            block = door.resize(block, layout, last.size -= last.size > 1);
        USED(block);
        door.drop(block, last);
    }
}

static void blocks(struct by_block door, ca_authority authority, long n, ca_layout layout)
{
    for (long i = 0; i < n; i++) {
        HIDDEN(layout.size);
        HIDDEN(layout.align);
        ca_block_result result = door.make(authority, layout);
        USED(result.ptr);
        door.drop((ca_block){.ptr = result.ptr, .size = layout.size});
    }
}

static void created(struct by_block door, long n, ca_layout layout)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;

    options.quota_bytes = 1 << 24;
    if (ca_heap_create(&options, &root) != CA_OK)
        abort();
    blocks(door, root, n, layout);
    if (ca_heap_destroy(root) != CA_OK)
        abort();
}

static int work(const char *name, int nowhere, long n, ca_layout layout)
{
    int resizes = strcmp(name, "realloc") == 0 || strcmp(name, "resize") == 0;
    struct by_size by_size = {ca_malloc, resizes ? ca_realloc : NULL, ca_free};
    struct by_layout by_layout = {ca_alloc, resizes ? ca_global_realloc : NULL, ca_dealloc};
    struct by_block by_block = {ca_allocate, ca_block_deallocate};

    if (strcmp(name, "calloc") == 0)
        by_size.make = zeros;
    if (strcmp(name, "zeroed") == 0)
        by_layout.make = ca_alloc_zeroed;
    if (nowhere) {
        by_size = (struct by_size){give, resizes ? keep : NULL, take};
        by_layout = (struct by_layout){give_layout, resizes ? keep_layout : NULL, take_layout};
        by_block = (struct by_block){give_block, take_block};
    }
    __asm__ volatile("" : : "r"(&by_size), "r"(&by_layout), "r"(&by_block) : "memory");
    if (strcmp(name, "malloc") == 0 || strcmp(name, "calloc") == 0 || strcmp(name, "realloc") == 0)
        sizes(by_size, n, layout);
    else if (strcmp(name, "global") == 0 || strcmp(name, "zeroed") == 0 || strcmp(name, "resize") == 0)
        layouts(by_layout, n, layout);
    else if (strcmp(name, "heap") == 0)
        blocks(by_block, ca_default_authority(), n, layout);
    else if (strcmp(name, "created") == 0)
        created(by_block, n, layout);
    else
        return 0;
    return 1;
}

/* --- their time --- */

enum { WAYS = 3, PAIRS = 2000, ROUNDS_MAX = 100000 };
static const char *const ways[WAYS] = {"malloc", "global", "heap"};

static double nanoseconds(const char *name, ca_layout layout)
{
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    work(name, 0, PAIRS, layout);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / PAIRS;
}

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return (a > b) - (a < b);
}

static void show_time(long rounds, ca_layout layout)
{
    static double found[WAYS][ROUNDS_MAX];

    for (long round = 0; round < rounds; round++) {
        double taken[WAYS];
        for (long i = round; i < round + WAYS; i++) /* each is the first, in turn */
            taken[i % WAYS] = nanoseconds(ways[i % WAYS], layout);
        found[0][round] = taken[0];
        for (int way = 1; way < WAYS; way++)
            found[way][round] = taken[way] / taken[0];
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(found[way], (size_t)rounds, sizeof(double), by_value);
        printf("%s %.2f %.2f %.2f\n", ways[way], found[way][rounds / 2], found[way][rounds / 10],
               found[way][rounds - 1 - rounds / 10]);
    }
}

int main(int argc, char **argv)
{
    if (argc == 5 || argc == 6) {
        ca_layout layout = {.size = strtoul(argv[3], NULL, 0), .align = strtoul(argv[4], NULL, 0)};
        long n = atol(argv[2]);
        if (strcmp(argv[1], "time") == 0 && n > 0 && n <= ROUNDS_MAX) {
            show_time(n, layout);
            return 0;
        }
        if (work(argv[1], argc == 6, n, layout))
            return 0;
    }
    fprintf(stderr, "usage: doors DOOR N SIZE ALIGN [nowhere]\n");
    return 2;
}
