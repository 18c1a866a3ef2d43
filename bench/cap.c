/* What the software model of a capability costs: one loop per operation, compiled twice, soft and plain; the script
 * `capabilities` counts the instructions of both. The loop and its index are part of what is counted.
 *
 *     cap_soft WORKLOAD TIMES       pair, load, store, load_cap, store_cap
 */
#include <capalloc/capalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 64, SLOT = 16 };

struct cell {
    char bytes[64];
};

static ca_authority heap;
static ca_cap block;
static uint64_t sum;

static void pair(size_t times)
{
    for (size_t i = 0; i < times; i++) {
        ca_cap cap = ca_cap_unwrap(ca_cap_allocate(heap, CA_LAYOUT_OF(struct cell)));
        ca_cap_deallocate(cap);
    }
}

static void load(size_t times)
{
    for (size_t i = 0; i < times; i++) {
        uint64_t value = 0;
        ca_cap_load_u64(block, (ptrdiff_t)(i % SLOTS) * SLOT, &value);
        sum += value;
    }
}

static void store(size_t times)
{
    for (size_t i = 0; i < times; i++)
        ca_cap_store_u64(block, (ptrdiff_t)(i % SLOTS) * SLOT, i);
}

static void load_cap(size_t times)
{
    for (size_t i = 0; i < times; i++) {
        ca_cap value;
        ca_cap_load_cap(block, (ptrdiff_t)(i % SLOTS) * SLOT, &value);
        __asm__ volatile("" : : "m"(value)); /* it is used */
    }
}

static void store_cap(size_t times)
{
    for (size_t i = 0; i < times; i++)
        ca_cap_store_cap(block, (ptrdiff_t)(i % SLOTS) * SLOT, block);
}

static const struct {
    const char *name;
    void (*run)(size_t times);
} workloads[] = {{"pair", pair}, {"load", load}, {"store", store}, {"load_cap", load_cap}, {"store_cap", store_cap}};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    heap = ca_default_authority();
    block = ca_cap_unwrap(ca_cap_allocate_zeroed(heap, (ca_layout){SLOTS * SLOT, 16}));
    for (size_t i = 0; i < SLOTS; i++)
        ca_cap_store_cap(block, (ptrdiff_t)i * SLOT, block);
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (strcmp(argv[1], workloads[i].name) == 0) {
            workloads[i].run(strtoul(argv[2], NULL, 0));
            return sum == 1;
        }
    return 2;
}
