/* How a function that stands in the place of the C library's finds that one. */
#ifndef CAI_PRELOAD_NEXT_H
#define CAI_PRELOAD_NEXT_H

#include "base/atomic.h"
#include "base/compiler.h"

#include <dlfcn.h>
#include <stddef.h>

/* The C library's function of this name, or that of the next library that wraps it. */
#define NEXT(name) ((__typeof__(&(name)))next_of(&cai_next_##name, #name))

CAI_INLINE void *next_of(void **known, const char *name)
{
    void *next = cai_load_relaxed(known);

    if (CAI_UNLIKELY(next == NULL)) {
        next = dlsym(RTLD_NEXT, name);
        cai_store_relaxed(known, next);
    }
    return next;
}

/* All are known before the program's handlers of signals can call them. */
#define KNOWN(name)                                                                                                    \
    static void *cai_next_##name;                                                                                      \
    __attribute__((constructor)) static void find_##name(void)                                                         \
    {                                                                                                                  \
        (void)NEXT(name);                                                                                              \
    }

#endif
