/* A thread as a holder of locks: its number, and how many it holds.
 */
#ifndef CAI_OS_HOLDER_H
#define CAI_OS_HOLDER_H

#include "base/atomic.h"
#include "base/compiler.h"

#include <stdint.h>

/* The calling thread's number, even and not 0; the same in the child of a fork. 0: it has none yet. */
extern _Thread_local uint32_t cai_lock_number __attribute__((tls_model("initial-exec")));
uint32_t cai_lock_new_number(void);

CAI_INLINE uint32_t cai_lock_self(void)
{
    uint32_t number = cai_lock_number;

    return CAI_LIKELY(number != 0) ? number : cai_lock_new_number();
}

/* How many locks the calling thread holds, or is about to take or has just given: in the child of a fork in a signal
 * handler that says whether it was interrupted in the middle of something. */
extern _Thread_local uint32_t cai_locks_held __attribute__((tls_model("initial-exec")));

CAI_INLINE void cai_locks_count(uint32_t more)
{
    cai_fence_for_compiler();
    cai_locks_held += more;
    cai_fence_for_compiler();
}

#endif
