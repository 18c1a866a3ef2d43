// Writes into the table that `capalloc run` shares with it, as a program gone wrong or an attacker would, and leaves.
//   scribble SEED HOW     HOW: "bytes" here and there, "extremes" in place of numbers, "texts" that command a terminal;
//                         "all": noise, but for the pid by which the page is found
// With a third argument it stays until its input ends, so that others can look.
#include "heaps/channel.h"
#include "support/rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rng rng;

static void *at(char *page, size_t bytes, size_t each)
{
    return page + rng_next(&rng) % (bytes / each) * each;
}

static void scribble(char *page, size_t bytes, const char *how)
{
    static const uint64_t extremes[] = {0, 1, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX, UINT32_MAX, 65536};
    static const char text[] = "\033[2J\033]0;x\a\2331m\302\2331m\r\n</script><img onerror=x>\377\n\302";

    for (size_t n = strcmp(how, "all") == 0 ? bytes / 8 : rng_next(&rng) % 2000; n-- > 0;)
        if (strcmp(how, "extremes") == 0)
            *(uint64_t *)at(page, bytes, 8) = extremes[rng_next(&rng) % (sizeof extremes / sizeof *extremes)];
        else if (strcmp(how, "texts") == 0)
            memcpy(at(page, bytes - sizeof text, 8), text, sizeof text - 1);
        else if (strcmp(how, "bytes") == 0)
            *(char *)at(page, bytes, 1) = (char)rng_next(&rng);
        else
            ((uint64_t *)(void *)page)[n] = rng_next(&rng);
}

int main(int argc, char **argv)
{
    int fd = open(getenv(CAI_CHANNEL_ENV), O_RDWR);
    struct stat stat;

    if (argc < 3 || fd < 0 || fstat(fd, &stat) != 0)
        return 1;
    struct cai_channel_table *table = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (table == MAP_FAILED)
        return 1;
    rng = rng_start(strtoull(argv[1], NULL, 10));
    struct cai_channel *page = cai_channel_at(table, 0);
    const struct cai_channel was = {.pid = page->pid, .state = page->state, .interposed = page->interposed};
    scribble((char *)page, table->page_bytes, argv[2]);
    page->pid = was.pid;
    if (rng_next(&rng) % 4 != 0) { /* or else it would mostly count as unused */
        page->state = was.state;
        page->interposed = was.interposed;
        page->turn |= 1;
    }
    table->violations = table->findings = rng_next(&rng) % 3;
    if (argc > 3) {
        puts("done");
        fflush(stdout);
        getchar();
    }
    _exit(0);
}
