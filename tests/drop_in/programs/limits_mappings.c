/* Leaves as many holes as it can, and still has no more mappings than the library may: an eighth of what Linux allows
 * by default. So threads start and others map memory as before.
 *
 *     limits_mappings BLOCKS    blocks of 40000 bytes, of which every other one is free
 */
#include "mappings.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

static void *nothing(void *argument)
{
    return argument;
}

/* What a program wants of mappings besides memory. */
static void go_on(void)
{
    pthread_t thread;
    char *pages = mmap(NULL, 3 << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(pages != MAP_FAILED && mprotect(pages + (1 << 12), 1 << 12, PROT_READ | PROT_WRITE) == 0);
    CHECK(munmap(pages, 3 << 12) == 0);
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    size_t blocks = strtoull(arguments[1], NULL, 10);
    long most = count_mappings() + 65530 / 8;
    char **held = calloc(blocks, sizeof *held);

    CHECK(held != NULL);
    for (size_t i = 0; i < blocks; i++)
        CHECK((held[i] = malloc(40000)) != NULL);
    CHECK(count_mappings() < 100);
    for (size_t i = 0; i < blocks; i += 2)
        free(held[i]);
    long before = status_kib("VmRSS:");
    for (unsigned round = 0; round < 3; round++) {
        malloc_trim(0);
        CHECK(count_mappings() <= most);
        go_on();
        CHECK(malloc((size_t)2 << 40) == NULL && errno == ENOMEM);
        CHECK(count_mappings() <= most);
        go_on();
        CHECK(status_kib("VmRSS:") < before + 20000);
        for (size_t i = 0; i < blocks; i += 2) {
            CHECK((held[i] = malloc(40000)) != NULL);
            held[i][0] = 1;
        }
        CHECK(count_mappings() <= most);
        for (size_t i = 0; i < blocks; i += 2)
            free(held[i]);
    }
    printf("%ld\n", count_mappings());
    return 0;
}
