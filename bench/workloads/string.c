/* string N LENGTH: four strings grow by turns, a few bytes at a time with an exact realloc for each, up to LENGTH
 * bytes; N times. Programs that append without a capacity live on an allocator whose blocks have room to grow. */
#include "workload.h"

enum { STRINGS = 4 };

uint64_t workload_string(const uint64_t *a)
{
    rng r = rng_seed(4);
    uint64_t ops = 0;
    for (uint64_t n = 0; n < a[0]; n++) {
        char *string[STRINGS] = {0};
        size_t length[STRINGS] = {0};
        for (size_t total = 0; total < STRINGS * a[1];) {
            size_t i = rng_below(&r, STRINGS), more = 8 + rng_below(&r, 56);
            string[i] = need(realloc(string[i], length[i] + more));
            memset(string[i] + length[i], 'x', more);
            length[i] += more;
            total += more;
            ops++;
        }
        for (int i = 0; i < STRINGS; i++)
            free(string[i]);
    }
    return ops;
}
