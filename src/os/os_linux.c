/* os.h on Linux. Each function is the thinnest cover over one system call; policy lives above. Which are made when is
 * told in docs/system-calls.md.
 *
 * The calls are made by syscall rather than by their functions in the C library. Some of these are cancellation points,
 * and a thread that is cancelled must not end in here, with a lock held; others are replaced by tools and programs that
 * have their own ideas of where memory should lie, may not be ready, or allocate.
 */
#include "os/os.h"

#include "base/atomic.h"
#include "base/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

/* Each argument of syscall is a long: of an int the upper half may be anything. */
static void *map(uintptr_t address, size_t length, long flags, long fd)
{
    return (void *)syscall(SYS_mmap, address, length, (long)(PROT_READ | PROT_WRITE), flags, fd, 0L);
}

static bool unmap(void *address, size_t length)
{
    return syscall(SYS_munmap, address, length) == 0;
}

static bool advise(uintptr_t address, size_t length, long advice)
{
    return syscall(SYS_madvise, address, length, advice) == 0;
}

static bool protect(void *address, size_t length, long protection)
{
    return syscall(SYS_mprotect, address, length, protection) == 0;
}

static enum cai_map map_here(uintptr_t address, size_t length, int flags, int fd)
{
    void *got = map(address, length, flags | MAP_FIXED_NOREPLACE, fd);
    bool taken = got == MAP_FAILED && errno == EEXIST;

    /* Kernels before 4.17 and some emulators take the address for a hint and choose another when it is in use. */
    if (got != MAP_FAILED && got != pointer(address)) {
        unmap(got, length);
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
        if (syscall(SYS_ftruncate, (long)fd, length) == 0)
            result = map_here(address, length, MAP_SHARED, fd);
        syscall(SYS_close, (long)fd);
        if (result == CAI_MAP_DONE && !advise(address, length, MADV_DONTFORK)) {
            unmap(pointer(address), length);
            result = CAI_MAP_SHORT;
        }
    }
    errno = saved;
    return result;
}

int cai_os_open(const char *path)
{
    int saved = errno;
    int file = (int)syscall(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDONLY | O_CLOEXEC), 0L);

    errno = saved;
    return file;
}

void cai_os_close(int file)
{
    int saved = errno;

    syscall(SYS_close, (long)file);
    errno = saved;
}

long cai_os_read_at(int file, void *buffer, size_t size, uint64_t offset)
{
    int saved = errno;
    size_t done = 0;
    long got = 0;

    while (done < size &&
           ((got = syscall(SYS_pread64, (long)file, (char *)buffer + done, size - done, offset + done)) > 0 ||
            (got < 0 && errno == EINTR)))
        done += got > 0 ? (size_t)got : 0;
    errno = saved;
    return got < 0 && done == 0 ? -1 : (long)done;
}

/* A thread that would sleep until somebody changes the word first has the kernel compare it: an address that cannot be
 * read is an error, no fault, and the library needs this call anyway. Nobody sleeps, as the time is up at once. */
static enum cai_holds holds_half(uintptr_t address, uint32_t half)
{
    static const struct timespec none = {0, 0};

    if (syscall(SYS_futex, address, (long)FUTEX_WAIT_PRIVATE, (unsigned long)half, &none, NULL, 0L) == 0)
        return CAI_HOLDS;
    return errno == ETIMEDOUT || errno == EINTR ? CAI_HOLDS
           : errno == EAGAIN || errno == EFAULT ? CAI_HOLDS_NOT
                                                : CAI_HOLDS_UNKNOWN;
}

enum cai_holds cai_os_holds(uintptr_t address, uint64_t value)
{
    int saved = errno;
    uint32_t half[2];

    memcpy(half, &value, sizeof half);
    enum cai_holds first = holds_half(address, half[0]);
    enum cai_holds result = first == CAI_HOLDS ? holds_half(address + sizeof half[0], half[1]) : first;
    errno = saved;
    return result;
}

enum { ASKED_AT_ONCE = 256 };

/* Of so many bytes at most. */
static bool ask_resident(uintptr_t address, size_t length, unsigned char resident[ASKED_AT_ONCE])
{
    int saved = errno;
    bool mapped = syscall(SYS_mincore, address, length, resident) == 0;

    errno = saved;
    return mapped;
}

bool cai_os_is_mapped(uintptr_t address, size_t length)
{
    unsigned char resident[ASKED_AT_ONCE];
    size_t most = sizeof resident * cai_os_page_size();
    bool mapped = true;

    for (size_t done = 0; mapped && done < length; done += most)
        mapped = ask_resident(address + done, cai_min(most, length - done), resident);
    return mapped;
}

size_t cai_os_resident(uintptr_t address, size_t length)
{
    unsigned char resident[ASKED_AT_ONCE];
    size_t page = cai_os_page_size();
    size_t pages = 0;

    for (size_t done = 0; done < length; done += sizeof resident * page) {
        size_t some = cai_min(sizeof resident * page, length - done);
        if (!ask_resident(address + done, some, resident))
            break;
        for (size_t i = 0; i < some / page; i++)
            pages += resident[i] & 1;
    }
    return pages * page;
}

