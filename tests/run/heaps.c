/* The program that test_live.py looks at for the names of its heaps: with an argument it waits before it ends. */
#include <capalloc/authority.h>
#include <capalloc/heap.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static ca_authority heap(const char *name, size_t quota)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;

    options.name = name;
    options.quota_bytes = quota;
    if (ca_heap_create(&options, &root) != CA_OK)
        abort();
    return root;
}

static void fill(ca_authority heap, size_t bytes)
{
    for (size_t had = 0; had < bytes; had += 100) {
        ca_block block = ca_unwrap(ca_allocate(heap, (ca_layout){100, 1}));
        memset(block.ptr, 1, 100);
    }
}

int main(int argc, char **argv)
{
    ca_authority sessions = heap("sessions \"x\"", 8 << 20);
    ca_authority ended = heap("ended", SIZE_MAX);
    char many[16];

    (void)argv;
    fill(sessions, 1 << 20);
    fill(heap("cache", SIZE_MAX), 3 << 20);
    fill(heap(NULL, SIZE_MAX), 1 << 20);
    fill(ended, 1 << 20);
    if (ca_heap_destroy(ended) != CA_OK)
        abort();
    for (int i = 0; i < 20; i++) {
        snprintf(many, sizeof many, "small %d", i);
        fill(heap(many, SIZE_MAX), 100);
    }
    /* Work that gives the library time to tell of them. */
    clock_t end = clock() + CLOCKS_PER_SEC / 3;
    while (argc > 1 && clock() < end)
        for (int round = 0; round < 1000; round++) {
            void *volatile block = malloc(100);
            free(block);
        }
    puts("");
    fflush(stdout);
    if (argc > 1)
        getchar();
    return 0;
}
