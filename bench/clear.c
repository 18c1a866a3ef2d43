/* Clearing a block: plain stores (memset) against stores past the caches (SSE2 streaming), by length of the block.
 *
 * What counts is the clearing and the work after it: the program's own 1 MiB is read again, which plain stores may have
 * put out of the caches. Blocks come in turn from a pool larger than the caches, their pages touched. A cold block was
 * last used a whole pool ago, a warm one has just been written, as one that is given back after use. Each pair clears
 * two blocks of one kind, one each way, in random order; ratios are taken within each pair, and the median is printed
 * with the quartiles.
 *
 *     build/bench/clear [pool MiB] [pairs]
 */
#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { KIB = 1024, MIB = 1024 * KIB, WORK_BYTES = MIB, PAIRS_MAX = 1001 };

static unsigned char work[WORK_BYTES];
static volatile uint64_t sink;

/* The thread's own time: what else the machine does counts as little as possible. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void read_work(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof work; i += 64)
        sum += *(volatile uint64_t *)(work + i);
    sink = sum;
}

static void clear_plain(unsigned char *block, size_t bytes)
{
    memset(block, 0, bytes);
    __asm__ volatile("" : : "r"(block) : "memory");
}

static void clear_streaming(unsigned char *block, size_t bytes)
{
    __m128i zero = _mm_setzero_si128();

    for (size_t i = 0; i < bytes; i += 64)
        for (size_t j = 0; j < 64; j += 16)
            _mm_stream_si128((__m128i *)(block + i + j), zero);
    _mm_sfence();
}

struct timing {
    double clear, all;
};

static struct timing measure(void (*clear)(unsigned char *, size_t), unsigned char *block, size_t bytes, bool warm)
{
    struct timing timing;

    if (warm)
        memset(block, 1, bytes);
    read_work();
    read_work();
    double start = now();
    clear(block, bytes);
    timing.clear = now() - start;
    read_work();
    timing.all = now() - start;
    return timing;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

static void compare(unsigned char *pool, size_t pool_bytes, size_t bytes, int pairs, bool warm)
{
    static double clear_ratio[PAIRS_MAX], all_ratio[PAIRS_MAX], plain_ns[PAIRS_MAX];
    size_t blocks = pool_bytes / bytes;
    uint64_t random = 1;

    for (int i = 0; i < pairs; i++) {
        unsigned char *one = pool + (size_t)(2 * i) % blocks * bytes;
        unsigned char *two = pool + (size_t)(2 * i + 1) % blocks * bytes;
        struct timing plain, streaming;

        random = random * 6364136223846793005u + 1442695040888963407u;
        if (random >> 63) {
            plain = measure(clear_plain, one, bytes, warm);
            streaming = measure(clear_streaming, two, bytes, warm);
        } else {
            streaming = measure(clear_streaming, one, bytes, warm);
            plain = measure(clear_plain, two, bytes, warm);
        }
        clear_ratio[i] = streaming.clear / plain.clear;
        all_ratio[i] = streaming.all / plain.all;
        plain_ns[i] = plain.all;
    }
    qsort(all_ratio, (size_t)pairs, sizeof *all_ratio, ascending);
    printf("%s %8zu KiB  plain %10.0f ns  streaming/plain: clearing %.2f  with the work after it %.2f (%.2f to %.2f)\n",
           warm ? "warm" : "cold", bytes / KIB, median(plain_ns, pairs), median(clear_ratio, pairs),
           all_ratio[pairs / 2], all_ratio[pairs / 4], all_ratio[pairs * 3 / 4]);
}

int main(int argc, char **argv)
{
    size_t pool_bytes = (size_t)(argc > 1 ? atoi(argv[1]) : 512) * MIB;
    int most = argc > 2 ? atoi(argv[2]) : 301;
    unsigned char *pool = mmap(NULL, pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pool == MAP_FAILED || most < 1 || most > PAIRS_MAX || pool_bytes < 2 * 64 * (size_t)MIB)
        return 1;
    memset(pool, 1, pool_bytes);
    memset(work, 1, sizeof work);
    for (int warm = 0; warm < 2; warm++)
        for (size_t bytes = 64 * KIB; bytes <= 64 * (size_t)MIB; bytes *= 2)
            compare(pool, pool_bytes, bytes, bytes <= 4 * MIB ? most : most / 4 + 1, warm != 0);
    return 0;
}
