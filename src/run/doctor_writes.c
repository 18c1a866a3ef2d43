/* How the kernel tells which pages were written: what `--revoke` reads ahead of a stop, and what it need not read
 * again (docs/revocation.md). Tried by a real write, as the library does. The definitions are the kernel's: headers of
 * its age may be missing where this is compiled. Called by doctor.
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
#include <unistd.h>

/* --- linux/userfaultfd.h --- */

enum { USER_MODE_ONLY = 1, MODE_WRITE_PROTECT = 2, API_VERSION = 0xAA };
enum { FEATURE_UNPOPULATED = 1 << 13, FEATURE_ASYNC = 1 << 15 };

struct api {
    uint64_t version, features, ioctls;
};
struct registration {
    uint64_t begin, length, mode, ioctls;
};

#define START _IOWR(0xAA, 0x3F, struct api)
#define REGISTER _IOWR(0xAA, 0x00, struct registration)

/* --- linux/fs.h --- */

enum { PROTECT_MATCHING = 1, ALL_MUST_BE_WATCHED = 2, WRITTEN = 1 << 1 };

struct found {
    uint64_t begin, end, kinds;
};
struct scan {
    uint64_t size, flags, begin, end, walk_end, list, count, pages_max;
    uint64_t inverted, all_of, any_of, told;
};

#define PAGES_SCAN _IOWR('f', 16, struct scan)

/* Is the page one that was written? It is protected from here on. -1: the kernel does not tell. */
static int was_written(int pages, uintptr_t page, size_t size)
{
    struct found found;
    struct scan scan = {.size = sizeof scan,
                        .flags = PROTECT_MATCHING | ALL_MUST_BE_WATCHED,
                        .begin = page,
                        .end = page + size,
                        .list = (uintptr_t)&found,
                        .count = 1,
                        .all_of = WRITTEN,
                        .told = WRITTEN};

    return ioctl(pages, PAGES_SCAN, &scan);
}

/* 0, or why not. */
static int try_watcher(int watcher, int pages, volatile char *page, size_t size)
{
    struct api api = {.version = API_VERSION, .features = FEATURE_UNPOPULATED | FEATURE_ASYNC};
    struct registration registration = {.begin = (uintptr_t)page, .length = size, .mode = MODE_WRITE_PROTECT};

    *page = 1;
    if (ioctl(watcher, START, &api) != 0 || ioctl(watcher, REGISTER, &registration) != 0 ||
        was_written(pages, (uintptr_t)page, size) < 0)
        return errno;
    if (was_written(pages, (uintptr_t)page, size) != 0)
        return EOPNOTSUPP; /* it was not protected */
    *page = 2;
    return was_written(pages, (uintptr_t)page, size) == 1 ? 0 : EOPNOTSUPP;
}

static int try_pages_scan(volatile char *page, size_t size)
{
    int watcher = (int)syscall(SYS_userfaultfd, (long)(O_CLOEXEC | USER_MODE_ONLY));
    int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    int error = watcher < 0 || pages < 0 ? errno : try_watcher(watcher, pages, page, size);

    if (watcher >= 0)
        close(watcher);
    if (pages >= 0)
        close(pages);
    return error;
}

static bool is_soft_dirty(int pages, uintptr_t page, size_t size)
{
    uint64_t entry;

    return pread(pages, &entry, sizeof entry, (off_t)(page / size * sizeof entry)) == sizeof entry && (entry >> 55 & 1);
}

static bool has_soft_dirty(volatile char *page, size_t size)
{
    int reset = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool has = reset >= 0 && pages >= 0 && write(reset, "4", 1) == 1 && !is_soft_dirty(pages, (uintptr_t)page, size);

    *page = 3;
    has = has && is_soft_dirty(pages, (uintptr_t)page, size);
    if (reset >= 0)
        close(reset);
    if (pages >= 0)
        close(pages);
    return has;
}

void cai_doctor_writes(void)
{
    static const char consequence[] = "a sweep of --revoke reads all memory while the program stands still";
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    int error = try_pages_scan(page, size);
    if (error == 0)
        cai_doctor_line(CAI_DOCTOR_OK, "write tracking",
                        "PAGEMAP_SCAN and an asynchronous userfaultfd: what nobody has written to since it was read is "
                        "not read again while the program stands still");
    else
        cai_doctor_line(CAI_DOCTOR_INFO, "write tracking", "%s (PAGEMAP_SCAN, asynchronous userfaultfd: %s): %s",
                        has_soft_dirty(page, size) ? "soft-dirty alone, which is not used" : "none", strerror(error),
                        consequence);
    munmap(page, size);
}
