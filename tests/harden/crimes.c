/* What only the hardened library sees: `crimes CRIME [SIZE [OFFSET [BYTES]]]`, between neighbours and after thousands
 * of other blocks. The crime does not end the program by itself; what does is the library, when it finds out.
 */
#include <capalloc/capalloc.h> /* first: its functions have parameters called offset */

#include "crimes.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEIGHBOURS = 64, OTHERS = 2000 };
enum { UNIT = 16384 }; /* a slab begins where one does */

size_t size = 64, bytes = 1;
long offset;

/* Blocks of many sizes come and go, so that the victim lies anywhere. */
static void stir(void)
{
    static void *others[OTHERS];
    unsigned random = 12345;

    for (unsigned i = 0; i < OTHERS; i++) {
        random = random * 1103515245 + 12345;
        others[i] = malloc(random >> 16 & 1023);
        if (i % 3 == 0) {
            free(others[i / 2]);
            others[i / 2] = NULL;
        }
    }
}

/* Freed memory of all sizes until what waits has gone, and what it was is handed out again. */
static void wait_for_reuse(void)
{
    for (size_t i = 0; i < ((size_t)32 << 20) / (size + 512); i++)
        free(malloc(size + i % 1024));
}

/* How far from each other slots are. */
static size_t step_of(char *const *blocks, unsigned count)
{
    size_t step = SIZE_MAX;

    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            if (blocks[i] > blocks[j] && (size_t)(blocks[i] - blocks[j]) < step)
                step = (size_t)(blocks[i] - blocks[j]);
    return step;
}

char *victim(void)
{
    static char *around[2 * NEIGHBOURS];

    stir();
    for (unsigned i = 0; i < 2 * NEIGHBOURS; i++)
        memset(around[i] = malloc(size), 'n', size);
    size_t step = step_of(around, 2 * NEIGHBOURS);
    /* The first of a slab has none before it but another slab's last, and which was taken before another says nothing
     * of where it lies. */
    for (unsigned i = NEIGHBOURS; i < 2 * NEIGHBOURS; i++)
        for (unsigned before = 0; before < 2 * NEIGHBOURS; before++)
            if (around[before] + step == around[i] && (uintptr_t)around[i] % UNIT >= step)
                return around[i];
    return around[NEIGHBOURS];
}

static void write_after_free(void)
{
    char *block = victim();

    free(block);
    memset(block + offset, 'w', bytes);
    wait_for_reuse();
}

static void read_after_free(void)
{
    char *block = victim();

    memset(block, 's', size);
    free(block);
    printf("%s\n", block[offset] == 's' ? "the secret is still there" : "zero");
}

static void reuse_at_once(void)
{
    char *block = victim();

    free(block);
    for (unsigned i = 0; i < 1000; i++)
        if (malloc(size) == block) {
            puts("handed out again");
            return;
        }
    puts("not handed out");
}

static void overflow(void)
{
    char *block = victim();

    memset(block + size + offset, 'o', bytes);
    free(block);
}

/* Bytes before the block; it is the one before that they hit. */
static void underflow(void)
{
    char *block = victim();

    memset(block - offset, 'u', bytes);
    free(block);
}

static void overflow_then_grow(void)
{
    char *block = victim();

    block[size + (size_t)offset] = 'o';
    free(realloc(block, size * 3));
}

/* The block stays where it is, and ends earlier. */
static void overflow_then_shorter(void)
{
    size_t less = size - size / 4;
    char *block = realloc(victim(), less);

    block[less + (size_t)offset] = 'o';
    free(block);
}

static void overflow_never_freed(void)
{
    char *block = victim();

    memset(block + size + offset, 'o', bytes);
}

static void overflow_then_abort(void)
{
    overflow_never_freed();
    abort();
}

/* In the midst of whatever another thread does with its heap. */
static void *busy(void *nothing)
{
    for (;;) {
        void *block = malloc(size * 9 + 40000);
        free(malloc(size));
        free(block);
    }
    return nothing;
}

static void abort_while_busy(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, busy, NULL);
    usleep(2000);
    abort();
}

