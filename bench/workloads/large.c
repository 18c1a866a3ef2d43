/* large N: large blocks of random sizes, 256 KiB to 16 MiB, four live at a time; every page is written. What counts is
 * whether pages are kept, given back, or faulted in again. */
#include "workload.h"

uint64_t workload_large(const uint64_t *a)
{
    void *live[4] = {0};
    rng r = rng_seed(5);
    for (uint64_t n = 0; n < a[0]; n++) {
        size_t size = rng_size(&r, 18, 24);
        free(live[n % 4]);
        live[n % 4] = malloc(size);
        touch_pages(live[n % 4], size);
    }
    for (int i = 0; i < 4; i++)
        free(live[i]);
    return a[0];
}
