/* The library's side of the channel to `capalloc run`: says hello when the program starts, leaves numbers when it ends.
 * Without the environment variable, nothing here happens.
 */
#include "malloc/channel.h"

#include "base/atomic.h"
#include "core/settings.h"
#include "heap/heap.h"
#include "heap/stats.h"
#include "os/os.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cai_channel *channel;

/* The mapped page when the descriptor is the channel of this very process. */
static struct cai_channel *open_channel(void)
{
    const char *text = cai_os_is_privileged() ? NULL : getenv(CAI_CHANNEL_ENV);
    struct stat stat;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return NULL;
    int fd = (int)strtol(text, NULL, 10);
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || (size_t)stat.st_size < sizeof(struct cai_channel))
        return NULL;
    struct cai_channel *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (page->magic == CAI_CHANNEL_MAGIC && page->version == CAI_CHANNEL_VERSION && page->pid == getpid())
        return page;
    munmap(page, sizeof *page);
    return NULL;
}

/* Asks the C library for a copy of a string and looks where it lies: what the program's own calls will do, whatever the
 * dynamic linker says about addresses (those of a fixed-address program point into itself). */
static void check_interposition(void)
{
    Dl_info theirs;
    char *copy = strdup("capalloc");
    void *in_use = dlsym(RTLD_DEFAULT, "malloc");

    channel->interposed = copy != NULL && cai_place_of(copy) == CAI_PLACE_ordinary;
    free(copy);
    if (!channel->interposed && in_use != NULL && dladdr(in_use, &theirs) != 0)
        snprintf(channel->rival, sizeof channel->rival, "%s", theirs.dli_fname);
}

__attribute__((constructor)) static void say_hello(void)
{
    channel = open_channel();
    if (channel == NULL)
        return;
    channel->start_ns = cai_os_nanoseconds();
    check_interposition();
    if (cai_heap_start()) {
        channel->active_decay_ms = cai_settings->decay_ms;
        channel->helper = cai_settings->helper;
        channel->limit_bytes = cai_settings->limit_bytes == SIZE_MAX ? 0 : cai_settings->limit_bytes;
    }
    cai_store_release(&channel->state, CAI_CHANNEL_LOADED);
}

/* A forked child has the page too, but it is its parent's. */
__attribute__((destructor)) static void leave_numbers(void)
{
    if (channel == NULL || channel->pid != getpid())
        return;
    cai_stats_collect(&channel->stats);
    channel->end_ns = cai_os_nanoseconds();
    channel->stats_ns = channel->end_ns;
    cai_store_release(&channel->state, CAI_CHANNEL_FINISHED);
}
