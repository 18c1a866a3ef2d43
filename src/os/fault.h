/* Faults: who is told of an access that the processor refused. The handler of SIGSEGV is put in when somebody wants to
 * be told, and what the program has for that signal is done after it (os/action.h).
 */
#ifndef CAI_OS_FAULT_H
#define CAI_OS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum cai_access { CAI_ACCESS_UNKNOWN, CAI_ACCESS_READ, CAI_ACCESS_WRITE };

struct cai_fault {
    uintptr_t address;      /* of what was to be accessed */
    uintptr_t pointer;      /* the same with its tag, where the processor has tags and the kernel tells; else without */
    bool by_tag;            /* the memory has another */
    uintptr_t code;         /* of the instruction; 0: unknown */
    enum cai_access access; /* as far as the processor says */
};

/* What the processor said of it, by the context that a handler of the signal has (ucontext_t). */
enum cai_access cai_os_fault_access(const void *context);

/* From now on, if that is possible, `seen` is told of faults, in a signal handler. It answers whether the access can be
 * made again; if not, what would have happened without us happens. The same function each time. */
void cai_os_fault_watch(bool (*seen)(const struct cai_fault *fault));

/* Somebody wanted to be told, and is not: the program ignores the signal, or has told the kernel of a handler by
 * itself. */
bool cai_os_fault_is_passed_by(void);

#endif
