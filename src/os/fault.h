/* Faults: who is told of an access that the processor refused. The handler of SIGSEGV is put in when somebody wants to
 * be told, and in place of the default alone: a program that has a handler, or ignores the signal, keeps what it
 * has, and one that sets a handler later has that one.
 */
#ifndef CAI_OS_FAULT_H
#define CAI_OS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum cai_access { CAI_ACCESS_UNKNOWN, CAI_ACCESS_READ, CAI_ACCESS_WRITE };

struct cai_fault {
    uintptr_t address;      /* of what was to be accessed */
    uintptr_t code;         /* of the instruction; 0: unknown */
    enum cai_access access; /* as far as the processor says */
};

/* What the processor said of it, by the context that a handler of the signal has (ucontext_t). */
enum cai_access cai_os_fault_access(const void *context);

/* From now on, if that is possible, `seen` is told of faults, in a signal handler. It answers whether the access can be
 * made again; if not, the process ends as it would have. The same function each time. */
void cai_os_fault_watch(bool (*seen)(const struct cai_fault *fault));

#endif
