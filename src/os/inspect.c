/* See inspect.h. */
#include "os/inspect.h"

#include "base/atomic.h"
#include "base/decimal.h"
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

long cai_os_read(int file, void *buffer, size_t size)
{
    int saved = errno;
    size_t done = 0;
    long got = 0;

    while (done < size && ((got = syscall(SYS_read, (long)file, (char *)buffer + done, size - done)) > 0 ||
                           (got < 0 && errno == EINTR)))
        done += got > 0 ? (size_t)got : 0;
    errno = saved;
    return got < 0 && done == 0 ? -1 : (long)done;
}

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;

    while (*text >= '0' && *text <= '9')
        number = number * 10 + (uint64_t)(*text++ - '0');
    return number;
}

bool cai_os_threads(void *buffer, size_t size, void (*visit)(uint32_t thread, void *context), void *context)
{
    struct entry { /* as the kernel writes it */
        uint64_t inode, next;
        unsigned short length;
        unsigned char type;
        char name[];
    };
    int saved = errno;
    int folder =
        (int)syscall(SYS_openat, (long)AT_FDCWD, "/proc/self/task", (long)(O_RDONLY | O_CLOEXEC | O_DIRECTORY), 0L);
    long got = folder < 0 ? -1 : 1;

    while (got > 0 && (got = syscall(SYS_getdents64, (long)folder, buffer, size)) > 0)
        for (long at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)((const char *)buffer + at);
            uint32_t thread = (uint32_t)number_of(entry->name);
            if (thread != 0)
                visit(thread, context);
            at += entry->length;
        }
    if (folder >= 0)
        syscall(SYS_close, (long)folder);
    errno = saved;
    return got == 0;
}

uint32_t cai_os_thread_self(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

/* What stands behind the name in a text of lines, of which each begins with one; NULL: there is no such line. */
static const char *behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at != NULL ? at + strlen(name) : NULL;
}

/* The lines of "/proc/self/task/NUMBER/status". In that of the thread's name, which may hold anything, an end of line
 * is written as two characters. */
enum cai_os_thread cai_os_thread_at(uint32_t thread, char *buffer, size_t size, uint64_t *sleeps)
{
    char path[48] = "/proc/self/task/";

    *sleeps = 0;
    memcpy(cai_decimal_add(path + strlen(path), thread), "/status", sizeof "/status");
    int file = cai_os_open(path);
    long got = file < 0 ? -1 : cai_os_read(file, buffer, size - 1);
    if (file >= 0)
        cai_os_close(file);
    if (got <= 0) /* a file cannot be opened either where there is no descriptor left */
        return cai_os_send(thread, 0, 0, 0) ? CAI_OS_THREAD_AWAKE : CAI_OS_THREAD_GONE;
    buffer[got] = '\0';
    const char *state = behind(buffer, "\nState:\t");
    const char *count = behind(buffer, "\nvoluntary_ctxt_switches:\t");
    *sleeps = count != NULL ? number_of(count) : 0;
    if (state != NULL && (*state == 'Z' || *state == 'X'))
        return CAI_OS_THREAD_GONE;
    return state != NULL && *state == 'D' ? CAI_OS_THREAD_ASLEEP : CAI_OS_THREAD_AWAKE;
}

/* --- signals: past the C library, which keeps two of them to itself --- */

struct kernel_action {
    cai_os_handler handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

#if defined(__x86_64__)
enum { NEEDS_RESTORER = 0x04000000 };
/* Exactly these instructions are how debuggers and unwinders recognise the frame of a signal. */
__attribute__((naked)) static void restore(void)
{
    __asm__("movq $15, %rax\n\tsyscall");
}
#else
enum { NEEDS_RESTORER = 0 };
#define restore NULL
#endif

bool cai_os_handle(int signal, cai_os_handler handler, cai_os_handler *before)
{
    int saved = errno;
    struct kernel_action old = {.handler = NULL};
    const struct kernel_action action = {.handler = handler,
                                         .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | NEEDS_RESTORER,
                                         .restorer = restore,
                                         .mask = UINT64_MAX};

    bool done = syscall(SYS_rt_sigaction, (long)signal, NULL, &old, sizeof old.mask) == 0;
    if (done && old.handler != handler) {
        *before = (void *)old.handler == (void *)SIG_DFL || (void *)old.handler == (void *)SIG_IGN ? NULL : old.handler;
        done = syscall(SYS_rt_sigaction, (long)signal, &action, NULL, sizeof old.mask) == 0;
    }
    errno = saved;
    return done;
}

void cai_os_signals_block(uint64_t *before)
{
    static const uint64_t all = UINT64_MAX;
    int saved = errno;

    syscall(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, before, sizeof all);
    errno = saved;
}

void cai_os_signals_restore(const uint64_t *before)
{
    int saved = errno;

    syscall(SYS_rt_sigprocmask, (long)SIG_SETMASK, before, NULL, sizeof *before);
    errno = saved;
}

/* Whoever waits for nothing at all is told EINTR only after a handler. */
bool cai_os_signals_let_in(const uint64_t *mask)
{
    struct timespec none = {0, 0};
    int saved = errno;
    bool handled = syscall(SYS_ppoll, NULL, 0L, &none, mask, sizeof *mask) < 0 && errno == EINTR;

    errno = saved;
    return handled;
}

bool cai_os_send(uint32_t thread, int signal, int mark, uint64_t value)
{
    int saved = errno;
    long process = syscall(SYS_getpid);
    siginfo_t info;

    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_errno = mark;
    info.si_pid = (pid_t)process;
    info.si_value.sival_ptr = (void *)(uintptr_t)value;
    bool sent = syscall(SYS_rt_tgsigqueueinfo, process, (long)thread, (long)signal, &info) == 0;
    errno = saved;
    return sent;
}

void cai_os_wake_all(const uint32_t *word)
{
    int saved = errno;

    syscall(SYS_futex, word, (long)FUTEX_WAKE_PRIVATE, (long)INT_MAX, NULL, NULL, 0L);
    errno = saved;
}

size_t cai_os_copy(void *to, uintptr_t from, size_t bytes)
{
    int saved = errno;
    struct iovec here = {to, bytes};
    struct iovec there = {(void *)from, bytes};
    long got = syscall(SYS_process_vm_readv, syscall(SYS_getpid), &here, 1UL, &there, 1UL, 0UL);

    errno = saved;
    return got > 0 ? (size_t)got : 0;
}

void *cai_os_map_anywhere(size_t length)
{
    int saved = errno;
    void *got = (void *)syscall(SYS_mmap, NULL, length, (long)(PROT_READ | PROT_WRITE),
                                (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1L, 0L);

    /* The kernel makes neighbours of one kind one mapping: then who leaves this one out would leave out more. */
    if (got != MAP_FAILED)
        syscall(SYS_madvise, got, length, (long)MADV_DONTDUMP);
    errno = saved;
    return got == MAP_FAILED ? NULL : got;
}

void cai_os_unmap_anywhere(void *address, size_t length)
{
    int saved = errno;

    syscall(SYS_munmap, address, length);
    errno = saved;
}