/* A server that has nothing between two requests: slabs end before what was written to is handed out again. */
static void write_between_requests(void)
{
    enum { BLOCKS = 200, REQUESTS = 1000 };
    static char *block[BLOCKS];

    for (int request = 0; request < REQUESTS; request++) {
        for (int i = 0; i < BLOCKS; i++)
            memset(block[i] = malloc(size), 'r', size);
        for (int i = 0; i < BLOCKS; i++)
            free(block[i]);
        if (request == REQUESTS / 100)
            *(volatile char *)(block[BLOCKS - 1] + offset) = 'w'; /* it waits */
    }
}

/* Where in its slab the first block lies: the seventeenth bit up to the fifth of its address. */
static void first_slot(void)
{
    printf("%lu\n", (unsigned long)malloc(size) >> 5 & 2047);
}

/* How far apart blocks lie that are taken one after the other: each line one step, in bytes. */
static void steps(void)
{
    enum { BLOCKS = 2000 };
    static char *block[BLOCKS];

    for (int i = 0; i < BLOCKS; i++)
        block[i] = malloc(size);
    for (int i = 1; i < BLOCKS; i++)
        printf("%td\n", block[i] - block[i - 1]);
}

/* A heap of the program's own that wants what is freed to be cleared and to wait: says whether it can be had, and
 * whether it is so. */
static void hardened_heap(void)
{
    ca_error (*create)(const ca_heap_options *, ca_authority *);
    ca_block_result (*allocate)(ca_authority, ca_layout);
    void (*deallocate)(ca_block);
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    const ca_layout layout = {size, 16};
    ca_authority root;
    bool again = false;

    *(void **)&create = dlsym(RTLD_DEFAULT, "ca_heap_create");
    *(void **)&allocate = dlsym(RTLD_DEFAULT, "ca_allocate");
    *(void **)&deallocate = dlsym(RTLD_DEFAULT, "ca_block_deallocate");
    options.policy = CA_HEAP_POLICY_HARDENED;
    ca_error error = create(&options, &root);
    if (error != CA_OK) {
        puts(error == CA_ERROR_INVALID ? "refused" : "wrong");
        return;
    }
    char *block = memset(allocate(root, layout).ptr, 's', size);
    deallocate((ca_block){block, size});
    for (unsigned i = 0; i < 1000; i++)
        again = again || allocate(root, layout).ptr == block;
    printf("%s, %s\n", block[size - 1] == 0 ? "zero" : "as it was", again ? "handed out again" : "not handed out");
}

/* operator new and delete, of the preloaded library: there is no C++ here. */
void *_Znwm(size_t) __attribute__((weak));
void *_Znam(size_t) __attribute__((weak));
void *_ZnwmSt11align_val_t(size_t, size_t) __attribute__((weak));
void _ZdlPv(void *) __attribute__((weak));
void _ZdaPv(void *) __attribute__((weak));
void _ZdlPvm(void *, size_t) __attribute__((weak));
void _ZdlPvSt11align_val_t(void *, size_t) __attribute__((weak));
void _ZdaPvSt11align_val_t(void *, size_t) __attribute__((weak));
void *_ZnamSt11align_val_t(size_t, size_t) __attribute__((weak));
void _ZdlPvmSt11align_val_t(void *, size_t, size_t) __attribute__((weak));

