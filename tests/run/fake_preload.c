/* A test double of libcapalloc-preload.so: libc's malloc with counters, and the library's side of the channel. It shows
 * in a few lines what the library owes to `capalloc run`: answer only in the process that is named in the page, answer
 * once at the start, leave the numbers at the end. Used by test_run.sh.
 */
#include "heaps/channel.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *pointer);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);

enum { CLASSES = 24 }; /* one per power of two here */
static uint64_t class_allocations[CLASSES];
static struct cai_channel *channel;

static void count(size_t size)
{
    unsigned class = size <= 16 ? 0 : (unsigned)(60 - __builtin_clzll(size - 1));
    __atomic_fetch_add(&class_allocations[class < CLASSES ? class : CLASSES - 1], 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
    count(size);
    return __libc_malloc(size);
}

void free(void *pointer)
{
    __libc_free(pointer);
}

void *calloc(size_t number, size_t size)
{
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size)
{
    count(size);
    return __libc_realloc(pointer, size);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static struct cai_channel *channel_find(void)
{
    const char *name = getenv(CAI_CHANNEL_ENV);
    struct stat status;
    if (name == NULL || getauxval(AT_SECURE) != 0)
        return NULL;
    int fd = open(name, O_RDWR | O_CLOEXEC);
    struct cai_channel_table *table = MAP_FAILED;
    /* Any other file may stand under this name by now: look before mapping. */
    if (fd >= 0 && fstat(fd, &status) == 0 && (fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) != 0)
        table = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (table == MAP_FAILED || table->magic != CAI_CHANNEL_MAGIC || table->version != CAI_CHANNEL_VERSION)
        return NULL;
    /* This one answers for the program that was started, and for nobody else. */
    return table->pid[0] == getpid() ? cai_channel_at(table, 0) : NULL;
}

__attribute__((constructor)) static void start(void)
{
    channel = channel_find();
    if (channel == NULL)
        return;
    const char *options = getenv("CAPALLOC_OPTIONS");
    const char *limit = options != NULL ? strstr(options, "limit=") : NULL;
    channel->limit_bytes = limit != NULL ? strtoull(limit + strlen("limit="), NULL, 10) : 0;
    channel->strict = options != NULL && strstr(options, "strict") != NULL;
    channel->audit = options != NULL && strstr(options, "audit") != NULL;
    channel->helper = options != NULL && strstr(options, "helper") != NULL;
    const char *decay = options != NULL ? strstr(options, "decay=") : NULL;
    channel->active_decay_ms = decay != NULL ? (uint32_t)atoi(decay + strlen("decay=")) : 250;
    /* By object, not by address: with preemption `malloc` means the first one even in here. */
    void *first = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info its;
    Dl_info ours;
    bool known = dladdr(first, &its) != 0 && dladdr(&class_allocations, &ours) != 0;
    channel->interposed = known && its.dli_fbase == ours.dli_fbase;
    if (known && channel->interposed == 0)
        strncpy(channel->rival, its.dli_fname, sizeof channel->rival - 1);
    channel->start_ns = now_ns();
    channel->turn = 0;
    channel->pid = getpid();
    __atomic_store_n(&channel->state, CAI_CHANNEL_LOADED, __ATOMIC_RELEASE);
}

__attribute__((destructor)) static void finish(void)
{
    if (channel == NULL || channel->pid != getpid())
        return; /* a forked child ends: not the one that was asked */
    ca_stats *stats = &channel->numbers[0].stats;
    stats->struct_size = sizeof *stats;
    for (unsigned i = 0; i < CLASSES; i++) {
        stats->size_class[i].slot_bytes = UINT64_C(16) << i;
        stats->size_class[i].allocations = class_allocations[i];
        stats->size_class[i].live_blocks = class_allocations[i] / 7;
        stats->allocations += class_allocations[i];
    }
    stats->size_class[CLASSES].slot_bytes = UINT64_MAX;
    stats->live_blocks = stats->allocations / 7;
    stats->live_bytes = stats->live_blocks * 64;
    stats->committed_bytes = UINT64_C(3) << 20;
    stats->committed_bytes_peak = UINT64_C(11) << 20;
    stats->metadata_bytes = UINT64_C(300) << 10;
    stats->threads = 1;
    stats->place[0] = (ca_place_stats){stats->live_bytes, stats->live_blocks, 1U << 20, 10U << 20, 3U << 20};
    channel->end_ns = now_ns();
    channel->numbers[0].ns = channel->end_ns;
    __atomic_store_n(&channel->turn, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&channel->state, CAI_CHANNEL_FINISHED, __ATOMIC_RELEASE);
}
