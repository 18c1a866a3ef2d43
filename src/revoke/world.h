/* Stopping all other threads of the process, so that what they hold and what they change can be seen at one
 * instant.
 *
 * Each gets a signal of its own with a ticket: the number of this stop and the thread's seat. It answers in its
 * seat and waits until the number has changed. So an answer that comes too late is none to the next stop, and a
 * thread that did not get to run in between goes on at once. The signal is 33, which the C library keeps for
 * setuid: no program can block it by the C library's functions, not even one that blocks all. The library's own
 * handler is called for its own.
 */
#ifndef CAI_REVOKE_WORLD_H
#define CAI_REVOKE_WORLD_H

#include <stdbool.h>
#include <stddef.h>

/* There is another thread. */
bool cai_world_is_shared(void *buffer, size_t size);

/* False: a thread did not answer, or there are too many; all go on. `buffer`: room for lists of them. */
bool cai_world_stop(void *buffer, size_t size);
void cai_world_go(void);

/* While it is stopped: calls visit for what each thread had in its vector registers. */
void cai_world_vectors(void (*visit)(const void *area, size_t bytes));

/* In the child of a fork, where nobody is stopped. */
void cai_world_repair(void);

#endif
