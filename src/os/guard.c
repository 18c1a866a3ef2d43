/* See guard.h. */
#include "os/guard.h"

#include <errno.h>
#include <sys/mman.h>

/* Of Linux 6.13: older headers lack them, older kernels refuse them. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static bool advise(uintptr_t address, size_t length, int advice)
{
    int saved = errno;
    bool done = madvise((void *)address, length, advice) == 0;

    errno = saved;
    return done;
}

bool cai_os_guard(uintptr_t address, size_t length)
{
    return advise(address, length, MADV_GUARD_INSTALL);
}

bool cai_os_unguard(uintptr_t address, size_t length)
{
    return advise(address, length, MADV_GUARD_REMOVE);
}

uintptr_t cai_os_reserve(size_t length)
{
    int saved = errno;
    void *address = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    errno = saved;
    return address == MAP_FAILED ? 0 : (uintptr_t)address;
}
