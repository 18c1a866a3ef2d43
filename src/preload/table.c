/* See table.h. By plain system calls where the C library's functions are cancellation points. */
#include "preload/table.h"

#include "base/compiler.h"
#include "core/settings.h"
#include "heaps/heaps.h"
#include "os/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What it says of itself is read once. The mapping stays in any case: a table that is another's is none of ours. */
static bool is_well_formed(const struct cai_channel_table *table, uint32_t processes, size_t page_bytes, size_t bytes)
{
    return table->magic == CAI_CHANNEL_MAGIC && table->version == CAI_CHANNEL_VERSION &&
           page_bytes >= sizeof(struct cai_channel) && page_bytes <= 4 * CAI_MIB && processes != 0 &&
           processes <= CAI_CHANNEL_PROCESSES && cai_channel_bytes(processes, page_bytes) <= bytes;
}

/* A program that allocates nothing needs no heap to say so. */
static bool is_ready(void)
{
    return cai_life_prepare() && (cai_settings->profile_bytes == 0 || cai_life_start());
}

/* False: there is no such table. */
static bool map_table(int fd, size_t bytes, struct cai_channel **page)
{
    struct cai_channel_table *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (table == MAP_FAILED)
        return false;
    uint32_t processes = cai_load_relaxed(&table->processes);
    size_t page_bytes = cai_load_relaxed(&table->page_bytes);
    bool right = is_well_formed(table, processes, page_bytes, bytes) && is_ready();
    if (right)
        *page = cai_page_start(table, processes, page_bytes);
    else
        munmap(table, bytes);
    return right;
}

/* What stands under this name by now may be anything: only of a file that cannot become shorter is anything read. */
static bool open_table(const char *name, struct cai_channel **page)
{
    bool opened = false;
    int fd = -1;

    if (strncmp(name, "/proc/", 6) == 0)
        fd = (int)syscall(SYS_openat, (long)AT_FDCWD, name, (long)(O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), 0L);
    if (fd < 0)
        return false;
    long seals = syscall(SYS_fcntl, (long)fd, (long)F_GET_SEALS);
    long bytes = seals > 0 && (seals & F_SEAL_SHRINK) != 0 ? syscall(SYS_lseek, (long)fd, 0L, (long)SEEK_END) : 0;
    if (bytes >= (long)sizeof(struct cai_channel_table))
        opened = map_table(fd, (size_t)bytes, page);
    syscall(SYS_close, (long)fd);
    return opened;
}

/* For this process and its forked children. Whoever opens it in /proc cannot make it shorter. */
static CAI_COLD struct cai_channel *make_table(void)
{
    size_t wanted = cai_settings->profile_bytes != 0 ? CAI_CHANNEL_PROFILED_BYTES : sizeof(struct cai_channel);
    size_t each = cai_round_up(wanted, cai_os_page_size());
    struct cai_channel_table *table = MAP_FAILED;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

    getrlimit(RLIMIT_FSIZE, &limit);
    uint32_t processes = cai_channel_processes(CAI_CHANNEL_PROCESSES_OWN, each, limit.rlim_cur);
    size_t bytes = cai_channel_bytes(processes, each);
    int fd = processes != 0 ? memfd_create(CAI_CHANNEL_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)bytes) == 0 &&
        syscall(SYS_fcntl, (long)fd, (long)F_ADD_SEALS, (long)(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) == 0)
        table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, (long)fd);
    if (table == MAP_FAILED)
        return NULL;
    table->magic = CAI_CHANNEL_MAGIC;
    table->version = CAI_CHANNEL_VERSION;
    table->processes = processes;
    table->page_bytes = (uint32_t)each;
    return cai_page_start(table, processes, each);
}

CAI_COLD struct cai_channel *cai_table_open(void)
{
    const char *name = getenv(CAI_CHANNEL_ENV);
    struct cai_channel *page = NULL;

    if (cai_os_is_privileged() || (name != NULL && open_table(name, &page)))
        return page;
    bool wanted = is_ready() && (cai_settings->visible || cai_settings->profile_bytes != 0);
    return wanted ? make_table() : NULL;
}

uint32_t *cai_table_dlopen_flags(void)
{
    static uint32_t nowhere;
    struct cai_channel *page = cai_page();

    return page != NULL ? &page->dlopen_flags : &nowhere;
}
