/* See resume.h. */
#include "revoke/resume.h"

#include "os/inspect.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

_Thread_local struct cai_resume cai_resume __attribute__((tls_model("initial-exec")));

/* A wrapper of the C library's around a system call has less on the stack, the frame of a handler in between more. */
enum { CALL_BYTES_MAX = 960 };

/* The instruction in front of where it goes on made a system call, and that has returned EINTR; for a call made from
 * `frame`. When a handler of the program's is to run first, it goes on at its beginning. */
CAI_UNSEEN static bool is_interrupted(const ucontext_t *context, uintptr_t frame)
{
#if defined(__x86_64__)
    const greg_t *registers = context->uc_mcontext.gregs;
    uintptr_t stack = (uintptr_t)registers[REG_RSP];
    long result = (long)registers[REG_RAX];
    static const unsigned char call[] = {0x0f, 0x05}; /* syscall */
    const unsigned char *next = (const unsigned char *)registers[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t stack = context->uc_mcontext.sp;
    long result = (long)context->uc_mcontext.regs[0];
    static const unsigned char call[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */
    const unsigned char *next = (const unsigned char *)context->uc_mcontext.pc;
#else
#error "which instruction makes a system call?"
#endif
    return result == -EINTR && stack <= frame && frame - stack < CALL_BYTES_MAX &&
           memcmp(next - sizeof call, call, sizeof call) == 0;
}

void cai_resume_notice(int signal, const void *context)
{
    const ucontext_t *interrupted = context;
    uint64_t mask;

    if (cai_resume.frame == 0 || !is_interrupted(interrupted, cai_resume.frame))
        return;
    memcpy(&mask, &interrupted->uc_sigmask, sizeof mask);
    mask |= UINT64_C(1) << (signal - 1); /* the next stop is no handler of the program's */
    bool handled = cai_os_signals_let_in(&mask);
    cai_resume.stopped = !handled;
}
