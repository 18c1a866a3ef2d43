/* The layouts, each with the environment that needs it. */
#include "pages/geometry.h"

#include "base/bits.h"

const struct cai_geometry cai_geometries[CAI_GEOMETRIES] = {
    /* 47-bit and larger spaces: below position-independent programs (85 TiB), above AddressSanitizer's shadow (which
     * ends a little above 16 TiB). */
    {.places = 32 * 1024 * CAI_GIB, .tables = 20 * 1024 * CAI_GIB, .shift = 43},
    /* 39-bit spaces of small AArch64 kernels (programs at 341 GiB), ThreadSanitizer (nothing above 512 GiB). */
    {.places = 96 * CAI_GIB, .tables = 64 * CAI_GIB, .shift = 35},
    /* valgrind: the client lives below 64 GiB. */
    {.places = 16 * CAI_GIB, .tables = 8 * CAI_GIB, .shift = 33},
};
