/* workloads NAME [N [ARG...]]: runs one workload and prints its wall time and its number of allocations.
 *
 * One binary for all, so that every allocator meets the same code layout. Numbers take the suffixes K, M, G. */
#include "workload.h"

static const struct {
    const char *name;
    workload_fn *run;
} all[] = {
#define WORKLOAD(name) {#name, workload_##name},
#include "workloads.def"
#undef WORKLOAD
};

static uint64_t number(const char *text)
{
    char *end = NULL;
    uint64_t n = strtoull(text, &end, 10);
    switch (*end) {
    case 'K':
        return n << 10;
    case 'M':
        return n << 20;
    case 'G':
        return n << 30;
    default:
        return n;
    }
}

int main(int argc, char **argv)
{
    uint64_t a[6] = {0};
    for (int i = 2; i < argc && i < 8; i++)
        a[i - 2] = number(argv[i]);
    for (size_t i = 0; argc > 1 && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(argv[1], all[i].name) != 0)
            continue;
        uint64_t start = now_ns();
        uint64_t ops = all[i].run(a);
        printf("ns=%llu ops=%llu\n", (unsigned long long)(now_ns() - start), (unsigned long long)ops);
        return 0;
    }
    fputs("usage: workloads NAME N [ARG...], NAME one of:", stderr);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fprintf(stderr, " %s", all[i].name);
    fputs("\n", stderr);
    return 2;
}
