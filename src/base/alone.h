/* What a process with one thread may do without a locked instruction.
 *
 * The C library says that it has one: the word is 0 before a second is made, and stays 0. It is 0 as well in the
 * second copy of the C library that a process may load. Nobody but a signal handler of the same thread comes in between
 * then, and that never in the middle of an instruction. Without such a word there are several threads.
 *
 * Not for memory that another process maps.
 */
#ifndef CAI_BASE_ALONE_H
#define CAI_BASE_ALONE_H

#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) && !CAI_TSAN && __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#pragma weak __libc_single_threaded

CAI_INLINE bool cai_is_alone(void)
{
    return &__libc_single_threaded != NULL && cai_load_relaxed(&__libc_single_threaded) != 0;
}

/* For who is alone: a byte that is 127 becomes 0x80. False: it was another, and is again. */
CAI_INLINE bool cai_alone_leave_127(uint8_t *byte)
{
    bool was_127; /* the one signed byte that cannot be one more */

    __asm__ volatile("incb %1" : "=@cco"(was_127), "+m"(*byte) : : "memory");
    if (CAI_UNLIKELY(!was_127))
        __asm__ volatile("decb %0" : "+m"(*byte) : : "memory");
    return was_127;
}

/* For who is alone: a byte that is *expected becomes `desired`. False: it was another, which *expected is now. */
CAI_INLINE bool cai_alone_swap(uint8_t *byte, uint8_t *expected, uint8_t desired)
{
    bool was_expected;

    __asm__ volatile("cmpxchgb %3, %1" : "=@cce"(was_expected), "+m"(*byte), "+a"(*expected) : "q"(desired) : "memory");
    return was_expected;
}
#else
CAI_INLINE bool cai_is_alone(void)
{
    return false;
}

CAI_INLINE bool cai_alone_leave_127(uint8_t *byte)
{
    (void)byte;
    return false;
}

CAI_INLINE bool cai_alone_swap(uint8_t *byte, uint8_t *expected, uint8_t desired)
{
    return cai_swap_strong_acq_rel(byte, expected, desired);
}
#endif

#endif
