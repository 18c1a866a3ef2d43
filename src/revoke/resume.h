/* A call that a stop of ours has interrupted begins anew. SA_RESTART is not for nanosleep, poll and their kin: there
 * the kernel says EINTR after whatever handler.
 *
 * Who wraps such a call says so before it (preload/resumed.c). The handler that has stood still in it looks at its end
 * whether it is the call that was interrupted, and lets in the signals that came meanwhile. Only if no handler of the
 * program's ran is the interruption ours alone, and nobody's business.
 */
#ifndef CAI_REVOKE_RESUME_H
#define CAI_REVOKE_RESUME_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct cai_resume {
    uintptr_t frame; /* of who makes the call; 0: nobody */
    bool stopped;    /* the call returns EINTR, because of us */
};

extern _Thread_local struct cai_resume cai_resume __attribute__((tls_model("initial-exec")));

/* For the handler of the signal that stops, as the last that it does, with all signals blocked. Keeps errno. */
void cai_resume_notice(int signal, const void *context);

/* Before the call, from the function that makes it. Returns what was there before, a call that a handler has
 * interrupted which makes this one, for cai_resume_end. */
#define cai_resume_begin() cai_resume_begin_at((uintptr_t)__builtin_frame_address(0))

CAI_INLINE struct cai_resume cai_resume_begin_at(uintptr_t frame)
{
    struct cai_resume before = cai_resume;

    cai_resume = (struct cai_resume){frame, false};
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return before;
}

/* After a call that returned EINTR: make it again. */
CAI_INLINE bool cai_resume_again(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    bool again = cai_resume.stopped;
    cai_resume.stopped = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return again;
}

CAI_INLINE void cai_resume_end(struct cai_resume before)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cai_resume = before;
}

#endif
