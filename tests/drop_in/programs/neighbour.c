/* Somebody else maps memory right where the allocator would grow: it must step over that, and leave it alone.
 */
#include "check.h"

#include <sys/mman.h>

enum { NEIGHBOURS = 6, BLOCKS = 3000 };

int main(void)
{
    static char *blocks[BLOCKS];
    unsigned char *taken[NEIGHBOURS];
    size_t length = (size_t)16 << 20;

    for (int n = 0; n < NEIGHBOURS; n++) {
        /* Of fine, coarse and large blocks in turn. */
        char *block = malloc(n % 3 == 0 ? 100 : n % 3 == 1 ? 20000 : 3000000);
        uintptr_t at = ((uintptr_t)block + (uintptr_t)(4 + 24 * n) * (1 << 20)) & ~(uintptr_t)0xffff;
        taken[n] =
            mmap((void *)at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (taken[n] != MAP_FAILED)
            memset(taken[n], 0x5a, length);
        free(block);
    }
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = i % 3 == 0 ? 1000 : i % 3 == 1 ? 60000 : 600000;
        CHECK((blocks[i] = malloc(size)) != NULL);
        memset(blocks[i], i, size);
    }
    for (int n = 0; n < NEIGHBOURS; n++)
        for (size_t i = 0; taken[n] != MAP_FAILED && i < length; i++)
            CHECK(taken[n][i] == 0x5a);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return 0;
}
