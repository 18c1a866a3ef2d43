/* The crimes of crimes.h that a guard ends: on blocks of no bytes, and at the ends of large ones. */
#include "crimes.h"

#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int by_address(const void *one, const void *other)
{
    uintptr_t a = *(const uintptr_t *)one, b = *(const uintptr_t *)other;

    return (a > b) - (a < b);
}

/* Blocks of one size in hundreds of slabs, and a walk from one of them past a half of its neighbours, down when
 * `offset` is below 0. Where there are walls it meets one long before it is through. */
static void run_off(bool writes)
{
    enum { BLOCKS_MAX = 1 << 18 };
    static char *block[BLOCKS_MAX];
    size_t blocks = ((size_t)16 << 20) / (size + 48);
    bool down = offset < 0;

    for (size_t i = 0; i < blocks; i++)
        block[i] = malloc(size);
    qsort(block, blocks, sizeof block[0], by_address);
    volatile char *at = block[down ? blocks / 4 * 3 : blocks / 4];
    volatile char *end = block[down ? blocks / 4 : blocks / 4 * 3];
    for (; at != end; at += down ? -1 : 1)
        if (writes)
            *at = 'o';
        else
            (void)*at;
    puts("ran");
    fflush(stdout);
    _exit(0);
}

static void run_off_writing(void)
{
    run_off(true);
}

static void run_off_reading(void)
{
    run_off(false);
}

/* Slabs come and go, and whatever comes where one with a wall was can be written to. */
static void walls_go(void)
{
    enum { BLOCKS = 10000, ROUNDS = 26 };
    static char *block[BLOCKS];

    for (int round = 0; round < ROUNDS; round++) {
        size_t now = (size_t)16 << round * 5 % 13;
        int blocks = (int)((1u << 20) / now) < BLOCKS ? (int)((1u << 20) / now) : BLOCKS;
        for (int i = 0; i < blocks; i++)
            memset(block[i] = malloc(now), 'g', now);
        pid_t child = round % 5 == 0 ? fork() : -1;
        for (int i = 0; i < blocks; i++)
            free(block[i]);
        if (round % 4 == 3)
            malloc_trim(0);
        if (child == 0)
            continue;
        int status = 0;
        if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
            abort();
    }
    puts("gone");
}

static void zero_write(void)
{
    char *volatile block = malloc(0);

    *(volatile char *)block = 'z';
}

static void zero_read(void)
{
    char *volatile block = calloc(0, 8);

    printf("%d\n", *(volatile char *)block);
}

static void zero_after_free(void)
{
    char *volatile block = malloc(0);

    free(block);
    *(volatile char *)block = 'z';
}

static void zero_twice(void)
{
    void *block = malloc(0);

    free(block);
    free(block);
}

static void zero_aligned_write(void)
{
    char *volatile block = aligned_alloc(64, 0);

    *(volatile char *)block = 'z';
}

static void zero_aligned_twice(void)
{
    void *block = aligned_alloc(4096, 0);

    free(block);
    free(block);
}

/* Of every alignment, in turn with plain ones; from 8 KiB on they have a byte. */
static void zero_aligned_right(void)
{
    enum { COUNT = 300 };
    char *blocks[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        size_t align = (size_t)16 << i % 11;
        blocks[i] = i % 3 == 0 ? malloc(0) : aligned_alloc(align, 0);
        bool right = blocks[i] != NULL && (i % 3 == 0 || (uintptr_t)blocks[i] % align == 0);
        for (unsigned before = 0; before < i; before++)
            right = right && blocks[before] != blocks[i];
        if (!right)
            puts("wrong");
    }
    for (unsigned i = 0; i < COUNT; i++)
        free(i % 2 == 0 ? blocks[i] : realloc(blocks[i], 20));
}

static void zero_right(void)
{
    char *blocks[1000];

    for (unsigned i = 0; i < 1000; i++) {
        blocks[i] = malloc(0);
        if (blocks[i] == NULL || malloc_usable_size(blocks[i]) != 0 || (i != 0 && blocks[i] == blocks[i - 1]))
            puts("wrong");
    }
    for (unsigned i = 0; i < 1000; i++) {
        char *grown = realloc(blocks[i], i % 100 + 1);
        memset(grown, 'g', i % 100 + 1);
        free(grown);
    }
    free(realloc(malloc(10), 0));
}

/* Behind the last page of a large block, and freed. */
static void large_overflow(void)
{
    char *block = victim();

    ((volatile char *)block)[(size + 4095) / 4096 * 4096 + (size_t)offset] = 'o';
    puts("reached");
}

/* The same of one that could not be made longer. */
static void large_refused_overflow(void)
{
    char *volatile block = victim();

    if (realloc(block, (size_t)1 << 46) != NULL)
        return;
    ((volatile char *)block)[(size + 4095) / 4096 * 4096] = 'o';
    puts("reached");
}

