/* Linked with libcapalloc.so and run with the drop-in library preloaded: there must be one engine, so that a block of
 * the one family can be given back through the other.
 */
#include <capalloc/capalloc.h>

#include "check.h"

#include <dlfcn.h>

int main(void)
{
    ca_stats stats = CA_STATS_INIT;

    for (size_t size = 1; size < 3000000; size = size * 3 / 2 + 1) {
        char *block = ca_malloc(size);
        CHECK(block != NULL);
        block[size - 1] = 1;
        free(block);
        block = malloc(size);
        CHECK(block != NULL && ca_malloc_usable_size(block) >= size);
        ca_free(block);
    }
    CHECK(dlsym(RTLD_NEXT, "ca_malloc") == NULL || dlsym(RTLD_NEXT, "ca_malloc") == dlsym(RTLD_DEFAULT, "ca_malloc"));
    ca_stats_read(&stats);
    CHECK(stats.violations == 0 && stats.allocations > 50);
    return 0;
}
