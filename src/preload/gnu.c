/* What the GNU C library offers beside the family: tuning, information, and the names its own parts call malloc by.
 * Drop-in library only. Settings that have no meaning here are accepted and ignored, as programs do not check.
 */
#include "heaps/heaps.h"
#include "os/os.h"

#include <capalloc/malloc.h>

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

CAI_EXPORT int malloc_trim(size_t keep)
{
    (void)keep;
    return ca_trim() != 0;
}

/* 1 means success: no parameter of the GNU allocator changes anything here. */
CAI_EXPORT int mallopt(int parameter, int value)
{
    (void)parameter;
    (void)value;
    return 1;
}

CAI_EXPORT struct mallinfo2 mallinfo2(void)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    return (struct mallinfo2){
        .arena = stats.committed_bytes,
        .ordblks = 1,
        .hblks = stats.size_class[CAI_CLASSES].live_blocks,
        .uordblks = stats.live_bytes,
        .fordblks = stats.committed_bytes - stats.live_bytes,
        .keepcost = stats.committed_bytes - stats.place[CAI_PLACE_ordinary].used_bytes,
    };
}

static int as_int(size_t n)
{
    return n > INT32_MAX ? INT32_MAX : (int)n;
}

CAI_EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 wide = mallinfo2();

    return (struct mallinfo){
        .arena = as_int(wide.arena),
        .ordblks = as_int(wide.ordblks),
        .hblks = as_int(wide.hblks),
        .uordblks = as_int(wide.uordblks),
        .fordblks = as_int(wide.fordblks),
        .keepcost = as_int(wide.keepcost),
    };
}

static void print_info(FILE *stream)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    fprintf(stream, "<malloc version=\"capalloc-1\">\n<heap nr=\"0\">\n<sizes>\n");
    for (unsigned i = 1; i < CAI_CLASSES; i++)
        if (stats.size_class[i].live_blocks != 0)
            fprintf(stream, "  <size to=\"%llu\" count=\"%llu\"/>\n",
                    (unsigned long long)stats.size_class[i].slot_bytes,
                    (unsigned long long)stats.size_class[i].live_blocks);
    fprintf(stream,
            "</sizes>\n<total type=\"live\" count=\"%llu\" size=\"%llu\"/>\n"
            "<system type=\"current\" size=\"%llu\"/>\n<system type=\"max\" size=\"%llu\"/>\n</heap>\n</malloc>\n",
            (unsigned long long)stats.live_blocks, (unsigned long long)stats.live_bytes,
            (unsigned long long)stats.committed_bytes, (unsigned long long)stats.committed_bytes_peak);
}

/* The GNU library's form: an XML document. Its element names, our numbers. Streams are cancellation points, this is
 * none. */
CAI_EXPORT int malloc_info(int options, FILE *stream)
{
    int before;

    if (options != 0)
        return EINVAL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    print_info(stream);
    pthread_setcancelstate(before, NULL);
    return 0;
}

CAI_EXPORT void malloc_stats(void)
{
    ca_stats stats = CA_STATS_INIT;
    char line[160];

    ca_stats_read(&stats);
    int length = snprintf(line, sizeof line,
                          "capalloc: committed %llu bytes, live %llu bytes in %llu blocks, %llu allocations\n",
                          (unsigned long long)stats.committed_bytes, (unsigned long long)stats.live_bytes,
                          (unsigned long long)stats.live_blocks, (unsigned long long)stats.allocations);
    cai_os_write_error(line, (size_t)length);
}

/* The names by which the C library's own parts, and old programs, call the family. */
#define OTHER_NAME(result, name, parameters, call)                                                                     \
    CAI_EXPORT result name parameters;                                                                                 \
    result name parameters                                                                                             \
    {                                                                                                                  \
        call;                                                                                                          \
    }
OTHER_NAME(void, cfree, (void *block), free(block))
OTHER_NAME(void, __libc_free, (void *block), free(block))
OTHER_NAME(void *, __libc_malloc, (size_t size), return malloc(size))
OTHER_NAME(void *, __libc_calloc, (size_t count, size_t size), return calloc(count, size))
OTHER_NAME(void *, __libc_realloc, (void *block, size_t size), return realloc(block, size))
OTHER_NAME(void *, __libc_memalign, (size_t alignment, size_t size), return memalign(alignment, size))
OTHER_NAME(void *, __libc_valloc, (size_t size), return valloc(size))
OTHER_NAME(void *, __libc_pvalloc, (size_t size), return pvalloc(size))
