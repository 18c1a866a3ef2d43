/* What looking at the whole process takes from the system: its files in /proc, its threads. Only libraries of the mode
 * that revokes make these calls (docs/revocation.md). None allocates, none is a cancellation point, all keep errno.
 */
#ifndef CAI_OS_INSPECT_H
#define CAI_OS_INSPECT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a file that cai_os_open opened: bytes read, fewer only at the end; -1: an error. */
long cai_os_read(int file, void *buffer, size_t size);

/* Calls visit for each thread of the process there is. False: they cannot be listed. */
bool cai_os_threads(void *buffer, size_t size, void (*visit)(uint32_t thread, void *context), void *context);
uint32_t cai_os_thread_self(void);

/* What a thread is at. Slow. */
enum cai_os_thread {
    CAI_OS_THREAD_GONE,   /* there is none, or it is dead */
    CAI_OS_THREAD_AWAKE,  /* it runs, or a signal wakes it; also where nobody says */
    CAI_OS_THREAD_ASLEEP, /* in the kernel, and no signal wakes it */
};

/* *sleeps: how often it has gone to sleep; 0: the kernel does not say, or not within `size`. */
enum cai_os_thread cai_os_thread_at(uint32_t thread, char *buffer, size_t size, uint64_t *sleeps);

/* Has `handler` called for the signal, whatever the C library thinks of that; on the alternate stack, if there is one,
 * with all signals blocked, and calls that it interrupts begin anew where they can. *before is who had it. */
typedef void (*cai_os_handler)(int signal, siginfo_t *info, void *context);
bool cai_os_handle(int signal, cai_os_handler handler, cai_os_handler *before);

/* Keeps all signals from this thread, those of the C library, too; and as it was before. */
void cai_os_signals_block(uint64_t *before);
void cai_os_signals_restore(const uint64_t *before);

/* Has the signals delivered that `mask` does not block and that came while more were blocked. True: a handler ran. */
bool cai_os_signals_let_in(const uint64_t *mask);

/* Queues the signal with a value for one thread. `mark` comes back as si_errno. False: there is no such thread. */
bool cai_os_send(uint32_t thread, int signal, int mark, uint64_t value);

/* Copies memory of the process's own that others may unmap meanwhile. Returns the bytes, fewer up to what is not there
 * or must not be read. */
size_t cai_os_copy(void *to, uintptr_t from, size_t bytes);

/* Zeroed memory wherever there is room, without commit charge, in a mapping that does not become one with others; NULL:
 * there is none. */
void *cai_os_map_anywhere(size_t length);
void cai_os_unmap_anywhere(void *address, size_t length);

void cai_os_wake_all(const uint32_t *word);

#endif
