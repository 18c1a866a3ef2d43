/* Linked with libcapalloc.a: every function of the family, small and large blocks, threads. For tools that look from
 * the outside, such as valgrind.
 */
#include <capalloc/capalloc.h>

#include "check.h"

#include <pthread.h>

static void *use(void *unused)
{
    void *blocks[400];

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 400; i++) {
            size_t size = i * 29 + (i % 40 == 0 ? 900000 : 1);
            switch (i % 4) {
            case 0:
                blocks[i] = ca_calloc(1, size);
                CHECK(blocks[i] != NULL && ((char *)blocks[i])[size - 1] == 0);
                break;
            case 1:
                blocks[i] = ca_aligned_alloc(256, size);
                break;
            default:
                blocks[i] = ca_malloc(size);
            }
            CHECK(blocks[i] != NULL);
            memset(blocks[i], 1, size);
        }
        for (size_t i = 0; i < 400; i++) {
            CHECK((blocks[i] = ca_realloc(blocks[i], (i * 17) % 4000 + 1)) != NULL);
            CHECK(*(char *)blocks[i] == 1);
        }
        for (size_t i = 0; i < 400; i++)
            ca_free(blocks[i]);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    ca_stats stats = CA_STATS_INIT;

    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, use, NULL) == 0);
    use(NULL);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    ca_trim();
    ca_stats_read(&stats);
    CHECK(stats.live_blocks == 0);
    return 0;
}
