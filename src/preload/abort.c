/* abort: in the hardened library a program that gives up is looked at first, as what made it do so may have come of a
 * write behind a block. Calls within the C library, as that of assert, do not come here.
 *
 * It is called in signal handlers: nothing here waits, and the C library's function was looked up at the start.
 */
#include "core/violation.h"
#include "heaps/heaps.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

CAI_EXPORT void abort(void) __attribute__((noreturn));

static void (*theirs)(void);

__attribute__((constructor)) static void find(void)
{
    theirs = (void (*)(void))(uintptr_t)dlsym(RTLD_NEXT, "abort");
}

void abort(void)
{
    if (!cai_violation_is_last()) /* else all is said */
        cai_hardened_look_at_abort();
    if (theirs != NULL)
        theirs();
    __builtin_trap();
}
