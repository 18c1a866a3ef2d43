/* operator new by its token entry points, as clang's -fsanitize=alloc-token calls them, and delete as always: where the
 * blocks lie, what failing forms do. Run on the drop-in library.
 */
#include "check.h"
#include "place.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <malloc.h>
#include <new>
#include <sys/resource.h>

using std::size_t;
using nothrow = const std::nothrow_t &;
struct sized {
    void *block;
    size_t bytes;
};

/* Each form of new, with what follows its own parameters and what comes before its name. */
#define DECLARE(prefix, ...)                                                                                           \
    void *prefix##_Znwm(size_t size __VA_ARGS__);                                                                      \
    void *prefix##_Znam(size_t size __VA_ARGS__);                                                                      \
    void *prefix##_ZnwmRKSt9nothrow_t(size_t size, nothrow __VA_ARGS__);                                               \
    void *prefix##_ZnamRKSt9nothrow_t(size_t size, nothrow __VA_ARGS__);                                               \
    void *prefix##_ZnwmSt11align_val_t(size_t size, std::align_val_t align __VA_ARGS__);                               \
    void *prefix##_ZnamSt11align_val_t(size_t size, std::align_val_t align __VA_ARGS__);                               \
    void *prefix##_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, std::align_val_t align, nothrow __VA_ARGS__);        \
    void *prefix##_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, std::align_val_t align, nothrow __VA_ARGS__);        \
    void *prefix##_Znwm12__hot_cold_t(size_t size, unsigned char hint __VA_ARGS__);                                    \
    void *prefix##_Znam12__hot_cold_t(size_t size, unsigned char hint __VA_ARGS__);                                    \
    void *prefix##_ZnwmRKSt9nothrow_t12__hot_cold_t(size_t size, nothrow, unsigned char hint __VA_ARGS__);             \
    void *prefix##_ZnamRKSt9nothrow_t12__hot_cold_t(size_t size, nothrow, unsigned char hint __VA_ARGS__);             \
    void *prefix##_ZnwmSt11align_val_t12__hot_cold_t(size_t size, std::align_val_t align,                              \
                                                     unsigned char hint __VA_ARGS__);                                  \
    void *prefix##_ZnamSt11align_val_t12__hot_cold_t(size_t size, std::align_val_t align,                              \
                                                     unsigned char hint __VA_ARGS__);                                  \
    void *prefix##_ZnwmSt11align_val_tRKSt9nothrow_t12__hot_cold_t(size_t size, std::align_val_t align, nothrow,       \
                                                                   unsigned char hint __VA_ARGS__);                    \
    void *prefix##_ZnamSt11align_val_tRKSt9nothrow_t12__hot_cold_t(size_t size, std::align_val_t align, nothrow,       \
                                                                   unsigned char hint __VA_ARGS__);                    \
    sized prefix##__size_returning_new(size_t size __VA_ARGS__);                                                       \
    sized prefix##__size_returning_new_aligned(size_t size, std::align_val_t align __VA_ARGS__);                       \
    sized prefix##__size_returning_new_hot_cold(size_t size, unsigned char hint __VA_ARGS__);                          \
    sized prefix##__size_returning_new_aligned_hot_cold(size_t size, std::align_val_t align,                           \
                                                        unsigned char hint __VA_ARGS__);
extern "C" {
DECLARE(__alloc_token_, , size_t token)
DECLARE(__alloc_token_0_)
DECLARE(__alloc_token_1_)
}

/* Not a constant for the compiler. */
static size_t hidden(size_t n)
{
    static volatile size_t value;
    value = n;
    return value;
}

static void *touched(void *block, size_t size, size_t align, int place)
{
    CHECK(block != nullptr && reinterpret_cast<std::uintptr_t>(block) % align == 0);
    CHECK(place_of(block) == place);
    std::memset(block, 1, size);
    return block;
}

static void *touched(sized got, size_t size, size_t align, int place)
{
    CHECK(got.bytes >= size);
    return touched(got.block, got.bytes, align, place);
}

