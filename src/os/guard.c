/* See guard.h. */
#include "os/guard.h"

#include "base/atomic.h"
#include "base/compiler.h"
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

/* What stood in a page that was guarded for a moment is gone. An emulator answers yes to advice that it does not know,
 * and does nothing. */
static bool try_guards(void)
{
    size_t length = cai_os_page_size();
    int saved = errno;
    volatile char *page = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    errno = saved;
    if (page == MAP_FAILED)
        return false;
    *page = 1;
    bool work = advise((uintptr_t)page, length, MADV_GUARD_INSTALL) &&
                advise((uintptr_t)page, length, MADV_GUARD_REMOVE) && *page == 0;
    munmap((void *)page, length);
    return work;
}

enum { UNTRIED, WORK, DO_NOTHING };

bool cai_os_guards_work(void)
{
    static unsigned answer; /* atomic */
    unsigned known = cai_load_relaxed(&answer);

    if (CAI_UNLIKELY(known == UNTRIED)) {
        known = try_guards() ? WORK : DO_NOTHING;
        cai_store_relaxed(&answer, known);
    }
    return known == WORK;
}

bool cai_os_guard(uintptr_t address, size_t length)
{
    return cai_os_guards_work() && advise(address, length, MADV_GUARD_INSTALL);
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

bool cai_os_forbid(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = mprotect((void *)address, length, PROT_NONE) == 0;

    errno = saved;
    return done;
}

bool cai_os_unshut(uintptr_t address, size_t length, unsigned ways)
{
    bool opened = (ways & CAI_SHUT_BY_GUARD) == 0 || cai_os_unguard(address, length);
    bool mapped = (ways & CAI_SHUT_BY_MAPPING) == 0 || cai_os_read_write((void *)address, length);

    return opened && mapped;
}

uintptr_t cai_os_reserve(size_t length)
{
    int saved = errno;
    void *address = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    errno = saved;
    return address == MAP_FAILED ? 0 : (uintptr_t)address;
}
