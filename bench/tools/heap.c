/* A heap of so many MiB in blocks of 256 bytes, of which so many per cent were promised to hold no pointers; a tenth as
 * much again, with the same share of such blocks, is taken and given back ten times over. So many threads sleep
 * meanwhile. What a sweep of it costs, `--trace-sweeps` says. */
#include <capalloc/capalloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES = 256 };

static void *take(bool nocaps)
{
    if (!nocaps)
        return ca_malloc(BYTES);
    ca_nocaps_result result = ca_allocate_nocaps(ca_default_authority(), (ca_layout){BYTES, 16});
    return ca_is_ok(result) ? ca_unwrap(result).ptr : NULL;
}

static void give(void *block, bool nocaps)
{
    if (nocaps)
        ca_deallocate((ca_nocaps){block, BYTES});
    else
        ca_free(block);
}

static void *asleep(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(int count, char **arguments)
{
    size_t blocks = (count > 1 ? strtoul(arguments[1], NULL, 10) : 1024) * (1024 * 1024 / BYTES);
    unsigned nocaps = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;
    void **list = NULL;
    void **more = ca_malloc(blocks / 10 * sizeof *more);

    for (unsigned threads = count > 3 ? (unsigned)strtoul(arguments[3], NULL, 10) : 0; threads > 0; threads--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, asleep, NULL) != 0)
            return 1;
    }
    for (size_t i = 0; i < blocks; i++) {
        void *block = take(i % 100 < nocaps);
        if (block == NULL || more == NULL)
            return 1;
        memset(block, 1, BYTES);
        if (i % 100 >= nocaps) { /* as a program's own do, these lead from one to the next */
            *(void **)block = list;
            list = block;
        }
    }
    for (unsigned round = 0; round < 10; round++) {
        for (size_t i = 0; i < blocks / 10; i++) {
            if ((more[i] = take(i % 100 < nocaps)) == NULL)
                return 1;
            memset(more[i], 1, sizeof(void *));
        }
        for (size_t i = blocks / 10; i-- > 0;) {
            give(more[i], i % 100 < nocaps);
            more[i] = NULL;
        }
    }
    size_t linked = 0;
    for (; list != NULL; list = *list)
        linked++;
    printf("%zu\n", linked);
    return 0;
}
