/* What only the hardened library sees: `crimes CRIME [SIZE [OFFSET [BYTES]]]`, between neighbours and after thousands
 * of other blocks. The crime does not end the program by itself; what does is the library, when it finds out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 64, OTHERS = 4000 };

static size_t size = 64, bytes = 1;
static long offset;

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
    for (unsigned i = 0; i < 64 * 1024; i++)
        free(malloc(size + i % 1024));
}

static char *victim(void)
{
    static char *around[2 * NEIGHBOURS];

    stir();
    for (unsigned i = 0; i < 2 * NEIGHBOURS; i++)
        memset(around[i] = malloc(size), 'n', size);
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

static void overflow_never_freed(void)
{
    char *block = victim();

    memset(block + size + offset, 'o', bytes);
}

/* operator new and delete, of the preloaded library: there is no C++ here. */
void *_Znwm(size_t) __attribute__((weak));
void *_Znam(size_t) __attribute__((weak));
void *_ZnwmSt11align_val_t(size_t, size_t) __attribute__((weak));
void _ZdlPv(void *) __attribute__((weak));
void _ZdaPv(void *) __attribute__((weak));
void _ZdlPvm(void *, size_t) __attribute__((weak));
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
static void wrong_size(void)
{
    _ZdlPvm(_Znwm(size), size + (size_t)offset);
}
static void wrong_alignment(void)
{
    _ZdlPvmSt11align_val_t(_Znwm(size), size, 1 << 20);
}
static void right_ways(void)
{
    _ZdlPv(_Znwm(size));
    _ZdaPv(_Znam(size));
    _ZdlPvm(_Znwm(size), size);
    _ZdlPvmSt11align_val_t(_ZnwmSt11align_val_t(size, 256), size, 256);
    free(realloc(malloc(size), size * 2));
}

static const struct {
    const char *name;
    void (*commit)(void);
} crimes[] = {
    {"write-after-free", write_after_free},
    {"read-after-free", read_after_free},
    {"reuse-at-once", reuse_at_once},
    {"overflow", overflow},
    {"underflow", underflow},
    {"overflow-then-grow", overflow_then_grow},
    {"overflow-never-freed", overflow_never_freed},
    {"new-delete-array", new_delete_array},
    {"new-free", new_free},
    {"new-realloc", new_realloc},
    {"new-array-delete", new_array_delete},
    {"new-array-free", new_array_free},
    {"malloc-delete", malloc_delete},
    {"malloc-delete-array", malloc_delete_array},
    {"wrong-size", wrong_size},
    {"wrong-alignment", wrong_alignment},
    {"right-ways", right_ways},
};

int main(int argc, char **argv)
{
    size = argc > 2 ? strtoul(argv[2], NULL, 0) : size;
    offset = argc > 3 ? strtol(argv[3], NULL, 0) : 0;
    bytes = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof crimes / sizeof crimes[0]; i++)
        if (strcmp(argv[1], crimes[i].name) == 0) {
            crimes[i].commit();
            return 0;
        }
    return 2;
}
