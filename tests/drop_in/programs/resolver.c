/* A library that chooses an implementation while libraries are being relocated (IFUNC), and allocates to do so. What it
 * keeps is used and given back later, by chooses.c.
 */
#include "chooses.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

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
