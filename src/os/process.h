/* A new process: how the child of a fork learns that it is one, whatever way it was made.
 *
 * What a process knows of itself stands in a page that the kernel hands to children as zeros. Where it does not, and
 * where it only says so (an emulator), the handler of pthread_atfork alone tells them, which system calls pass by.
 */
#ifndef CAI_OS_PROCESS_H
#define CAI_OS_PROCESS_H

#include "base/atomic.h"

#include <stdint.h>

enum { CAI_PROCESS_NEW, CAI_PROCESS_SETTLED, CAI_PROCESS_SETTLING };
struct cai_process {
    uint32_t state; /* atomic */
};
extern struct cai_process *cai_process;

/* Has `child` called in each child of a fork, by its first thread, before anything else of ours happens there. Any
 * thread may call it any number of times, with the same function; that is so when it returns. May allocate. */
void cai_os_on_fork(void (*child)(void));

/* On slow paths: whoever is in a new process learns it here, and returns when it is settled. Costs a load. */
void cai_process_settle(void);
CAI_INLINE void cai_process_notice(void)
{
    if (CAI_UNLIKELY(cai_load_acquire(&cai_load_acquire(&cai_process)->state) != CAI_PROCESS_SETTLED))
        cai_process_settle();
}

#endif
