/* `again SIZE`: a large block is taken, written to in all of its pages, and given back again and again. Says whether
 * its pages came in anew each time, and whether there are more mappings afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WARM = 20, TIMES = 100, PAGE = 4096, SHARE = 4, MORE = 10 };

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static long mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    long lines = 0;

    for (int byte; (byte = fgetc(maps)) != EOF;)
        lines += byte == '\n';
    fclose(maps);
    return lines;
}

static void use(size_t size, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        free(memset(malloc(size), 'a', size));
}

int main(int count, char **words)
{
    size_t size = count == 2 ? strtoul(words[1], NULL, 10) : 0;

    use(size, WARM);
    long had = mappings();
    long first = faults();
    use(size, TIMES);
    printf("%s, ", faults() - first < TIMES * (long)(size / PAGE) / SHARE ? "kept" : "anew");
    puts(mappings() - had < MORE ? "no more mappings" : "more mappings");
    return 0;
}