/* A set of signals is copied from there before the kernel sees that this is no way to change the mask. */
bool cai_os_is_readable(uintptr_t page)
{
    int saved = errno;
    bool readable = page != 0 && syscall(SYS_rt_sigprocmask, -1L, page, NULL, sizeof(uint64_t)) != 0 && errno == EINVAL;

    errno = saved;
    return readable;
}

bool cai_os_unmap(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = unmap(pointer(address), length);

    errno = saved;
    return done;
}

bool cai_os_discard(uintptr_t address, size_t length)
{
    int saved = errno;
    /* Locked memory wants to be told so; kernels before 5.18 keep it. */
    bool done = advise(address, length, MADV_DONTNEED) || advise(address, length, MADV_DONTNEED_LOCKED);

    errno = saved;
    return done;
}

bool cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length)
{
    int saved = errno;
    void *got = (void *)syscall(SYS_mremap, from, from_length, to_length, (long)(MREMAP_MAYMOVE | MREMAP_FIXED), to);

    /* Kernels before 6.17 unmap the target before they find out that the source will not do. */
    if (got != pointer(to))
        map(to, to_length, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
    errno = saved;
    return got == pointer(to);
}

bool cai_os_read_only(void *address, size_t length)
{
    int saved = errno;
    bool done = protect(address, length, PROT_READ);

    errno = saved;
    return done;
}

bool cai_os_read_write(void *address, size_t length)
{
    int saved = errno;
    bool done = protect(address, length, PROT_READ | PROT_WRITE);

    errno = saved;
    return done;
}

bool cai_os_no_dump(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = advise(address, length, MADV_DONTDUMP);

    errno = saved;
    return done;
}

bool cai_os_wipe_on_fork(uintptr_t address, size_t length)
{
    int saved = errno;
    bool done = advise(address, length, MADV_WIPEONFORK);

    errno = saved;
    return done;
}

bool cai_os_lock(uintptr_t address, size_t length, bool resident)
{
    int saved = errno;
    bool done = !resident && syscall(SYS_mlock2, pointer(address), length, (long)MLOCK_ONFAULT) == 0;

    /* Some emulators know only the older one. */
    if (resident || (!done && errno == ENOSYS))
        done = syscall(SYS_mlock, pointer(address), length) == 0;
    if (!done)
        syscall(SYS_munlock, pointer(address), length); /* it may be locked without its pages having been brought in */
    errno = saved;
    return done;
}

static bool names_wanted; /* atomic */

void cai_os_names_start(void)
{
    __atomic_store_n(&names_wanted, true, __ATOMIC_RELAXED);
}

void cai_os_name(uintptr_t address, size_t length, const char *name)
{
    int saved = errno;

    if (__atomic_load_n(&names_wanted, __ATOMIC_RELAXED) &&
        syscall(SYS_prctl, (long)PR_SET_VMA, (long)PR_SET_VMA_ANON_NAME, address, length, name) != 0)
        __atomic_store_n(&names_wanted, false, __ATOMIC_RELAXED); /* kernels built without it refuse it each time */
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

/* Where the kernel has none. */
static CAI_COLD uint64_t weak_random(void)
{
    const uint64_t *from_kernel = (const uint64_t *)getauxval(AT_RANDOM);

    return nanoseconds_of(CLOCK_MONOTONIC) ^ (from_kernel != NULL ? *from_kernel : (uintptr_t)&from_kernel);
}

void cai_os_random_words(uint64_t *words, size_t count)
{
    int saved = errno;
    long bytes = (long)(count * sizeof *words);

    if (syscall(SYS_getrandom, words, bytes, (long)GRND_NONBLOCK) != bytes)
        for (size_t i = 0; i < count; i++)
            words[i] = weak_random();
    errno = saved;
}

uint64_t cai_os_random(void)
{
    uint64_t word;

    cai_os_random_words(&word, 1);
    return word;
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
        void *page = map(0, cai_os_page_size(), MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (page != MAP_FAILED) {
            *(volatile char *)page = 1;
            protect(page, cai_os_page_size(), PROT_NONE);
            unmap(page, cai_os_page_size());
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
    syscall(SYS_sched_yield);
}

void cai_os_write_error(const char *text, size_t length)
{
    int saved = errno;

    while (length > 0) {
        long written = syscall(SYS_write, (long)STDERR_FILENO, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        text += written;
        length -= (size_t)written;
    }
    errno = saved;
}

int32_t cai_os_process_number(void)
{
    return getpid();
}

int32_t cai_os_parent_number(void)
{
    return getppid();
}

const char *cai_os_process_name(void)
{
    return program_invocation_short_name;
}

bool cai_os_process_file(char *path, size_t size)
{
    int saved = errno;
    long length = syscall(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/exe", path, size);
    bool whole = length > 0 && (size_t)length < size;

    path[whole ? length : 0] = '\0';
    errno = saved;
    return whole;
}

_Noreturn void cai_os_exit(int status)
{
    for (;;)
        syscall(SYS_exit_group, (long)status);
}
