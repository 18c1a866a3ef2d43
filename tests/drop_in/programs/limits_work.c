/* A fixed piece of work, the same each time for the same seed, that ends as soon as one allocation fails: small, medium
 * and large blocks, cleared ones, blocks that grow, in the main thread and in others, one at a time.
 *
 *     limits_work SEED PART [lock]    does one PARTth of it
 *                                     lock: all memory is locked (MCL_FUTURE), within the limit of the process
 */
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/random.h>

/* Time passes where the work says so only, for the allocator too: what it does once in a while would not come at the
 * same places again. */
static time_t now_seconds = 1000;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = now_seconds};
    return 0;
}

/* And all zones lie where they lay the last time. */
ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    memset(buffer, 0, length);
    return (ssize_t)length;
}

enum { SMALL = 3000, MEDIUM = 60, LARGE = 8, THREADS = 3, NOBODY = 65534 };

static uint64_t random_state;
static size_t divisor;

static size_t below(size_t limit)
{
    return (size_t)(next_random(&random_state) % limit);
}

static char *must(char *block, size_t bytes)
{
    if (block == NULL)
        _exit(2);
    block[0] = 1;
    block[bytes - 1] = 1;
    return block;
}

static char *take(size_t bytes)
{
    return must(below(4) == 0 ? calloc(1, bytes) : malloc(bytes), bytes);
}

/* Takes them all, gives every other one back, takes as many of another size. */
static void hold(char **blocks, size_t count, size_t least, size_t spread)
{
    for (size_t i = 0; i < count; i++)
        blocks[i] = take(least + below(spread));
    for (size_t i = 0; i < count; i += 2)
        free(blocks[i]);
    for (size_t i = 0; i < count; i += 2)
        blocks[i] = take(least + below(spread));
}

static void release(char **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

/* What was given back is old and its bins are idle when others are taken. */
static void rest(char **blocks, size_t count)
{
    release(blocks, count);
    memset(blocks, 0, count * sizeof *blocks);
    for (unsigned look = 0; look < 2; look++) {
        now_seconds += 2;
        for (unsigned i = 0; i < 1000; i++)
            free(take(700 + below(100)));
    }
    hold(blocks, count, 200, 50 + below(300));
}

/* A block grows, and others stand in its way. */
static void grow(size_t end)
{
    char *walls[64];
    size_t count = 0;
    size_t bytes = 100 + below(100);
    char *block = take(bytes);

    while (bytes < end) {
        bytes += bytes / 2 + below(bytes / 4);
        block = must(realloc(block, bytes), bytes);
        if (below(3) == 0 && count < 64)
            walls[count++] = take(1 + below(bytes / 2));
    }
    free(block);
    release(walls, count);
}

/* A block grows when more is held than ever else: whether it has to move is up to its neighbours, and must not
 * make a difference. */
static void work(unsigned part)
{
    static char *small[THREADS][SMALL], *medium[THREADS][MEDIUM], *large[THREADS][LARGE];

    grow((200000 + below(500000)) / divisor);
    hold(small[part], SMALL / divisor, 1, 50 + below(300));
    hold(medium[part], MEDIUM / divisor, 600, 1000 + below(20000));
    hold(large[part], LARGE / divisor, 33000, 50000 + below(200000));
    grow((800000 + below(2000000)) / divisor);
    rest(small[part], SMALL / divisor / 2);
    if (below(2) == 0)
        release(small[part], SMALL / divisor);
    release(medium[part], MEDIUM / divisor);
    release(large[part], LARGE / divisor);
}

/* All threads are there from the start: their stacks are not part of what is tested. Each ends before the next one
 * begins: what a thread has in its bins, no other can have. */
static sem_t turns[THREADS];

static void *in_thread(void *argument)
{
    unsigned part = (unsigned)(uintptr_t)argument;

    while (sem_wait(&turns[part]) != 0) {
    }
    work(part);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    pthread_attr_t attributes;

    CHECK(count >= 3);
    random_state = strtoull(arguments[1], NULL, 10);
    divisor = strtoull(arguments[2], NULL, 10);
    if (count > 3) {
        CHECK(geteuid() != 0 || setuid(NOBODY) == 0); /* root has no such limit */
        CHECK(mlockall(MCL_FUTURE) == 0);
    }
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
    for (unsigned part = 0; part < THREADS; part++) {
        CHECK(sem_init(&turns[part], 0, 0) == 0);
        if (pthread_create(&threads[part], &attributes, in_thread, (void *)(uintptr_t)part) != 0)
            return 3;
    }
    for (unsigned part = 0; part < THREADS; part++) {
        sem_post(&turns[part]);
        CHECK(pthread_join(threads[part], NULL) == 0);
    }
    return 0;
}
