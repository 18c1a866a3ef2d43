/* See mte.h. */
#include "os/mte.h"

#include "base/mte.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's ABI for AArch64, which older headers lack. */
enum { HAS_MTE = 1 << 18, WITH_TAGS = 0x20 };
enum { SET_CONTROL = 55, GET_CONTROL = 56 };
enum { ENABLED = 1 << 0, CHECKED_AT_ONCE = 1 << 1, ANY_TAG_BUT_0 = 0xfffe << 3 };

enum cai_mte_state cai_os_mte_start(void)
{
    int saved = errno;
    enum cai_mte_state state = CAI_MTE_ABSENT;

    if (CAI_MTE && (getauxval(AT_HWCAP2) & HAS_MTE) != 0) {
        long now = syscall(SYS_prctl, (long)GET_CONTROL, 0L, 0L, 0L, 0L);
        long wanted = (now > 0 ? now : 0) | ENABLED | CHECKED_AT_ONCE | ANY_TAG_BUT_0;
        bool done = now >= 0 && syscall(SYS_prctl, (long)SET_CONTROL, wanted, 0L, 0L, 0L) == 0;
        state = done ? CAI_MTE_STARTED : CAI_MTE_REFUSED;
    }
    errno = saved;
    return state;
}

bool cai_os_mte_pages(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = CAI_MTE && syscall(SYS_mprotect, address, length, (long)(PROT_READ | PROT_WRITE | WITH_TAGS)) == 0;

    errno = saved;
    return done;
}
