/* heap N BYTES THREADS: BYTES of live blocks, 16 bytes to 8 KiB, every page of them written; then N times one of them,
 * chosen at random, is replaced. THREADS threads share both, each with blocks of its own; the main thread is the first.
 * For bench/growth it prints, besides the time of it all, that of the replacements alone, and what was live and what
 * was resident when the last was done: it is how both grow with the heap and with the threads that counts. */
#include "workload.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct slot {
    void *block;
    size_t size;
} slot;

typedef struct part {
    uint64_t n, bytes, live;
    rng r;
    slot *slots;
    size_t count;
    pthread_barrier_t *barrier;
} part;

static uint64_t resident_kib(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    char *space = got > 0 ? strchr(text, ' ') : NULL;
    return space ? strtoull(space, NULL, 10) * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void make(part *p, slot *s)
{
    s->size = rng_size(&p->r, 4, 13);
    s->block = malloc(s->size);
    touch_pages(s->block, s->size);
    p->live += s->size;
}

static void fill(part *p)
{
    size_t most = p->bytes / 512 + 64; /* the mean size is 1364, never below 512 over so many */
    p->slots = need(calloc(most, sizeof *p->slots));
    while (p->live < p->bytes && p->count < most)
        make(p, &p->slots[p->count++]);
}

static void replace(part *p)
{
    for (uint64_t i = 0; i < p->n; i++) {
        slot *s = &p->slots[rng_below(&p->r, p->count)];
        free(s->block);
        p->live -= s->size;
        make(p, s);
    }
}

static void drop(part *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->slots[i].block);
    free(p->slots);
}

static void *work(void *arg)
{
    part *p = arg;
    fill(p);
    pthread_barrier_wait(p->barrier);
    replace(p);
    pthread_barrier_wait(p->barrier);
    pthread_barrier_wait(p->barrier); /* the main thread has looked at what is resident */
    drop(p);
    return NULL;
}

uint64_t workload_heap(const uint64_t *a)
{
    uint64_t threads = a[2], live = 0;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    pthread_t *thread = need(calloc(threads, sizeof *thread));
    part *parts = need(calloc(threads, sizeof *parts));
    for (uint64_t i = 0; i < threads; i++) {
        parts[i] = (part){.n = a[0] / threads, .bytes = a[1] / threads, .r = rng_seed(i), .barrier = &barrier};
        if (i > 0)
            spawn(&thread[i], work, &parts[i]);
    }
    fill(&parts[0]);
    pthread_barrier_wait(&barrier);
    uint64_t start = now_ns();
    replace(&parts[0]);
    pthread_barrier_wait(&barrier);
    uint64_t steady = now_ns() - start, resident = resident_kib();
    for (uint64_t i = 0; i < threads; i++)
        live += parts[i].live;
    printf("steady_ns=%llu live_kib=%llu resident_kib=%llu\n", (unsigned long long)steady,
           (unsigned long long)(live / 1024), (unsigned long long)resident);
    pthread_barrier_wait(&barrier);
    drop(&parts[0]);
    for (uint64_t i = 1; i < threads; i++)
        pthread_join(thread[i], NULL);
    free(parts);
    free(thread);
    return a[0];
}
