/* What the kernel offers, tried rather than guessed from its version: containers and emulators take things away. Each
 * probe cleans up after itself. Called by doctor.
 */
#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Older headers lack these; the numbers are the kernel's ABI. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_userfaultfd
#error "this architecture's headers lack userfaultfd"
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PROBE_UFFD_USER_MODE_ONLY 1
#define PROBE_UFFD_API UINT64_C(0xaa)
#define PROBE_UFFD_WP_UNPOPULATED (UINT64_C(1) << 13)
#define PROBE_UFFD_WP_ASYNC (UINT64_C(1) << 15)

struct probe_uffd_api {
    uint64_t api;
    uint64_t features;
    uint64_t ioctls;
};
#define PROBE_UFFDIO_API _IOWR(0xaa, 0x3f, struct probe_uffd_api)

struct probe_scan {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};
#define PROBE_PAGEMAP_SCAN _IOWR('f', 16, struct probe_scan)
#define PROBE_PAGE_IS_PRESENT (UINT64_C(1) << 3)

static void *page_map(size_t *size)
{
    *size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

static void check_noreplace(struct cai_doctor *doctor)
{
    size_t size;
    void *page = page_map(&size);
    if (page == NULL) {
        return;
    }
    void *again = mmap(page, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    int error = again == MAP_FAILED ? errno : 0;
    if (again != MAP_FAILED && again != page) {
        munmap(again, size); /* an old kernel took the address for a hint */
    }
    munmap(page, size);
    if (error == EEXIST) {
        cai_doctor_line(doctor, CAI_DOCTOR_OK, "MAP_FIXED_NOREPLACE", "present");
    } else {
        cai_doctor_line(doctor, CAI_DOCTOR_WARN, "MAP_FIXED_NOREPLACE",
                        "absent: claiming memory at a chosen address needs a check of its own");
    }
}

static void check_madvise(struct cai_doctor *doctor)
{
    size_t size;
    void *page = page_map(&size);
    if (page == NULL) {
        return;
    }
    int populate = madvise(page, size, MADV_POPULATE_WRITE) == 0 ? 0 : errno;
    int locked = madvise(page, size, MADV_DONTNEED_LOCKED) == 0 ? 0 : errno;
    munmap(page, size);
    cai_doctor_line(doctor, populate == 0 ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, "MADV_POPULATE_WRITE", "%s",
                    populate == 0 ? "present" : "absent: every fresh page costs a fault");
    cai_doctor_line(doctor, locked == 0 ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, "MADV_DONTNEED_LOCKED", "%s",
                    locked == 0 ? "present" : "absent: locked memory cannot be given back in place");
}

static void check_secret(struct cai_doctor *doctor)
{
    int fd = (int)syscall(SYS_memfd_secret, (unsigned)O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        cai_doctor_line(doctor, CAI_DOCTOR_OK, "memfd_secret", "present");
    } else {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "memfd_secret",
                        "absent (%s): secrets stay readable by the kernel and by root", strerror(errno));
    }
}

static void check_write_tracking(struct cai_doctor *doctor)
{
    const char *subject = "userfaultfd";
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | PROBE_UFFD_USER_MODE_ONLY);
    if (fd < 0) {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, subject, "absent (%s)", strerror(errno));
    } else {
        struct probe_uffd_api api = {PROBE_UFFD_API, PROBE_UFFD_WP_ASYNC | PROBE_UFFD_WP_UNPOPULATED, 0};
        bool tracks = ioctl(fd, PROBE_UFFDIO_API, &api) == 0;
        close(fd);
        cai_doctor_line(doctor, tracks ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, subject, "present, %s",
                        tracks ? "with asynchronous write tracking" : "without asynchronous write tracking");
    }
    size_t size;
    void *page = page_map(&size);
    if (page == NULL) {
        return;
    }
    memset(page, 1, size);
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    struct probe_scan scan = {
        .size = sizeof scan,
        .start = (uint64_t)(uintptr_t)page,
        .end = (uint64_t)(uintptr_t)page + size,
        .category_mask = PROBE_PAGE_IS_PRESENT,
        .return_mask = PROBE_PAGE_IS_PRESENT,
    };
    uint64_t region[3] = {0};
    scan.vec = (uint64_t)(uintptr_t)region;
    scan.vec_len = 1;
    int found = pagemap >= 0 ? ioctl(pagemap, PROBE_PAGEMAP_SCAN, &scan) : -1;
    int error = errno;
    if (pagemap >= 0) {
        close(pagemap);
    }
    munmap(page, size);
    if (found == 1) {
        cai_doctor_line(doctor, CAI_DOCTOR_OK, "PAGEMAP_SCAN", "present");
    } else {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "PAGEMAP_SCAN", "absent (%s)", strerror(error));
    }
}

void cai_doctor_kernel(struct cai_doctor *doctor)
{
    cai_doctor_section("The kernel");
    struct utsname names;
    if (uname(&names) == 0) {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "version", "%s %s, %s", names.sysname, names.release, names.machine);
    }
    check_noreplace(doctor);
    check_madvise(doctor);
    check_secret(doctor);
    check_write_tracking(doctor);
}
