/* How many KiB are locked after the first allocations where all memory is (MCL_FUTURE): what an allocator maps for its
 * own use is in memory at once, whether it is needed or not.
 */
#include "check.h"

#include <sys/mman.h>

int main(void)
{
    static const size_t sizes[] = {100, 3000, 100000};

    CHECK(mlockall(MCL_FUTURE) == 0);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK(malloc(sizes[i]) != NULL);
    printf("%ld\n", status_kib("VmLck:"));
    return 0;
}
