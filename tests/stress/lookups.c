/* Looking at addresses while another thread makes and ends slabs and large blocks there: no answer may be wrong about a
 * block that lives all the time, and nothing may be believed that is half made.
 *
 *     lookups [ROUNDS] [SEED]
 */
#include <capalloc/heap.h>

#include "base/atomic.h"
#include "heaps/heaps.h"
#include "support/rng.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS = 300 };

static uint32_t over; /* atomic */

/* Every class and large blocks, taken and given back so that slabs come and go at the same addresses. */
static void *make_and_end(void *seed)
{
    struct rng rng = {(uint64_t)(uintptr_t)seed};
    static void *blocks[BLOCKS];

    while (cai_load_relaxed(&over) == 0) {
        size_t bytes = (size_t)1 << rng_below(&rng, 19);
        for (unsigned i = 0; i < BLOCKS; i++)
            blocks[i] = cai_allocate(CAI_PLACE_ordinary, bytes + rng_below(&rng, bytes), false);
        for (unsigned i = 0; i < BLOCKS; i++)
            cai_free(CAI_PLACE_ordinary, blocks[i], "free");
        if (rng_below(&rng, 8) == 0)
            cai_housekeeping_trim();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t found[CAI_FOUND_INSIDE_FREED + 1] = {0};
    struct rng rng = {seed};
    pthread_t other;

    char *kept = cai_allocate(CAI_PLACE_ordinary, 40, false);
    char *large = cai_allocate(CAI_PLACE_ordinary, 70000, false);
    if (kept == NULL || large == NULL || pthread_create(&other, NULL, make_and_end, (void *)(uintptr_t)(seed + 1)) != 0)
        return 2;
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < rounds; i++) {
        unsigned zone = cai_zone_number(CAI_PLACE_ordinary, (enum cai_grain)rng_below(&rng, 2));
        uint64_t length = (uint64_t)cai_load_relaxed(&cai_zones[zone].frontier) << CAI_UNIT_SHIFT;
        const char *address = (const char *)cai_view_of(zone)->origin + rng_below(&rng, length + 4096);
        struct cai_lookup there = cai_find_any(address);
        found[there.found]++;
        ca_error error = ca_block_check((ca_block){(void *)address, 1 + rng_below(&rng, 1000)});
        (void)error; /* any will do */
        if (cai_find_any(kept).found != CAI_FOUND_LIVE || cai_find_any(kept + 7).found != CAI_FOUND_INSIDE_LIVE ||
            cai_find_any(large).found != CAI_FOUND_LIVE) {
            printf("a living block was not found\n");
            return 1;
        }
    }
    cai_store_relaxed(&over, 1);
    pthread_join(other, NULL);
    printf("found:");
    for (unsigned i = 0; i <= CAI_FOUND_INSIDE_FREED; i++)
        printf(" %llu", (unsigned long long)found[i]);
    printf("\n");
    return found[CAI_FOUND_LIVE] + found[CAI_FOUND_INSIDE_LIVE] == 0; /* it looked at something */
}
