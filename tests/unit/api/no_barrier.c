/* A kernel without the barrier that makes another thread's fast path safe to end: every use of an authority then takes
 * a lock. The tests of authorities run a second time like this. */
#include "os/os.h"

bool __wrap_cai_os_barrier_start(void);
bool __wrap_cai_os_barrier_start(void)
{
    return false;
}
