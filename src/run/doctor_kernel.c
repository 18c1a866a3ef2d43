/* What the library asks of the kernel, tried rather than guessed from its version: containers and emulators take things
 * away. Each row is a call that src/os/os_linux.c makes, and what the library does without it. Called by doctor.
 */
#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Older headers lack these; the numbers are the kernel's ABI. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
enum { REGISTER_PRIVATE_EXPEDITED = 1 << 4 }; /* from <linux/membarrier.h> */

/* What a call answered, as errno; 0: it succeeded. */
static int error_of(long answer)
{
    return answer == -1 ? errno : 0;
}

/* Asks for a page that is in use, which must be refused. */
static int try_noreplace(void *page, size_t size)
{
    void *again = mmap(page, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (again == MAP_FAILED)
        return errno == EEXIST ? 0 : errno;
    if (again != page)
        munmap(again, size); /* an old kernel took the address for a hint */
    return EOPNOTSUPP;
}

static int try_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, (unsigned)O_CLOEXEC);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* In a page of its own: what the others did to theirs may forbid it. An emulator says yes and does nothing: what stood
 * in the page is still there then. */
static int try_guard(size_t size)
{
    volatile char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return errno;
    *page = 1;
    int error = error_of(madvise((void *)page, size, MADV_GUARD_INSTALL));
    if (error == 0)
        error = error_of(madvise((void *)page, size, MADV_GUARD_REMOVE));
    if (error == 0 && *page != 0)
        error = ENOSYS;
    munmap((void *)page, size);
    return error;
}

/* What the kernel shows of the processor's memory tags. */
static int try_tags(void)
{
#if defined(__aarch64__)
    enum { HAS_MTE = 1 << 18 };
    return (getauxval(AT_HWCAP2) & HAS_MTE) != 0 ? 0 : ENOSYS;
#else
    return ENOSYS;
#endif
}

static void check_calls(void *page, size_t size)
{
    char byte;
    const struct {
        const char *call;
        int error;
        enum cai_doctor_level level; /* of its absence */
        const char *consequence;
    } rows[] = {
        {"MAP_FIXED_NOREPLACE", try_noreplace(page, size), CAI_DOCTOR_WARN,
         "an address is claimed by mapping memory there and giving it back when it came elsewhere"},
        {"membarrier", error_of(syscall(SYS_membarrier, (long)REGISTER_PRIVATE_EXPEDITED, 0L, 0L)), CAI_DOCTOR_INFO,
         "every use of an authority takes a lock"},
        {"getrandom", error_of(getrandom(&byte, 1, GRND_NONBLOCK)), CAI_DOCTOR_INFO,
         "addresses and authorities are easier to guess"},
        {"MADV_DONTDUMP", error_of(madvise(page, size, MADV_DONTDUMP)), CAI_DOCTOR_INFO,
         "must-zero memory may get into core dumps"},
        {"MADV_WIPEONFORK", error_of(madvise(page, size, MADV_WIPEONFORK)), CAI_DOCTOR_INFO,
         "must-zero memory cannot be kept from a child of fork"},
        {"mlock2", error_of(syscall(SYS_mlock2, page, size, (long)MLOCK_ONFAULT)), CAI_DOCTOR_INFO,
         "locked memory is resident from the start, or cannot be had"},
        {"MADV_DONTNEED_LOCKED", error_of(madvise(page, size, MADV_DONTNEED_LOCKED)), CAI_DOCTOR_INFO,
         "locked memory cannot be given back in place"},
        {"MADV_GUARD_INSTALL", try_guard(size), CAI_DOCTOR_INFO,
         "with --harden, not all large blocks have guards: a quarter of all mappings is for them"},
        {"memory tags", try_tags(), CAI_DOCTOR_INFO,
         "with --harden, the check mte cannot be on (AArch64 alone has them)"},
        {"memfd_secret", try_secret(), CAI_DOCTOR_INFO, "secrets stay readable by the kernel and by root"},
        {"PR_SET_VMA_ANON_NAME", error_of(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, size, "capalloc: doctor")),
         CAI_DOCTOR_INFO, "the setting `names` does nothing"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error == 0)
            cai_doctor_line(CAI_DOCTOR_OK, rows[i].call, "present");
        else
            cai_doctor_line(rows[i].level, rows[i].call, "absent (%s): %s", strerror(rows[i].error),
                            rows[i].consequence);
}

void cai_doctor_kernel(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    struct utsname names;

    cai_doctor_section("The kernel");
    if (uname(&names) == 0)
        cai_doctor_line(CAI_DOCTOR_INFO, "version", "%s %s, %s", names.sysname, names.release, names.machine);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) {
        check_calls(page, size);
        munmap(page, size);
    }
    cai_doctor_writes();
}
