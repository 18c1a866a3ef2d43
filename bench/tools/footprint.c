/* footprint decay|trim: fills 1 GiB with blocks of mixed sizes, frees them all, and prints "MS KIB" lines: the resident
 * memory that many milliseconds after. decay watches for two seconds while a little is allocated, as an idle server
 * does; trim asks for the memory back at once with malloc_trim(0). MS is -1 before the frees. */
#include "../workloads/workload.h"

#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

static long resident_kib(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    char *space = got > 0 ? strchr(text, ' ') : NULL;
    return space ? strtol(space, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : -1;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void fill_and_free(void)
{
    enum { MAX = 1 << 20 };
    static void *block[MAX];
    rng r = rng_seed(7);
    size_t count = 0;
    for (size_t total = 0; total < (size_t)1 << 30 && count < MAX; count++) {
        size_t size = rng_size(&r, 4, 4 + (unsigned)rng_below(&r, 16) + 1);
        block[count] = malloc(size);
        touch_pages(block[count], size);
        total += size;
    }
    printf("-1 %ld\n", resident_kib());
    for (size_t i = 0; i < count; i++)
        free(block[i]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 256);
    fill_and_free();
    if (argc > 1 && strcmp(argv[1], "trim") == 0)
        malloc_trim(0);
    int64_t start = now_ms();
    printf("0 %ld\n", resident_kib());
    rng r = rng_seed(8);
    for (int step = 1; argc < 2 || strcmp(argv[1], "trim") != 0; step++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        for (int i = 0; i < 100; i++) {
            size_t size = rng_size(&r, 4, 12);
            free(touch(malloc(size), size));
        }
        int64_t elapsed = now_ms() - start;
        if (step % 10 == 0)
            printf("%lld %ld\n", (long long)elapsed, resident_kib());
        if (elapsed >= 2000)
            break;
    }
    return 0;
}
