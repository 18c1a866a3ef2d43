/* os.h on Linux. Each function is the thinnest cover over one system call; policy lives above. */
#include "os/os.h"

#include "base/atomic.h"
#include "base/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static void *pointer(uintptr_t address)
{
    return (void *)address;
}

size_t cai_os_page_size(void)
{
    return getauxval(AT_PAGESZ);
}

size_t cai_os_mappings_max(void)
{
    int saved = errno;
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    char digits[16];
    ssize_t length = fd < 0 ? 0 : read(fd, digits, sizeof digits);
    size_t max = 0;

    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < length && digits[i] >= '0' && digits[i] <= '9'; i++)
        max = max * 10 + (size_t)(digits[i] - '0');
    errno = saved;
    return max != 0 ? max : 65530;
}

/* By system call: tools and programs that interpose mmap have their own ideas of where memory should lie. */
static void *map_raw(uintptr_t address, size_t length, int flags, int fd)
{
    long how = flags | MAP_FIXED_NOREPLACE;

    /* Each argument is a long: of an int the upper half may be anything. */
    return (void *)syscall(SYS_mmap, pointer(address), length, (long)(PROT_READ | PROT_WRITE), how, (long)fd, 0L);
}

static enum cai_map map_here(uintptr_t address, size_t length, int flags, int fd)
{
    void *got = map_raw(address, length, flags, fd);
    bool taken = got == MAP_FAILED && errno == EEXIST;

    /* Kernels before 4.17 and some emulators take the address for a hint and choose another when it is in use. */
    if (got != MAP_FAILED && got != pointer(address)) {
        munmap(got, length);
        taken = true;
    }
    return got == pointer(address) ? CAI_MAP_DONE : taken ? CAI_MAP_TAKEN : CAI_MAP_SHORT;
}

enum cai_map cai_os_map(uintptr_t address, size_t length, bool charged)
{
    int saved = errno;
    enum cai_map result = map_here(address, length, MAP_PRIVATE | MAP_ANONYMOUS | (charged ? 0 : MAP_NORESERVE), -1);

    errno = saved;
    return result;
}

/* Pages of a file of their own. A child must not get them: clearing its memory, it would clear the parent's. */
enum cai_map cai_os_map_hidden(uintptr_t address, size_t length)
{
    int saved = errno;
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    enum cai_map result = CAI_MAP_SHORT;

    if (fd >= 0) {
        if (ftruncate(fd, (off_t)length) == 0)
            result = map_here(address, length, MAP_SHARED, fd);
        close(fd);
        if (result == CAI_MAP_DONE && madvise(pointer(address), length, MADV_DONTFORK) != 0) {
            munmap(pointer(address), length);
            result = CAI_MAP_SHORT;
        }
    }
    errno = saved;
    return result;
}

bool cai_os_peek(uintptr_t address, void *out, size_t length)
{
    int saved = errno;
    struct iovec local = {out, length};
    struct iovec remote = {pointer(address), length};
    bool done = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)length;

    errno = saved;
    return done;
}

bool cai_os_is_mapped(uintptr_t address)
{
    int saved = errno;
    unsigned char resident;
    bool mapped = mincore(pointer(address), cai_os_page_size(), &resident) == 0;

    errno = saved;
    return mapped;
}

bool cai_os_unmap(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = munmap(pointer(address), length) == 0;

    errno = saved;
    return done;
}

bool cai_os_discard(uintptr_t address, size_t length)
{
    int saved = errno;
    /* Locked memory wants to be told so; kernels before 5.18 keep it. */
    bool done = madvise(pointer(address), length, MADV_DONTNEED) == 0 ||
                madvise(pointer(address), length, MADV_DONTNEED_LOCKED) == 0;

    errno = saved;
    return done;
}