/* Before one that lies behind another one's guard. */
static void large_underflow(void)
{
    enum { COUNT = 100 };
    char *block[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        block[i] = malloc(size);
    for (unsigned i = 1; i < COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            if (block[i] > block[j] && (size_t)(block[i] - block[j]) < size + 32768)
                ((volatile char *)block[i])[offset] = 'u';
    puts("reached");
}

static void own_handler(int signal)
{
    (void)signal;
    puts("own handler");
    _exit(3);
}

static void large_own_handler(void)
{
    signal(SIGSEGV, own_handler);
    large_overflow();
}

/* What the program protected itself. */
static void large_protected(void)
{
    char *block = victim();
    char *page = (char *)(((uintptr_t)block + 4095) / 4096 * 4096);

    mprotect(page, 4096, PROT_NONE);
    *(volatile char *)page = 'p';
}

static void large_after_free(void)
{
    char *block = victim();

    free(block);
    ((volatile char *)block)[offset] = 'o';
    puts("reached");
}

/* Behind the last page of one of `offset` bytes that has the memory of others, of `size`. */
static void large_reused_overflow(void)
{
    enum { COUNT = 200 };
    static uintptr_t before[COUNT];
    size_t then = (size_t)offset;

    for (unsigned i = 0; i < COUNT; i++) {
        char *block = memset(malloc(size), 'b', size);
        before[i] = (uintptr_t)block;
        free(block);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        char *block = memset(malloc(then), 'a', then);
        for (unsigned j = 0; j < COUNT; j++)
            if (before[j] == (uintptr_t)block) {
                puts("right");
                ((volatile char *)block)[(then + 4095) / 4096 * 4096] = 'o';
                puts("reached");
                return;
            }
        free(block);
    }
}

static void large_right(void)
{
    char *block = NULL;
    unsigned long sum = 0;

    for (size_t length = 33000; length < 40u << 20; length = length * 9 / 8) {
        char *grown = realloc(block, length);
        for (size_t at = block == NULL ? 0 : length * 8 / 9; at < length; at += 1000)
            grown[at] = 'r';
        grown[length - 1] = 'r';
        block = grown;
        char *zero = calloc(1, length);
        for (size_t at = 0; at < length; at += 64)
            sum += (unsigned char)zero[at];
        memset(zero, 'z', length);
        free(zero);
    }
    for (size_t length = 30u << 20; length > 30000; length = length / 3 * 2)
        block = realloc(block, length);
    free(block);
    printf("%lu\n", sum);
}

static long mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    long lines = 0;

    for (int byte; (byte = fgetc(maps)) != EOF;)
        lines += byte == '\n';
    fclose(maps);
    return lines;
}

/* More than a process may have mappings; `size` is whole pages, so that none of them is touched. Last the first one is
 * written past, unless `offset` says that it is not. */
static void large_many(void)
{
    enum { COUNT = 200000 };
    static char *blocks[COUNT];
    void *reserved = NULL;
    bool right = true;

    for (unsigned i = 0; i < COUNT; i++)
        right = right && (blocks[i] = malloc(size)) != NULL;
    for (unsigned i = 0; i < 1000; i++)
        right = right && (reserved = mmap(NULL, 8192, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                                          0)) != MAP_FAILED;
    printf("%s %ld", right ? "right" : "wrong", mappings());
    for (unsigned i = 1; i < COUNT / 10; i++)
        free(blocks[i]);
    for (unsigned i = 0; i < 1000; i++)
        free(memset(malloc(size), 1, size));
    printf(" %ld\n", mappings());
    if (offset >= 0)
        ((volatile char *)blocks[0])[size + (size_t)offset] = 'o';
    free(blocks[0]);
}

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void use_again(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        free(memset(malloc(size), 'a', size));
}

/* No crime: all pages of a block are written to, again and again. Says whether they came in anew each time, and whether
 * there are more mappings afterwards. */
static void large_again(void)
{
    enum { WARM = 20, TIMES = 100, PAGE = 4096, SHARE = 4, MORE = 10 };

    use_again(WARM);
    long had = mappings();
    long first = faults();
    use_again(TIMES);
    printf("%s, ", faults() - first < TIMES * (long)(size / PAGE) / SHARE ? "kept" : "anew");
    puts(mappings() - had < MORE ? "no more mappings" : "more mappings");
}

const struct crime guard_crimes[] = {
    {"run-off-writing", run_off_writing},
    {"run-off-reading", run_off_reading},
    {"walls-go", walls_go},
    {"zero-write", zero_write},
    {"zero-read", zero_read},
    {"zero-twice", zero_twice},
    {"zero-right", zero_right},
    {"zero-after-free", zero_after_free},
    {"zero-aligned-write", zero_aligned_write},
    {"zero-aligned-twice", zero_aligned_twice},
    {"zero-aligned-right", zero_aligned_right},
    {"large-overflow", large_overflow},
    {"large-refused-overflow", large_refused_overflow},
    {"large-underflow", large_underflow},
    {"large-own-handler", large_own_handler},
    {"large-protected", large_protected},
    {"large-after-free", large_after_free},
    {"large-reused-overflow", large_reused_overflow},
    {"large-right", large_right},
    {"large-many", large_many},
    {"large-again", large_again},
    {NULL, NULL},
};
