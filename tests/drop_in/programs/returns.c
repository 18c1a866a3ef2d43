/* Takes 1 GiB in blocks of all sizes, writes to it, frees all of it, and watches how memory goes back to the system.
 *
 *     returns busy      goes on with 1000 small allocations a second
 *     returns trim      calls malloc_trim(0)
 *     returns idle      sleeps: for the helper
 *     returns threads   as busy, but it was another thread that took and freed, and it still sleeps
 *
 * Prints the resident KiB at the peak and at the end, and the milliseconds from the last free until less than the MiB
 * of the second argument were resident.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { BLOCKS_MAX = 4000000 };
static const double patience = 5;
static void *blocks[BLOCKS_MAX];
static long peak_kib;

static void take_and_free(void)
{
    uint64_t random = 11;
    size_t total = 0;
    size_t count = 0;

    while (total < (size_t)1 << 30 && count < BLOCKS_MAX) {
        unsigned shift =
            (unsigned)(next_random(&random) % 100 < 95 ? next_random(&random) % 12 : next_random(&random) % 22);
        size_t size = next_random(&random) % ((size_t)1 << shift) + 1;
        CHECK((blocks[count] = malloc(size)) != NULL);
        memset(blocks[count++], 1, size);
        total += size;
    }
    peak_kib = status_kib("VmRSS:");
    /* In another order than that of taking. */
    for (size_t i = count; i > 1; i--) {
        size_t j = next_random(&random) % i;
        void *swap = blocks[i - 1];
        blocks[i - 1] = blocks[j];
        blocks[j] = swap;
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static sem_t freed;

static void *other_thread(void *unused)
{
    take_and_free();
    sem_post(&freed);
    for (;;)
        pause();
    return unused;
}

static void wait_a_millisecond(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    long small_kib = strtol(arguments[2], NULL, 10) * 1024;
    const char *mode = arguments[1];
    bool quiet = strcmp(mode, "idle") == 0 || strcmp(mode, "trim") == 0;

    memset(blocks, 0, sizeof blocks);
    if (strcmp(mode, "threads") == 0) {
        pthread_t thread;
        sem_init(&freed, 0, 0);
        CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
        sem_wait(&freed);
    } else {
        take_and_free();
    }
    /* The array of addresses is the test's own memory, not the allocator's. */
    long own_kib = (long)(sizeof blocks / 1024);
    double start = seconds();
    if (strcmp(mode, "trim") == 0)
        malloc_trim(0);
    long now_kib = status_kib("VmRSS:") - own_kib;
    while (now_kib >= small_kib && seconds() < start + patience) {
        wait_a_millisecond();
        if (!quiet)
            free(malloc(64));
        now_kib = status_kib("VmRSS:") - own_kib;
    }
    printf("%ld %ld %.0f\n", peak_kib - own_kib, now_kib, (seconds() - start) * 1000);
    return 0;
}
