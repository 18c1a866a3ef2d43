/* Preloaded: other people's mappings lie where the allocator would like to be. Address ranges, as START-END in GiB,
 * separated by commas, in TAKEN; mapped before the first malloc.
 */
#include "check.h"

#include <sys/mman.h>

__attribute__((constructor(101))) static void take(void)
{
    const char *text = getenv("TAKEN");

    while (text != NULL && *text != '\0') {
        char *end;
        size_t from = strtoull(text, &end, 10) << 30;
        size_t to = strtoull(end + 1, &end, 10) << 30;
        void *got = mmap((void *)from, to - from, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        CHECK(got == (void *)from);
        text = end + (*end == ',');
    }
}
