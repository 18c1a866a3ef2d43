/* C++ operator new and delete in every form, by their mangled names, so that the library needs no C++ runtime. What a
 * failing new must do (call the new-handler, throw bad_alloc) belongs to that runtime: it is called when there is one.
 */
#include "preload/cxx.h"

#include "core/settings.h"
#include "malloc/fast.h"
#include "malloc/nocaps.h"
#include "malloc/stated.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define PLACE CAI_PLACE_ordinary

typedef void (*new_handler)(void);
struct nothrow;

/* std::get_new_handler() and std::__throw_bad_alloc() of whichever runtime the program has. */
extern new_handler _ZSt15get_new_handlerv(void) __attribute__((weak));
extern void _ZSt17__throw_bad_allocv(void) __attribute__((weak));

/* The runtime may have been loaded after us, and then the weak names are not bound. */
static void *runtime_function(void *bound, const char *name)
{
    return bound != NULL ? bound : dlsym(RTLD_DEFAULT, name);
}

void *cai_new_aligned(enum cai_place place, size_t size, size_t alignment)
{
    if (size > PTRDIFF_MAX || !cai_is_power_of_two(alignment))
        return NULL;
    return cai_allocate_aligned(place, size, alignment, false);
}

static new_handler current_handler(void)
{
    new_handler (*get)(void) = (new_handler(*)(void))(uintptr_t)runtime_function(
        (void *)(uintptr_t)_ZSt15get_new_handlerv, "_ZSt15get_new_handlerv");

    return get != NULL ? get() : NULL;
}

static void *new_by_handlers(enum cai_place place, size_t size, size_t alignment)
{
    void *block = NULL;

    for (new_handler handler; block == NULL && (handler = current_handler()) != NULL;) {
        handler();
        block = cai_new_aligned(place, size, alignment);
    }
    return block;
}

/* A new-handler may throw, which a nothrow form has to catch, and only C++ can. The runtime's own nothrow forms do:
 * each is a call of the throwing form, which is ours, with a catch around it. */
static void *new_by_handlers_quietly(enum cai_place place, size_t size, size_t alignment)
{
    const char *name = alignment <= 16 ? "_ZnwmRKSt9nothrow_t" : "_ZnwmSt11align_val_tRKSt9nothrow_t";
    void *quiet = dlsym(RTLD_NEXT, name);
    void *block;

    if (quiet == NULL) /* the runtime is not behind us: in the program itself, say */
        return new_by_handlers(place, size, alignment);
    if (alignment <= 16)
        block = ((void *(*)(size_t, const struct nothrow *))(uintptr_t)quiet)(size, NULL);
    else
        block = ((void *(*)(size_t, size_t, const struct nothrow *))(uintptr_t)quiet)(size, alignment, NULL);
    if (block == NULL || place == PLACE)
        return block;
    cai_back_free(block, "operator delete"); /* there is memory again, but this is not where it was wanted */
    return cai_new_aligned(place, size, alignment);
}

CAI_COLD void *cai_new_failed(enum cai_place place, size_t size, size_t alignment, bool may_throw)
{
    if (!may_throw)
        return current_handler() != NULL ? new_by_handlers_quietly(place, size, alignment) : NULL;
    void *block = new_by_handlers(place, size, alignment);
    if (block != NULL)
        return block;
    void (*throw_bad_alloc)(void) = (void (*)(void))(uintptr_t)runtime_function(
        (void *)(uintptr_t)_ZSt17__throw_bad_allocv, "_ZSt17__throw_bad_allocv");
    if (throw_bad_alloc != NULL)
        throw_bad_alloc();
    abort();
}

void *cai_new_early(size_t size, size_t alignment, bool may_throw)
{
    void *block = cai_early_allocate(size, cai_max(alignment, 16));

    if (block == NULL && may_throw)
        __builtin_trap(); /* nobody to call, nothing to throw with */
    return block;
}

static CAI_NOINLINE void *new_slow(size_t size, size_t alignment, bool may_throw)
{
    return CAI_UNLIKELY(cai_too_early()) ? cai_new_early(size, alignment, may_throw)
                                         : cai_new(PLACE, size, alignment, may_throw);
}

CAI_INLINE bool is_told_alignment(enum cai_family family)
{
    return family == CAI_FAMILY_new_aligned || family == CAI_FAMILY_new_array_aligned;
}

/* In the hardened library alone it makes a difference which of the families a block is of. */
CAI_INLINE void *operator_new(size_t size, size_t alignment, enum cai_family family, bool may_throw)
{
    if (!CAI_HARDENS) {
        void *block = alignment <= 16 ? cai_fast_allocate(PLACE, size, false) : NULL;
        return CAI_LIKELY(block != NULL) ? block : new_slow(size, alignment, may_throw);
    }
    if (CAI_UNLIKELY(cai_too_early()))
        return cai_new_early(size, alignment, may_throw);
    if (!cai_is_power_of_two(alignment))
        return cai_new_failed(PLACE, size, alignment, may_throw);
    void *block =
        alignment <= 16 ? cai_hardened_take(size, family) : cai_hardened_take_aligned(size, alignment, family);
    if (CAI_UNLIKELY(block == NULL))
        block = cai_hardened_allocate(PLACE, size, cai_max(alignment, 16), false, family);
    if (CAI_UNLIKELY(block == NULL))
        return cai_new_failed(PLACE, size, alignment, may_throw);
    if (is_told_alignment(family))
        cai_told_alignment(block, alignment);
    return block;
}

