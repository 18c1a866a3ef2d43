/* Calls the token entry points as a C program does that clang compiled with -fsanitize=alloc-token, with or without
 * -fsanitize-alloc-token-fast-abi. The first argument says which tokens stand for types without pointers. Run on the
 * drop-in library.
 */
#include "check.h"
#include "place.h"

#include <malloc.h>
#include <sys/mman.h>

#define DECLARE(prefix, ...)                                                                                           \
    extern void *prefix##_malloc(size_t size __VA_ARGS__);                                                             \
    extern void *prefix##_calloc(size_t count, size_t size __VA_ARGS__);                                               \
    extern void *prefix##_realloc(void *block, size_t size __VA_ARGS__);                                               \
    extern void *prefix##_reallocarray(void *block, size_t count, size_t size __VA_ARGS__);                            \
    extern void *prefix##_aligned_alloc(size_t alignment, size_t size __VA_ARGS__);                                    \
    extern void *prefix##_memalign(size_t alignment, size_t size __VA_ARGS__);                                         \
    extern int prefix##_posix_memalign(void **block, size_t alignment, size_t size __VA_ARGS__);                       \
    extern void *prefix##_valloc(size_t size __VA_ARGS__);                                                             \
    extern void *prefix##_pvalloc(size_t size __VA_ARGS__);
DECLARE(__alloc_token, , size_t token)
DECLARE(__alloc_token_0)
DECLARE(__alloc_token_1)
DECLARE(__alloc_token_2)
DECLARE(__alloc_token_3)
DECLARE(__alloc_token_7)
DECLARE(__alloc_token_8)
DECLARE(__alloc_token_15)

#define FAILS(expression, error)                                                                                       \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((expression) == NULL);                                                                                   \
        CHECK(errno == (error));                                                                                       \
    } while (0)

/* The whole family for one token, whichever way the token travels: CALL(name, arguments). `in`: the place it means. */
#define FAMILY(CALL, in)                                                                                               \
    do {                                                                                                               \
        for (unsigned i_ = 0; i_ < SIZES; i_++) {                                                                      \
            size_t size_ = sizes[i_];                                                                                  \
            void *aligned_ = &aligned_;                                                                                \
            errno = 77;                                                                                                \
            give_back(CALL(malloc, (size_)), size_, 16, in);                                                           \
            give_back(zeros(CALL(calloc, (1, size_)), size_), size_, 16, in);                                          \
            give_back(CALL(realloc, (NULL, size_)), size_, 16, in);                                                    \
            give_back(CALL(reallocarray, (NULL, size_, 1)), size_, 16, in);                                            \
            give_back(CALL(aligned_alloc, (64, size_)), size_, 64, in);                                                \
            give_back(CALL(memalign, (8192, size_)), size_, 8192, in);                                                 \
            give_back(CALL(valloc, (size_)), size_, page, in);                                                         \
            give_back(CALL(pvalloc, (size_)), (size_ + page - 1) / page * page, page, in);                             \
            CHECK(CALL(posix_memalign, (&aligned_, 32, size_)) == 0);                                                  \
            CHECK(errno == 77);                                                                                        \
            give_back(aligned_, size_, 32, in);                                                                        \
        }                                                                                                              \
        for (unsigned i_ = 0; i_ < sizeof too_large / sizeof *too_large; i_++) {                                       \
            size_t size_ = too_large[i_];                                                                              \
            void *block_ = CALL(malloc, (100));                                                                        \
            void *aligned_ = &aligned_;                                                                                \
            FAILS(CALL(malloc, (size_)), ENOMEM);                                                                      \
            FAILS(CALL(calloc, (1, size_)), ENOMEM);                                                                   \
            FAILS(CALL(calloc, (half, half)), ENOMEM);                                                                 \
            FAILS(CALL(realloc, (NULL, size_)), ENOMEM);                                                               \
            FAILS(CALL(realloc, (block_, size_)), ENOMEM);                                                             \
            FAILS(CALL(reallocarray, (block_, half, half)), ENOMEM);                                                   \
            FAILS(CALL(aligned_alloc, (64, size_)), ENOMEM);                                                           \
            FAILS(CALL(memalign, (4096, size_)), ENOMEM);                                                              \
            FAILS(CALL(valloc, (size_)), ENOMEM);                                                                      \
            FAILS(CALL(pvalloc, (size_)), ENOMEM);                                                                     \
            CHECK(CALL(posix_memalign, (&aligned_, 32, size_)) == ENOMEM && aligned_ == &aligned_);                    \
            give_back(block_, 100, 16, in);                                                                            \
        }                                                                                                              \
        for (unsigned i_ = 0; i_ < sizeof not_alignments / sizeof *not_alignments; i_++) {                             \
            size_t alignment_ = not_alignments[i_];                                                                    \
            void *aligned_ = &aligned_;                                                                                \
            FAILS(CALL(aligned_alloc, (alignment_, 100)), EINVAL);                                                     \
            void *rounded_ = CALL(memalign, (alignment_, 100));                                                        \
            CHECK(alignment_ > SIZE_MAX / 2 ? rounded_ == NULL : place_of(rounded_) == (in));                          \
            free(rounded_);                                                                                            \
            CHECK(CALL(posix_memalign, (&aligned_, alignment_, 100)) == EINVAL && aligned_ == &aligned_);              \
        }                                                                                                              \
        void *none_;                                                                                                   \
        CHECK(CALL(posix_memalign, (&none_, 4, 100)) == EINVAL);                                                       \
        CHECK(CALL(realloc, (CALL(malloc, (100)), 0)) == NULL);                                                        \
    } while (0)

