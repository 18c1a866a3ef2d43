/* See watch.h. The definitions are the kernel's: headers of its age may be missing where this is compiled. */
#include "os/watch.h"

#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- linux/userfaultfd.h --- */

enum { USER_MODE_ONLY = 1, MODE_WRITE_PROTECT = 2 };
enum { FEATURE_UNPOPULATED = 1 << 13, FEATURE_ASYNC = 1 << 15 };

struct api {
    uint64_t version, features, ioctls;
};
struct range {
    uint64_t begin, length;
};
struct registration {
    struct range range;
    uint64_t mode, ioctls;
};

#define API_VERSION UINT64_C(0xAA)
#define START _IOWR(0xAA, 0x3F, struct api)
#define REGISTER _IOWR(0xAA, 0x00, struct registration)
#define UNREGISTER _IOR(0xAA, 0x01, struct range)

/* --- linux/fs.h --- */

enum { PROTECT_MATCHING = 1, ALL_MUST_BE_WATCHED = 2 };
enum { PRESENT = 1 << 3, SWAPPED = 1 << 4 };

struct scan {
    uint64_t size, flags, begin, end, walk_end, list, count, pages_max;
    uint64_t inverted, all_of, any_of, told;
};

#define PAGES_SCAN _IOWR('f', 16, struct scan)

static bool control(int file, unsigned long request, void *argument, long *result)
{
    int saved = errno;
    long got;

    do
        got = syscall(SYS_ioctl, (long)file, request, argument);
    while (got < 0 && (errno == EINTR || errno == EAGAIN));
    errno = saved;
    if (result != NULL)
        *result = got;
    return got >= 0;
}

int cai_os_watch_open(void)
{
    int saved = errno;
    struct api api = {.version = API_VERSION, .features = FEATURE_UNPOPULATED | FEATURE_ASYNC};
    int watcher = (int)syscall(SYS_userfaultfd, (long)(O_CLOEXEC | USER_MODE_ONLY));

    errno = saved;
    if (watcher >= 0 && !control(watcher, START, &api, NULL)) {
        cai_os_close(watcher);
        watcher = -1;
    }
    return watcher;
}

int cai_os_watch_open_for_long(void)
{
    enum { FROM = 512 };
    int saved = errno;
    int low = cai_os_watch_open();
    int high = low < 0 ? -1 : (int)syscall(SYS_fcntl, (long)low, (long)F_DUPFD_CLOEXEC, (long)FROM);

    errno = saved;
    if (high >= 0)
        cai_os_close(low);
    return high >= 0 ? high : low;
}

bool cai_os_watch(int watcher, uintptr_t begin, uintptr_t end)
{
    struct registration registration = {.range = {begin, end - begin}, .mode = MODE_WRITE_PROTECT};

    return control(watcher, REGISTER, &registration, NULL);
}

bool cai_os_unwatch(int watcher, uintptr_t begin, uintptr_t end)
{
    struct range range = {begin, end - begin};

    return control(watcher, UNREGISTER, &range, NULL);
}

long cai_os_pages(int file, enum cai_os_ask ask, uintptr_t *begin, uintptr_t end, struct cai_os_pages *list,
                  size_t count)
{
    struct scan scan = {.size = sizeof scan,
                        .flags = ask == CAI_ASK_PROTECT   ? PROTECT_MATCHING | ALL_MUST_BE_WATCHED
                                 : ask == CAI_ASK_WRITTEN ? ALL_MUST_BE_WATCHED
                                                          : 0,
                        .begin = *begin,
                        .end = end,
                        .list = (uintptr_t)list,
                        .count = count,
                        .all_of = ask == CAI_ASK_PROTECT || ask == CAI_ASK_WRITTEN ? CAI_PAGES_WRITTEN : 0,
                        .any_of = PRESENT | SWAPPED,
                        .told = CAI_PAGES_WATCHED | CAI_PAGES_WRITTEN | CAI_PAGES_ZERO |
                                (ask == CAI_ASK_FILE ? CAI_PAGES_FILE : 0)};
    long got;

    if (!control(file, PAGES_SCAN, &scan, &got) || scan.walk_end <= *begin)
        return -1;
    *begin = scan.walk_end;
    return got;
}
