/* A new process: how the child of a fork learns that it is one, whatever way it was made.
 *
 * What a process knows of itself stands in a page that the kernel hands to children as zeros. Where it does not, and
 * where it only says so (an emulator), the handler of pthread_atfork alone tells them, which system calls pass by.
 */
#ifndef CAI_OS_PROCESS_H
#define CAI_OS_PROCESS_H

#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

/* OWING: the second half of what is to be done is still owed; PAYING: it is being done. */
enum { CAI_PROCESS_NEW, CAI_PROCESS_SETTLED, CAI_PROCESS_SETTLING, CAI_PROCESS_OWING, CAI_PROCESS_PAYING };
struct cai_process {
    uint32_t state; /* atomic */
    uint32_t owes;  /* the number of the thread that settled it (os/holder.h) */
};
extern struct cai_process *cai_process;

/* Has two functions called in each child of a fork, by its first thread: `child` before anything else of ours happens
 * there, and `then`, which may take locks, as soon as that thread holds none: it may have forked in a signal handler
 * that interrupted it where it did. Any thread may call this any number of times, with the same functions; that is so
 * when it returns. May allocate. */
void cai_os_on_fork(void (*child)(void), void (*then)(void));

/* On slow paths: whoever is in a new process learns it here, and returns when it is settled. Costs a load. */
void cai_process_settle(void);
CAI_INLINE bool cai_process_is_new(void)
{
    return cai_load_fenced_in_place(&cai_load_fenced_in_place(&cai_process)->state) != CAI_PROCESS_SETTLED;
}
CAI_INLINE void cai_process_notice(void)
{
    if (CAI_UNLIKELY(cai_process_is_new()))
        cai_process_settle();
}

#endif