CAI_INLINE const char *door_of(enum cai_family family)
{
    bool is_array = family == CAI_FAMILY_new_array || family == CAI_FAMILY_new_array_aligned;

    return CAI_HARDENS && is_array ? "operator delete[]" : "operator delete";
}

/* False: it is of another, or the pointer has another tag, and a handler refused the call. */
CAI_INLINE bool is_of(enum cai_family family, void **block)
{
    return !CAI_HARDENS || (cai_hardened_enters(block, door_of(family)) &&
                            cai_hardened_family(cai_back_place(*block), *block, family, door_of(family)));
}

CAI_INLINE void operator_delete(void *block, enum cai_family family)
{
    if (CAI_HARDENS && CAI_LIKELY(cai_hardened_put(block, family)))
        return;
    if (is_of(family, &block))
        cai_back_free(block, door_of(family));
}

static void operator_delete_aligned(void *block, size_t alignment, enum cai_family family)
{
    if (!CAI_HARDENS || CAI_LIKELY(cai_told_alignment_is(block, alignment, door_of(family))))
        operator_delete(block, family);
}

/* A sized delete with the wrong size breaks no allocator that ignores the size, so many programs have one: strict
 * and hardened only. */
static void operator_delete_sized(void *block, size_t size, size_t alignment, enum cai_family family)
{
    if (CAI_HARDENS && alignment <= 16 && CAI_LIKELY(cai_hardened_put_stated(block, family, size)))
        return;
    if (block == NULL || CAI_UNLIKELY(cai_early_owns(block)) || !is_of(family, &block))
        return;
    if (CAI_HARDENS && is_told_alignment(family) && !cai_told_alignment_is(block, alignment, door_of(family)))
        return;
    if (CAI_LIKELY(!CAI_HARDENS && !cai_settings->strict) ||
        cai_stated_size_fits(block, alignment, size, door_of(family)))
        cai_back_free(block, door_of(family));
}

#define IGNORED __attribute__((unused))

/* NEW(mangled name, extra parameters, alignment, family, may throw): m is size_t, St11align_val_t the alignment. */
#define NEW(name, parameters, alignment, family, may_throw)                                                            \
    CAI_EXPORT void *name parameters;                                                                                  \
    void *name parameters                                                                                              \
    {                                                                                                                  \
        return operator_new(size, alignment, CAI_FAMILY_##family, may_throw);                                          \
    }
#define DELETE(name, parameters, body)                                                                                 \
    CAI_EXPORT void name parameters;                                                                                   \
    void name parameters                                                                                               \
    {                                                                                                                  \
        body;                                                                                                          \
    }
NEW(_Znwm, (size_t size), 16, new, true)
NEW(_Znam, (size_t size), 16, new_array, true)
NEW(_ZnwmRKSt9nothrow_t, (size_t size, const struct nothrow *tag IGNORED), 16, new, false)
NEW(_ZnamRKSt9nothrow_t, (size_t size, const struct nothrow *tag IGNORED), 16, new_array, false)
NEW(_ZnwmSt11align_val_t, (size_t size, size_t alignment), alignment, new_aligned, true)
NEW(_ZnamSt11align_val_t, (size_t size, size_t alignment), alignment, new_array_aligned, true)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const struct nothrow *tag IGNORED), alignment,
    new_aligned, false)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const struct nothrow *tag IGNORED), alignment,
    new_array_aligned, false)

DELETE(_ZdlPv, (void *block), operator_delete(block, CAI_FAMILY_new))
DELETE(_ZdaPv, (void *block), operator_delete(block, CAI_FAMILY_new_array))
DELETE(_ZdlPvRKSt9nothrow_t, (void *block, const struct nothrow *tag IGNORED), operator_delete(block, CAI_FAMILY_new))
DELETE(_ZdaPvRKSt9nothrow_t, (void *block, const struct nothrow *tag IGNORED),
       operator_delete(block, CAI_FAMILY_new_array))
DELETE(_ZdlPvSt11align_val_t, (void *block, size_t alignment),
       operator_delete_aligned(block, alignment, CAI_FAMILY_new_aligned))
DELETE(_ZdaPvSt11align_val_t, (void *block, size_t alignment),
       operator_delete_aligned(block, alignment, CAI_FAMILY_new_array_aligned))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const struct nothrow *tag IGNORED),
       operator_delete_aligned(block, alignment, CAI_FAMILY_new_aligned))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const struct nothrow *tag IGNORED),
       operator_delete_aligned(block, alignment, CAI_FAMILY_new_array_aligned))
DELETE(_ZdlPvm, (void *block, size_t size), operator_delete_sized(block, size, 16, CAI_FAMILY_new))
DELETE(_ZdaPvm, (void *block, size_t size), operator_delete_sized(block, size, 16, CAI_FAMILY_new_array))
DELETE(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t alignment),
       operator_delete_sized(block, size, alignment, CAI_FAMILY_new_aligned))
DELETE(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t alignment),
       operator_delete_sized(block, size, alignment, CAI_FAMILY_new_array_aligned))
