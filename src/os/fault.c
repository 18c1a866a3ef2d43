/* See fault.h. */
#include "os/fault.h"

#include "base/atomic.h"
#include "base/compiler.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static bool (*watcher)(const struct cai_fault *fault); /* atomic */
static uint32_t is_done;                               /* atomic: it was put in, once */

static uintptr_t code_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

#if defined(__aarch64__)
/* The syndrome is one of the records that lie behind the registers, where the kernel adds it; 0: it did not. */
static uint64_t syndrome_of(const ucontext_t *context)
{
    const char *record = (const char *)context->uc_mcontext.__reserved;
    const char *end = record + sizeof context->uc_mcontext.__reserved;
    struct _aarch64_ctx head;
    struct esr_context syndrome = {.esr = 0};

    while ((size_t)(end - record) >= sizeof syndrome) {
        memcpy(&head, record, sizeof head);
        if (head.magic == ESR_MAGIC) {
            memcpy(&syndrome, record, sizeof syndrome);
            break;
        }
        if (head.magic == 0 || head.size < sizeof head || head.size > (size_t)(end - record))
            break;
        record += head.size;
    }
    return syndrome.esr;
}
#endif

enum cai_access cai_os_fault_access(const void *of)
{
    const ucontext_t *context = (const ucontext_t *)of;
#if defined(__x86_64__)
    enum { WRITE = 2 };
    return (context->uc_mcontext.gregs[REG_ERR] & WRITE) != 0 ? CAI_ACCESS_WRITE : CAI_ACCESS_READ;
#elif defined(__aarch64__)
    /* A data abort from below, or not; and whether it was a write. */
    enum { CLASS_SHIFT = 26, CLASS_LOWER = 0x24, CLASS_SAME = 0x25, WRITE = 1 << 6 };
    uint64_t syndrome = syndrome_of(context);
    uint64_t class = syndrome >> CLASS_SHIFT & 63;
    if (class != CLASS_LOWER && class != CLASS_SAME)
        return CAI_ACCESS_UNKNOWN;
    return (syndrome & WRITE) != 0 ? CAI_ACCESS_WRITE : CAI_ACCESS_READ;
#else
    (void)context;
    return CAI_ACCESS_UNKNOWN;
#endif
}

/* The access is made again when we return, and ends the process as it would have without us; a signal that somebody
 * sent comes again. */
static void leave_to_default(bool is_sent)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigaction(SIGSEGV, &action, NULL);
    if (is_sent)
        syscall(SYS_tgkill, (long)getpid(), syscall(SYS_gettid), (long)SIGSEGV);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    bool (*seen)(const struct cai_fault *) = cai_load_acquire(&watcher);
    const struct cai_fault fault = {
        .address = (uintptr_t)info->si_addr, .code = code_of(context), .access = cai_os_fault_access(context)};

    (void)number;
    if (info->si_code <= 0 || !seen(&fault))
        leave_to_default(info->si_code <= 0);
    errno = saved;
}

static const struct sigaction handler_of_faults = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

/* On the stack for signals where there is one. Another thread may set the program's own between the two calls: then
 * that one is put back. */
static CAI_COLD void put_in(void)
{
    struct sigaction theirs;
    struct sigaction meanwhile;

    if (sigaction(SIGSEGV, NULL, &theirs) != 0 || (theirs.sa_flags & SA_SIGINFO) != 0 || theirs.sa_handler != SIG_DFL)
        return;
    if (sigaction(SIGSEGV, &handler_of_faults, &meanwhile) == 0 &&
        ((meanwhile.sa_flags & SA_SIGINFO) != 0 || meanwhile.sa_handler != SIG_DFL))
        sigaction(SIGSEGV, &meanwhile, NULL);
}

void cai_os_fault_watch(bool (*seen)(const struct cai_fault *fault))
{
    uint32_t not_yet = 0;

    if (CAI_LIKELY(cai_load_relaxed(&is_done) != 0) || !cai_swap_strong_acq_rel(&is_done, &not_yet, 1))
        return;
    int saved = errno;
    cai_store_release(&watcher, seen);
    put_in();
    errno = saved;
}
