/* What the family answers when it cannot or must not, and what it leaves in errno. Plain names: run on the drop-in
 * library.
 */
#include "check.h"

#include <malloc.h>

/* Volatile, so that the compiler does not judge them. */
static volatile size_t half = (size_t)1 << 33;
static const size_t too_large[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 16, (size_t)1 << 63,
                                   SIZE_MAX / 2 + 4096};

#define FAILS(expression, error)                                                                                       \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((expression) == NULL);                                                                                   \
        CHECK(errno == (error));                                                                                       \
    } while (0)

static void refused(void)
{
    char *block = malloc(100);

    memset(block, 7, 100);
    for (size_t i = 0; i < sizeof too_large / sizeof *too_large; i++) {
        size_t size = too_large[i];
        FAILS(malloc(size), ENOMEM);
        FAILS(calloc(1, size), ENOMEM);
        FAILS(calloc(size, 1), ENOMEM);
        FAILS(realloc(NULL, size), ENOMEM);
        FAILS(realloc(block, size), ENOMEM);
        FAILS(aligned_alloc(64, size), ENOMEM);
        FAILS(memalign(4096, size), ENOMEM);
        FAILS(valloc(size), ENOMEM);
        FAILS(pvalloc(size), ENOMEM);
        FAILS(reallocarray(block, 1, size), ENOMEM);
    }
    FAILS(calloc(SIZE_MAX / half + 1, half), ENOMEM);
    FAILS(calloc(half, half), ENOMEM);
    FAILS(reallocarray(block, half, half), ENOMEM);
    FAILS(malloc(PTRDIFF_MAX), ENOMEM);
    FAILS(malloc((size_t)1 << 46), ENOMEM);
    FAILS(malloc((size_t)1 << 50), ENOMEM);
    for (int i = 0; i < 100; i++)
        CHECK(block[i] == 7);
    free(block);
}

static void alignment(void)
{
    void *block = &block;
    /* Not as constants: clang 14 falls over alignments that are none. */
    volatile size_t three = 3;
    volatile size_t zero = 0;
    volatile size_t many = 48;

    FAILS(aligned_alloc(three, 100), EINVAL);
    FAILS(aligned_alloc(zero, 100), EINVAL);
    FAILS(memalign((size_t)-1 - zero, 100), EINVAL);
    for (volatile size_t align = 0; align < 5000; align++) {
        block = memalign(align, 100);
        for (size_t power = 16; power / 2 < align; power *= 2)
            CHECK(block != NULL && (uintptr_t)block % power == 0);
        free(block);
    }
    block = &block;
    errno = 77;
    CHECK(posix_memalign(&block, three, 100) == EINVAL);
    CHECK(posix_memalign(&block, zero, 100) == EINVAL);
    CHECK(posix_memalign(&block, three + 1, 100) == EINVAL);
    CHECK(posix_memalign(&block, many / 2, 100) == EINVAL);
    CHECK(posix_memalign(&block, 64, SIZE_MAX - 100) == ENOMEM);
    CHECK(posix_memalign(&block, 64, (size_t)1 << 48) == ENOMEM);
    CHECK(errno == 77 && block == &block);
    for (size_t align = 1; align <= (size_t)1 << 25; align *= 2) {
        for (size_t size = 0; size < 300000; size = size * 5 + 1) {
            block = aligned_alloc(align, size);
            CHECK(block != NULL && (uintptr_t)block % align == 0 && (uintptr_t)block % 16 == 0);
            CHECK(malloc_usable_size(block) >= size);
            memset(block, 1, size);
            free(block);
        }
    }
    block = valloc(1);
    CHECK((uintptr_t)block % 4096 == 0);
    free(block);
    block = pvalloc(1);
    CHECK((uintptr_t)block % 4096 == 0 && malloc_usable_size(block) >= 4096);
    free(block);
}

static void errno_is_kept(void)
{
    static void *blocks[5000];

    for (size_t i = 0; i < 5000; i++)
        CHECK((blocks[i] = malloc(i % 100 == 0 ? 3000000 : i)) != NULL);
    errno = 77;
    for (size_t i = 0; i < 5000; i++) {
        free(blocks[i]);
        CHECK(errno == 77);
    }
    free(NULL);
    malloc_trim(0);
    CHECK(errno == 77);
    /* Success does not write errno either. */
    for (size_t size = 1; size < 5000000; size = size * 2 + 1) {
        void *block = malloc(size);
        CHECK(block != NULL && errno == 77);
        block = realloc(block, size * 3);
        CHECK(block != NULL && errno == 77);
        free(block);
    }
}

static void edges(void)
{
    void *first = malloc(0);
    void *second = malloc(0);

    CHECK(first != NULL && second != NULL && first != second);
    CHECK(realloc(first, 0) == NULL);
    free(second);
    CHECK(malloc_usable_size(NULL) == 0);
    first = calloc(0, 5);
    CHECK(first != NULL);
    first = realloc(first, 10);
    CHECK(first != NULL);
    free(first);
    CHECK(mallopt(M_MMAP_THRESHOLD, 1) == 1);
    first = malloc(100);
    struct mallinfo2 info = mallinfo2();
    CHECK(info.arena > 0 && info.uordblks >= 100);
    free(first);
    FILE *nowhere = fopen("/dev/null", "w");
    CHECK(malloc_info(0, nowhere) == 0 && malloc_info(1, nowhere) != 0);
    fclose(nowhere);
    for (size_t size = 0; size < 2000; size++) {
        void *block = malloc(size);
        CHECK((uintptr_t)block % 16 == 0);
        free(block);
    }
}

int main(void)
{
    edges();
    refused();
    alignment();
    errno_is_kept();
    return 0;
}
