/* A heap of so many MiB in blocks of 256 bytes, of which so many per cent were promised to hold no pointers; a tenth as
 * much again is taken and given back ten times over. What a sweep of it costs, `--trace-sweeps` says. */
#include <capalloc/capalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 256 };

int main(int count, char **arguments)
{
    size_t blocks = (count > 1 ? strtoul(arguments[1], NULL, 10) : 1024) * (1024 * 1024 / BYTES);
    unsigned nocaps = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;
    void **list = NULL;

    for (size_t i = 0; i < blocks; i++) {
        void *block = NULL;
        if (i % 100 < nocaps) {
            ca_nocaps_result result = ca_allocate_nocaps(ca_default_authority(), (ca_layout){BYTES, 16});
            block = ca_is_ok(result) ? ca_unwrap(result).ptr : NULL;
        } else {
            block = ca_malloc(BYTES);
        }
        if (block == NULL)
            return 1;
        memset(block, 1, BYTES);
        if (i % 100 >= nocaps) { /* as a program's own do, these lead from one to the next */
            *(void **)block = list;
            list = block;
        }
    }
    for (unsigned round = 0; round < 10; round++) {
        void *chain = NULL;
        for (size_t i = 0; i < blocks / 10; i++) {
            void **block = ca_malloc(BYTES);
            if (block == NULL)
                return 1;
            *block = chain;
            chain = block;
        }
        while (chain != NULL) {
            void *next = *(void **)chain;
            ca_free(chain);
            chain = next;
        }
    }
    size_t linked = 0;
    for (; list != NULL; list = *list)
        linked++;
    printf("%zu\n", linked);
    return 0;
}
