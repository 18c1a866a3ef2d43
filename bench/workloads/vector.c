/* vector N LOG2MAX: eight vectors grow side by side by doubling, from 64 bytes to 2^LOG2MAX, N times. All that is new
 * is written, so what a copying realloc costs shows. */
#include "workload.h"

enum { VECTORS = 8 };

uint64_t workload_vector(const uint64_t *a)
{
    uint64_t ops = 0;
    for (uint64_t n = 0; n < a[0]; n++) {
        char *vector[VECTORS] = {0};
        for (size_t old = 0, size = 64; size <= (size_t)1 << a[1]; old = size, size *= 2) {
            for (int i = 0; i < VECTORS; i++, ops++) {
                vector[i] = need(realloc(vector[i], size));
                memset(vector[i] + old, 1, size - old);
            }
        }
        for (int i = 0; i < VECTORS; i++)
            free(vector[i]);
    }
    return ops;
}
