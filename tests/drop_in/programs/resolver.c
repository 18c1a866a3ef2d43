/* A library that chooses an implementation while libraries are being relocated (IFUNC), and allocates to do so. What it
 * keeps is used and given back later, by chooses.c.
 */
#include "chooses.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Only the drop-in library has all of them. */
extern void *_Znwm(size_t size) __attribute__((weak));
extern void *_ZnamSt11align_val_t(size_t size, size_t alignment) __attribute__((weak));
extern void _ZdlPvm(void *block, size_t size) __attribute__((weak));
extern void *__alloc_token_malloc(size_t size, size_t token) __attribute__((weak));
extern void *__alloc_token_0_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__alloc_token_realloc(void *block, size_t size, size_t token) __attribute__((weak));
extern void *__alloc_token_0__Znwm(size_t size) __attribute__((weak));
extern int __alloc_token_posix_memalign(void **block, size_t alignment, size_t size, size_t token)
    __attribute__((weak));

static char *kept[KEPT];
static int failures;

#define CHECK_EARLY(condition) (failures += !(condition))

static int chosen(void)
{
    return CHOSEN;
}

static char *filled(char *block, size_t size)
{
    CHECK_EARLY(block != NULL && (size_t)block % 16 == 0);
    if (block != NULL)
        memset(block, KEPT, size);
    return block;
}

static void resolve_with_operators(void)
{
    void *aligned = _ZnamSt11align_val_t(100, 512);

    CHECK_EARLY(aligned != NULL && (size_t)aligned % 512 == 0);
    _ZdlPvm(filled(_Znwm(30), 30), 30);
    kept[1] = filled(_Znwm(50), 50);
    kept[2] = filled(__alloc_token_malloc(100, 0), 100);
    kept[3] = filled(__alloc_token_0__Znwm(150), 150);
    kept[4] = filled(__alloc_token_realloc(filled(__alloc_token_0_calloc(1, 100), 100), 200, 0), 200);
    CHECK_EARLY(__alloc_token_posix_memalign(&aligned, 1024, 10, 0) == 0 && (size_t)aligned % 1024 == 0);
}

__attribute__((used)) static int (*resolve(void))(void)
{
    char *block = filled(malloc(100), 100);

    kept[0] = filled(realloc(block, 5000), 100);
    CHECK_EARLY(kept[0][99] == KEPT);
    block = calloc(10, 10);
    for (int i = 0; i < 100; i++)
        CHECK_EARLY(block[i] == 0);
    free(block);
    free(NULL);
    for (size_t i = 1; i < KEPT; i++)
        kept[i] = filled(malloc(i * 50), i * 50);
    CHECK_EARLY(malloc_usable_size(kept[KEPT - 1]) >= (KEPT - 1) * 50);
    void *aligned = NULL;
    CHECK_EARLY(posix_memalign(&aligned, 1024, 10) == 0 && (size_t)aligned % 1024 == 0);
    free(aligned);
    aligned = aligned_alloc(256, 10);
    CHECK_EARLY(aligned != NULL && (size_t)aligned % 256 == 0);
    free(aligned);
    if (__alloc_token_malloc != NULL)
        resolve_with_operators();
    return chosen;
}

char **kept_blocks(void)
{
    return kept;
}

int kept_failures(void)
{
    return failures;
}

int choose(void) __attribute__((ifunc("resolve")));