static void new_delete_array(void)
{
    _ZdaPv(_Znwm(size));
}
static void new_free(void)
{
    free(_Znwm(size));
}
static void new_realloc(void)
{
    free(realloc(_Znwm(size), size * 2));
}
static void new_array_delete(void)
{
    _ZdlPv(_Znam(size));
}
static void new_array_free(void)
{
    free(_Znam(size));
}
static void malloc_delete(void)
{
    _ZdlPv(malloc(size));
}
static void malloc_delete_array(void)
{
    _ZdaPv(malloc(size));
}
static void aligned_delete(void)
{
    _ZdlPv(_ZnwmSt11align_val_t(size, 128));
}
static void aligned_delete_array(void)
{
    _ZdaPvSt11align_val_t(_ZnwmSt11align_val_t(size, 128), 128);
}
static void new_delete_aligned(void)
{
    _ZdlPvSt11align_val_t(_Znwm(size), 128);
}
static void wrong_size(void)
{
    _ZdlPvm(_Znwm(size), size + (size_t)offset);
}
/* Another than new was told, which the block has as well. */
static void other_alignment(void)
{
    _ZdlPvSt11align_val_t(_ZnwmSt11align_val_t(size, 64), 32);
}
static void other_alignment_sized(void)
{
    _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(size, 64), size, 32);
}
static void other_alignment_array(void)
{
    _ZdaPvSt11align_val_t(_ZnamSt11align_val_t(size, 64), 32);
}
static void larger_alignment(void)
{
    _ZdlPvSt11align_val_t(_ZnwmSt11align_val_t(size, 32), 1 << 20);
}
static void wrong_alignment(void)
{
    _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(size, 32), size, 1 << 20);
}
static void right_ways(void)
{
    _ZdlPv(_Znwm(size));
    _ZdaPv(_Znam(size));
    _ZdlPvm(_Znwm(size), size);
    _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(size, 256), size, 256);
    _ZdlPvSt11align_val_t(_ZnwmSt11align_val_t(size, 8), 8);
    _ZdaPvSt11align_val_t(_ZnamSt11align_val_t(size, 64), 64);
    free(realloc(malloc(size), size * 2));
}

/* Each length on the way up and down, in place and not; what was written stays, and no overflow is seen. */
static void resized(void)
{
    unsigned char *block = NULL;

    for (size_t step = 1, length = 0; step < 4 * size; step++) {
        size_t next = step < 2 * size ? step : 4 * size - step;
        block = realloc(block, next);
        for (size_t i = 0; i < (next < length ? next : length); i++)
            if (block[i] != (unsigned char)(i * 7 + 1))
                exit(4);
        for (size_t i = 0; i < next; i++)
            block[i] = (unsigned char)(i * 7 + 1);
        length = next;
    }
    free(block);
    free(NULL);
    _ZdlPv(NULL);
    _ZdaPv(NULL);
    _ZdlPvm(NULL, size);
}

static const struct crime crimes[] = {
    {"write-after-free", write_after_free},
    {"write-between-requests", write_between_requests},
    {"read-after-free", read_after_free},
    {"reuse-at-once", reuse_at_once},
    {"overflow", overflow},
    {"underflow", underflow},
    {"overflow-then-grow", overflow_then_grow},
    {"overflow-then-shorter", overflow_then_shorter},
    {"resized", resized},
    {"overflow-never-freed", overflow_never_freed},
    {"first-slot", first_slot},
    {"steps", steps},
    {"overflow-then-abort", overflow_then_abort},
    {"abort-while-busy", abort_while_busy},
    {"hardened-heap", hardened_heap},
    {"new-delete-array", new_delete_array},
    {"new-free", new_free},
    {"new-realloc", new_realloc},
    {"new-array-delete", new_array_delete},
    {"new-array-free", new_array_free},
    {"malloc-delete", malloc_delete},
    {"malloc-delete-array", malloc_delete_array},
    {"aligned-delete", aligned_delete},
    {"aligned-delete-array", aligned_delete_array},
    {"new-delete-aligned", new_delete_aligned},
    {"wrong-size", wrong_size},
    {"wrong-alignment", wrong_alignment},
    {"larger-alignment", larger_alignment},
    {"other-alignment", other_alignment},
    {"other-alignment-sized", other_alignment_sized},
    {"other-alignment-array", other_alignment_array},
    {"right-ways", right_ways},
    {NULL, NULL},
};

static bool commit(const struct crime *crime, const char *name)
{
    while (crime->name != NULL && strcmp(crime->name, name) != 0)
        crime++;
    if (crime->name != NULL)
        crime->commit();
    return crime->name != NULL;
}

int main(int argc, char **argv)
{
    size = argc > 2 ? strtoul(argv[2], NULL, 0) : size;
    offset = argc > 3 ? strtol(argv[3], NULL, 0) : 0;
    bytes = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    return argc > 1 && (commit(crimes, argv[1]) || commit(guard_crimes, argv[1])) ? 0 : 2;
}
