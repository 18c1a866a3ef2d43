/* Stopping all other threads of the process, so that what they hold and what they change can be seen at one
 * instant.
 *
 * Each gets a signal of its own with a ticket: the number of this stop and the thread's seat. It answers in its
 * seat and waits until the number has changed. So an answer that comes too late is none to the next stop, and a
 * thread that did not get to run in between goes on at once. The signal is 33, which the C library keeps for
 * setuid: no program can block it by the C library's functions, not even one that blocks all. The library's own
 * handler is called for its own.
 *
 * A thread that sleeps in the kernel where no signal wakes it does not answer: one in vfork, until its child executes
 * something, one that waits for a disk. Nobody stands still for that: the stop is given up after a short time, and not
 * tried again while it is the same sleep. Each time that it is another one, it may take twice as long.
 */
#ifndef CAI_REVOKE_WORLD_H
#define CAI_REVOKE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `buffer`, everywhere: room for lists of threads, and for what the kernel says of one. */

/* There is another thread. */
bool cai_world_is_shared(void *buffer, size_t size);

enum cai_world {
    CAI_WORLD_STOPS,
    CAI_WORLD_SLEEPS, /* a thread sleeps in the kernel; all others go on */
    CAI_WORLD_RUNS,   /* a thread did not answer, or there are too many; all go on */
};
enum cai_world cai_world_stop(char *buffer, size_t size);
void cai_world_go(void);

/* It is known without a stop what one would come to: the thread that slept in the last sleeps on. */
bool cai_world_sleeps(char *buffer, size_t size);

/* How often somebody has waited for the end of its sleep, and has given that up. */
uint32_t cai_world_in_vain(void);
void cai_world_wait_no_more(void);

/* While it is stopped: calls visit for what each thread had in its vector registers. */
void cai_world_vectors(void (*visit)(const void *area, size_t bytes));

/* In the child of a fork, where nobody is stopped. */
void cai_world_repair(void);

#endif
