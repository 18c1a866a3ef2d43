/* See guard.h. */
#include "os/guard.h"

#include "os/os.h"

#include <errno.h>
#include <string.h>
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

/* What the kernel will not take back is cleared: who opens them again finds zeros. */
unsigned cai_os_shut(uintptr_t address, size_t length)
{
    int saved = errno;
    unsigned ways = 0;

    if (cai_os_guard(address, length))
        return CAI_SHUT_BY_GUARD;
    if (!cai_os_discard(address, length))
        memset((void *)address, 0, length);
    if (mprotect((void *)address, length, PROT_NONE) == 0)
        ways = CAI_SHUT_BY_MAPPING;
    errno = saved;
    return ways;
}

bool cai_os_unshut(uintptr_t address, size_t length, unsigned ways)
{
    bool opened = (ways & CAI_SHUT_BY_GUARD) == 0 || cai_os_unguard(address, length);

    return opened && ((ways & CAI_SHUT_BY_MAPPING) == 0 || cai_os_read_write((void *)address, length));
}

uintptr_t cai_os_reserve(size_t length)
{
    int saved = errno;
    void *address = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    errno = saved;
    return address == MAP_FAILED ? 0 : (uintptr_t)address;
}