static const size_t sizes[] = {0, 1, 16, 17, 64, 100, 512, 513, 4000, 32768, 32769, 100000, 5000000};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const volatile size_t too_large[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX, (size_t)1 << 50};
static const volatile size_t not_alignments[] = {0, 3, 48, SIZE_MAX};
static volatile size_t half = (size_t)1 << 33;
static size_t page;

/* The block is where it belongs, as long as it should be and aligned, and free takes it. */
static void give_back(void *block, size_t size, size_t align, int place)
{
    CHECK(block != NULL && (uintptr_t)block % align == 0);
    CHECK(place_of(block) == place);
    CHECK(malloc_usable_size(block) >= size);
    memset(block, 0xa5, malloc_usable_size(block));
    free(block);
}

static void *zeros(void *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK(((char *)block)[i] == 0);
    return block;
}

static size_t the_token;
#define STRIP(...) __VA_ARGS__
#define BY_ARGUMENT(name, arguments) __alloc_token_##name(STRIP arguments, the_token)
#define BY_NAME_0(name, arguments) __alloc_token_0_##name arguments
#define BY_NAME_1(name, arguments) __alloc_token_1_##name arguments
#define BY_NAME_2(name, arguments) __alloc_token_2_##name arguments
#define BY_NAME_3(name, arguments) __alloc_token_3_##name arguments
#define BY_NAME_7(name, arguments) __alloc_token_7_##name arguments
#define BY_NAME_8(name, arguments) __alloc_token_8_##name arguments
#define BY_NAME_15(name, arguments) __alloc_token_15_##name arguments

static void by_argument(size_t token, int place)
{
    the_token = token;
    FAMILY(BY_ARGUMENT, place);
}

/* The type decides at each realloc: a block that may hold pointers from now on leaves nocaps, none moves there. */
static void from_type_to_type(size_t flat, size_t pointers)
{
    for (unsigned from = 0; from < SIZES; from++)
        for (unsigned to = 1; to < SIZES; to++) {
            size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            char *block = __alloc_token_malloc(sizes[from], flat);
            memset(block, 0x3c, sizes[from]);
            block = __alloc_token_realloc(block, sizes[to], flat);
            CHECK(place_of(block) == NOCAPS);
            block = realloc(block, sizes[to] + 1); /* by somebody who knows nothing of tokens */
            CHECK(place_of(block) == NOCAPS);
            block = __alloc_token_realloc(block, sizes[to], pointers);
            CHECK(place_of(block) == ORDINARY);
            for (size_t i = 0; i < least; i++)
                CHECK(block[i] == 0x3c);
            block = __alloc_token_reallocarray(block, 2, sizes[to], flat);
            CHECK(place_of(block) == ORDINARY);
            for (size_t i = 0; i < least; i++)
                CHECK(block[i] == 0x3c);
            free(block);
        }
    void *block = __alloc_token_malloc(100, flat);
    FAILS(__alloc_token_realloc(block, SIZE_MAX, pointers), ENOMEM);
    FAILS(__alloc_token_realloc(block, (size_t)1 << 50, pointers), ENOMEM);
    CHECK(place_of(block) == NOCAPS);
    free(block);
}

static void wide(void)
{
    by_argument(1, NOCAPS);
    by_argument(UINT64_C(0x7ffffffffffffffe), NOCAPS);
    by_argument(UINT64_C(0x7fffffffffffffff), ORDINARY); /* half of 2^64 - 1 */
    by_argument(UINT64_C(0xfffffffffffffffe), ORDINARY);
    FAMILY(BY_NAME_0, NOCAPS);
    FAMILY(BY_NAME_1, ORDINARY);
    FAMILY(BY_NAME_2, ORDINARY);
    FAMILY(BY_NAME_15, ORDINARY);
    from_type_to_type(5, UINT64_MAX);
}

static void sixteen(void)
{
    by_argument(0, NOCAPS);
    by_argument(7, NOCAPS);
    by_argument(8, ORDINARY);
    by_argument(15, ORDINARY);
    FAMILY(BY_NAME_0, NOCAPS);
    FAMILY(BY_NAME_3, NOCAPS);
    FAMILY(BY_NAME_7, NOCAPS);
    FAMILY(BY_NAME_8, ORDINARY);
    FAMILY(BY_NAME_15, ORDINARY);
    from_type_to_type(7, 8);
}

/* A space of one token tells nothing. */
static void one(void)
{
    by_argument(0, ORDINARY);
    FAMILY(BY_NAME_0, ORDINARY);
}

int main(int argc, char **argv)
{
    /* The very first allocation of the process is placed right, too. */
    void *first = __alloc_token_malloc(100, 0);
    void *named = __alloc_token_0_malloc(100);

    page = (size_t)sysconf(_SC_PAGESIZE);
    CHECK(argc == 2);
    give_back(first, 100, 16, strcmp(argv[1], "one") != 0 ? NOCAPS : ORDINARY);
    give_back(named, 100, 16, strcmp(argv[1], "one") != 0 ? NOCAPS : ORDINARY);
    if (strcmp(argv[1], "one") == 0)
        one();
    else if (strcmp(argv[1], "sixteen") == 0)
        sixteen();
    else
        wide();
    return 0;
}