bool cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length)
{
    int saved = errno;
    void *got = mremap(pointer(from), from_length, to_length, MREMAP_MAYMOVE | MREMAP_FIXED, pointer(to));

    /* Kernels before 6.17 unmap the target before they find out that the source will not do. */
    if (got != pointer(to))
        map_raw(to, to_length, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    errno = saved;
    return got == pointer(to);
}

static bool protect(void *address, size_t length, int protection)
{
    int saved = errno;
    bool done = mprotect(address, length, protection) == 0;

    errno = saved;
    return done;
}

bool cai_os_read_only(void *address, size_t length)
{
    return protect(address, length, PROT_READ);
}

bool cai_os_read_write(void *address, size_t length)
{
    return protect(address, length, PROT_READ | PROT_WRITE);
}

bool cai_os_no_dump(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = madvise(pointer(address), length, MADV_DONTDUMP) == 0;

    errno = saved;
    return done;
}

bool cai_os_wipe_on_fork(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = madvise(pointer(address), length, MADV_WIPEONFORK) == 0;

    errno = saved;
    return done;
}

bool cai_os_lock(uintptr_t address, size_t length, bool resident)
{
    int saved = errno;
    bool done = !resident && syscall(SYS_mlock2, pointer(address), length, (long)MLOCK_ONFAULT) == 0;

    /* By system call: sanitizers make nothing of the functions. Some emulators know only the older one. */
    if (resident || (!done && errno == ENOSYS))
        done = syscall(SYS_mlock, pointer(address), length) == 0;
    if (!done)
        syscall(SYS_munlock, pointer(address), length); /* it may be locked without its pages having been brought in */
    errno = saved;
    return done;
}

void cai_os_name(uintptr_t address, size_t length, const char *name)
{
    static bool refused; /* by kernels built without it; atomic */
    int saved = errno;

    if (!__atomic_load_n(&refused, __ATOMIC_RELAXED) &&
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, length, name) != 0 && errno == EINVAL)
        __atomic_store_n(&refused, true, __ATOMIC_RELAXED);
    errno = saved;
}

static uint64_t nanoseconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t cai_os_milliseconds(void)
{
    return nanoseconds_of(CLOCK_MONOTONIC_COARSE) / 1000000u;
}

uint64_t cai_os_nanoseconds(void)
{
    return nanoseconds_of(CLOCK_MONOTONIC);
}

uint64_t cai_os_random(void)
{
    int saved = errno;
    uint64_t bits;

    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) {
        const uint64_t *from_kernel = (const uint64_t *)getauxval(AT_RANDOM);
        bits = nanoseconds_of(CLOCK_MONOTONIC) ^ (from_kernel != NULL ? *from_kernel : (uintptr_t)&bits);
    }
    errno = saved;
    return bits;
}

/* From <linux/membarrier.h>, since Linux 4.14. */
enum { BARRIER_PRIVATE_EXPEDITED = 1 << 3, BARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

bool cai_os_barrier_start(void)
{
    int saved = errno;
    bool done = syscall(SYS_membarrier, (long)BARRIER_REGISTER_PRIVATE_EXPEDITED, 0L, 0L) == 0 &&
                syscall(SYS_membarrier, (long)BARRIER_PRIVATE_EXPEDITED, 0L, 0L) == 0;

    errno = saved;
    return done;
}

void cai_os_barrier(void)
{
    int saved = errno;

    /* A process that forbids itself the call later on (seccomp): making a page unreadable for an instant interrupts
     * every processor that runs one of our threads, which is a barrier, too. */
    if (syscall(SYS_membarrier, (long)BARRIER_PRIVATE_EXPEDITED, 0L, 0L) != 0) {
        void *page = mmap(NULL, cai_os_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED) {
            *(volatile char *)page = 1;
            mprotect(page, cai_os_page_size(), PROT_NONE);
            munmap(page, cai_os_page_size());
        }
    }
    errno = saved;
}

bool cai_os_is_privileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

void cai_os_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    int saved = errno;
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};

    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns != 0 ? &timeout : NULL, NULL, 0);
    errno = saved;
}

void cai_os_wake(const uint32_t *word)
{
    int saved = errno;

    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

void cai_os_yield(void)
{
    sched_yield();
}

void cai_os_write_error(const char *text, size_t length)
{
    int saved = errno;

    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0)
            break;
        text += written;
        length -= (size_t)written;
    }
    errno = saved;
}

static pthread_key_t exit_key;
static bool exit_key_made;
static void (*thread_exiting)(void);

static void exit_destructor(void *unused)
{
    (void)unused;
    thread_exiting();
}

void cai_os_on_thread_exit(void (*exiting)(void))
{
    thread_exiting = exiting;
    exit_key_made = pthread_key_create(&exit_key, exit_destructor) == 0;
}

void cai_os_thread_started(void)
{
    /* Any value but NULL has the destructor called. The first 32 keys of a process need no memory. */
    if (exit_key_made)
        pthread_setspecific(exit_key, &exit_key);
}

bool cai_os_thread_start(void *(*function)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, function, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}