#define EVERY_FORM(prefix, place, ...)                                                                                 \
    do {                                                                                                               \
        nothrow quiet_ = std::nothrow;                                                                                 \
        operator delete(touched(prefix##_Znwm(size __VA_ARGS__), size, 16, place));                                    \
        operator delete(touched(prefix##_Znwm(size __VA_ARGS__), size, 16, place), size);                              \
        operator delete[](touched(prefix##_Znam(size __VA_ARGS__), size, 16, place));                                  \
        operator delete[](touched(prefix##_Znam(size __VA_ARGS__), size, 16, place), size);                            \
        operator delete(touched(prefix##_ZnwmRKSt9nothrow_t(size, quiet_ __VA_ARGS__), size, 16, place), quiet_);      \
        operator delete[](touched(prefix##_ZnamRKSt9nothrow_t(size, quiet_ __VA_ARGS__), size, 16, place), quiet_);    \
        operator delete(touched(prefix##_Znwm12__hot_cold_t(size, 255 __VA_ARGS__), size, 16, place));                 \
        operator delete[](touched(prefix##_Znam12__hot_cold_t(size, 0 __VA_ARGS__), size, 16, place));                 \
        operator delete(                                                                                               \
            touched(prefix##_ZnwmRKSt9nothrow_t12__hot_cold_t(size, quiet_, 1 __VA_ARGS__), size, 16, place));         \
        operator delete[](                                                                                             \
            touched(prefix##_ZnamRKSt9nothrow_t12__hot_cold_t(size, quiet_, 1 __VA_ARGS__), size, 16, place));         \
        operator delete(touched(prefix##__size_returning_new(size __VA_ARGS__), size, 16, place));                     \
        operator delete(touched(prefix##__size_returning_new_hot_cold(size, 1 __VA_ARGS__), size, 16, place));         \
        for (size_t a = 1; a <= 1 << 20; a *= 4) {                                                                     \
            std::align_val_t al{a};                                                                                    \
            operator delete(touched(prefix##_ZnwmSt11align_val_t(size, al __VA_ARGS__), size, a, place), al);          \
            operator delete[](touched(prefix##_ZnamSt11align_val_t(size, al __VA_ARGS__), size, a, place), al);        \
            operator delete(touched(prefix##_ZnwmSt11align_val_t(size, al __VA_ARGS__), size, a, place), size, al);    \
            operator delete(                                                                                           \
                touched(prefix##_ZnwmSt11align_val_tRKSt9nothrow_t(size, al, quiet_ __VA_ARGS__), size, a, place), al, \
                quiet_);                                                                                               \
            operator delete[](                                                                                         \
                touched(prefix##_ZnamSt11align_val_tRKSt9nothrow_t(size, al, quiet_ __VA_ARGS__), size, a, place), al, \
                quiet_);                                                                                               \
            operator delete(                                                                                           \
                touched(prefix##_ZnwmSt11align_val_t12__hot_cold_t(size, al, 1 __VA_ARGS__), size, a, place), al);     \
            operator delete[](                                                                                         \
                touched(prefix##_ZnamSt11align_val_t12__hot_cold_t(size, al, 1 __VA_ARGS__), size, a, place), al);     \
            operator delete(                                                                                           \
                touched(prefix##_ZnwmSt11align_val_tRKSt9nothrow_t12__hot_cold_t(size, al, quiet_, 1 __VA_ARGS__),     \
                        size, a, place),                                                                               \
                al);                                                                                                   \
            operator delete[](                                                                                         \
                touched(prefix##_ZnamSt11align_val_tRKSt9nothrow_t12__hot_cold_t(size, al, quiet_, 1 __VA_ARGS__),     \
                        size, a, place),                                                                               \
                al);                                                                                                   \
            operator delete(touched(prefix##__size_returning_new_aligned(size, al __VA_ARGS__), size, a, place), al);  \
            operator delete(                                                                                           \
                touched(prefix##__size_returning_new_aligned_hot_cold(size, al, 1 __VA_ARGS__), size, a, place), al);  \
        }                                                                                                              \
    } while (0)

template <class Function> static bool throws_bad_alloc(Function function)
{
    try {
        function();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static unsigned handled;

static void handle()
{
    if (++handled == 3)
        std::set_new_handler(nullptr);
}

static void failing(size_t token)
{
    size_t huge = hidden(SIZE_MAX / 2 + 4096);
    std::align_val_t align{64};

    CHECK(throws_bad_alloc([&] { __alloc_token__Znwm(huge, token); }));
    CHECK(throws_bad_alloc([&] { __alloc_token__Znam(huge, token); }));
    CHECK(throws_bad_alloc([&] { __alloc_token__ZnwmSt11align_val_t(huge, align, token); }));
    CHECK(throws_bad_alloc([&] { __alloc_token__Znwm12__hot_cold_t(huge, 1, token); }));
    CHECK(throws_bad_alloc([&] { __alloc_token___size_returning_new(huge, token); }));
    CHECK(throws_bad_alloc([&] { __alloc_token_0__Znwm(huge); }));
    CHECK(throws_bad_alloc([&] { __alloc_token_1__Znam(huge); }));
    CHECK(throws_bad_alloc([&] { __alloc_token_0___size_returning_new_aligned(huge, align); }));
    CHECK(__alloc_token__ZnwmRKSt9nothrow_t(huge, std::nothrow, token) == nullptr);
    CHECK(__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(huge, align, std::nothrow, token) == nullptr);
    CHECK(__alloc_token_0__ZnwmRKSt9nothrow_t(huge, std::nothrow) == nullptr);
    handled = 0;
    std::set_new_handler(handle);
    CHECK(throws_bad_alloc([&] { __alloc_token__Znwm(huge, token); }));
    CHECK(handled == 3);
    handled = 0;
    std::set_new_handler(handle);
    CHECK(__alloc_token__ZnwmRKSt9nothrow_t(huge, std::nothrow, token) == nullptr);
    CHECK(handled == 3);
    std::set_new_handler([] { throw std::bad_alloc(); });
    CHECK(__alloc_token__ZnwmRKSt9nothrow_t(huge, std::nothrow, token) == nullptr);
    CHECK(__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(huge, align, std::nothrow, token) == nullptr);
    std::set_new_handler(nullptr);
}

static void *reserve;

/* A block that is there because the new-handler made room for it lies where the others do. */
static void second_try(size_t token, std::align_val_t align, int place)
{
    size_t size = hidden(100 << 20);
    malloc_trim(0); /* nothing of the try before is kept: the first try must fail */
    size_t used = static_cast<size_t>(status_kib("VmSize:")) << 10;
    rlimit before;
    rlimit limit;

    CHECK((reserve = std::malloc(2 * size)) != nullptr);
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    limit = {used + 2 * size + size / 2, before.rlim_max};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    std::set_new_handler([] {
        std::set_new_handler(nullptr);
        std::free(reserve);
        malloc_trim(0);
    });
    void *block = align == std::align_val_t{16}
                      ? __alloc_token__ZnwmRKSt9nothrow_t(size, std::nothrow, token)
                      : __alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t(size, align, std::nothrow, token);
    CHECK(std::get_new_handler() == nullptr);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    operator delete(touched(block, size, static_cast<size_t>(align), place), align);
}

int main()
{
    static const size_t sizes[] = {0, 1, 16, 40, 512, 513, 20000, 32769, 500000};

    for (size_t size : sizes) {
        EVERY_FORM(__alloc_token_, NOCAPS, , hidden(5));
        EVERY_FORM(__alloc_token_, ORDINARY, , hidden(SIZE_MAX));
        EVERY_FORM(__alloc_token_0_, NOCAPS);
        EVERY_FORM(__alloc_token_1_, ORDINARY);
    }
    failing(hidden(5));
    failing(hidden(SIZE_MAX));
    for (size_t align : {16, 4096}) {
        second_try(hidden(5), std::align_val_t{align}, NOCAPS);
        second_try(hidden(SIZE_MAX), std::align_val_t{align}, ORDINARY);
    }
    return 0;
}
