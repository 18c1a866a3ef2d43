/* See fault.h. */
#include "os/fault.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/mte.h"
#include "os/action.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

static bool (*watcher)(const struct cai_fault *fault); /* atomic */

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

/* From the kernel's ABI: an access by a pointer with another tag than the memory's, told at once. */
enum { TAG_DIFFERS = 9 };

static bool first(const siginfo_t *info, const void *context)
{
    uintptr_t pointer = (uintptr_t)info->si_addr;
    const struct cai_fault fault = {.address = cai_mte_untagged(pointer),
                                    .pointer = pointer,
                                    .by_tag = CAI_MTE && info->si_code == TAG_DIFFERS,
                                    .code = code_of(context),
                                    .access = cai_os_fault_access(context)};

    return cai_load_acquire(&watcher)(&fault);
}

void cai_os_fault_watch(bool (*seen)(const struct cai_fault *fault))
{
    if (CAI_LIKELY(cai_os_action_is_started()))
        return;
    cai_store_release(&watcher, seen);
    cai_os_action_start(first);
}

bool cai_os_fault_is_passed_by(void)
{
    return cai_os_action_is_passed_by();
}
