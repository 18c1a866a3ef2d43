/* zeroed N SIZE: eight blocks from calloc, checked at both ends, filled, freed; N times. The memory is recycled and
 * dirty, so somebody must clear it; the question is who, how much, and by stores or by page faults. */
#include "workload.h"

enum { BLOCKS = 8 };

uint64_t workload_zeroed(const uint64_t *a)
{
    size_t size = a[1];
    for (uint64_t n = 0; n < a[0]; n++) {
        char *block[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            block[i] = need(calloc(1, size));
            if (block[i][0] | block[i][size / 2] | block[i][size - 1])
                abort();
            memset(block[i], 1, size);
        }
        for (int i = 0; i < BLOCKS; i++)
            free(block[i]);
    }
    return a[0] * BLOCKS;
}
