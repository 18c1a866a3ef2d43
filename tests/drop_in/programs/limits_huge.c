/* Asks for what nobody has: each call that fails leaves the process as it was, addresses, data and mappings.
 *
 *     limits_huge    prints how many calls failed
 */
#include "mappings.h"

#include <malloc.h>

struct process {
    long size_kib, data_kib, mappings;
};

static struct process look(void)
{
    return (struct process){status_kib("VmSize:"), status_kib("VmData:"), count_mappings()};
}

static void *aligned(size_t bytes)
{
    return aligned_alloc((size_t)1 << 21, bytes);
}

static void *cleared(size_t bytes)
{
    return calloc(bytes / 16, 16);
}

static char *kept;

/* A block that cannot grow is still there. */
static void *grown(size_t bytes)
{
    char *block = realloc(kept, bytes);

    if (block == NULL) {
        CHECK(kept[0] == 7 && kept[99999] == 7);
        return NULL;
    }
    kept = NULL;
    return block;
}

int main(void)
{
    static void *(*const functions[])(size_t) = {malloc, cleared, aligned, grown};
    static void *small[2000];
    unsigned failures = 0;

    for (unsigned i = 0; i < 2000; i++)
        CHECK((small[i] = malloc(i % 20 == 0 ? 40000 : i)) != NULL);
    for (unsigned i = 0; i < 2000; i += 2)
        free(small[i]);
    for (unsigned shift = 30; shift <= 47; shift++)
        for (unsigned k = 0; k < sizeof functions / sizeof *functions; k++) {
            if (kept == NULL) {
                CHECK((kept = malloc(100000)) != NULL);
                memset(kept, 7, 100000);
            }
            malloc_trim(0);
            struct process before = look();
            errno = 0;
            void *block = functions[k]((size_t)1 << shift);
            if (block != NULL) {
                free(block);
                continue;
            }
            CHECK(errno == ENOMEM);
            struct process after = look();
            if (memcmp(&before, &after, sizeof before) != 0)
                fprintf(stderr, "2^%u bytes, function %u: %ld %ld %ld, then %ld %ld %ld\n", shift, k, before.size_kib,
                        before.data_kib, before.mappings, after.size_kib, after.data_kib, after.mappings);
            CHECK(memcmp(&before, &after, sizeof before) == 0);
            failures++;
        }
    printf("%u\n", failures);
    return 0;
}
