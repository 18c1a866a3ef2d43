/* A program that lives long and goes on replacing blocks, most of them large, never holds more than a little: what the
 * allocator maps, spans and keeps books about must not creep up with the number of operations.
 *
 * After a warm-up the most of each is noted; two and a half times as many operations later it may be half as
 * much again and 64 MiB. What creeps passes that many times over.
 */
#include <capalloc/capalloc.h>

#include "base/bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 300, WARM_UP = 60000, OPERATIONS = 150000 };

static uint64_t state = 12345;

static uint64_t dice(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

struct most {
    size_t committed;
    size_t bookkeeping;
    size_t span; /* of the addresses of large blocks */
};

static void *slots[SLOTS];
static uintptr_t lowest = UINTPTR_MAX, highest;

static void replace(size_t slot)
{
    size_t size = dice() % 5 == 0 ? dice() % 4000 : dice() % 3000000;

    if (dice() % 8 == 0) {
        slots[slot] = ca_realloc(slots[slot], size + 1);
    } else {
        ca_free(slots[slot]);
        slots[slot] = ca_malloc(size);
    }
    if (slots[slot] == NULL) {
        fprintf(stderr, "creep: no memory for %zu bytes\n", size);
        exit(1);
    }
    if (size > 1000000) {
        lowest = cai_min(lowest, (uintptr_t)slots[slot]);
        highest = cai_max(highest, (uintptr_t)slots[slot]);
    }
}

static struct most run(unsigned operations)
{
    struct most most = {0, 0, 0};
    ca_stats stats = CA_STATS_INIT;

    for (unsigned i = 0; i < operations; i++) {
        replace(dice() % SLOTS);
        if (i % 500 == 0) {
            ca_stats_read(&stats);
            most.committed = cai_max(most.committed, stats.committed_bytes);
            most.bookkeeping = cai_max(most.bookkeeping, stats.metadata_bytes);
        }
    }
    most.span = highest - lowest;
    return most;
}

static int grew(const char *what, size_t before, size_t after)
{
    printf("creep: %s at most %zu MiB, later %zu MiB\n", what, before >> 20, after >> 20);
    return after > before + before / 2 + 64 * CAI_MIB;
}

int main(void)
{
    struct most before = run(WARM_UP);
    struct most after = run(OPERATIONS);
    int bad = grew("mapped", before.committed, after.committed);

    bad |= grew("bookkeeping", before.bookkeeping, after.bookkeeping);
    bad |= grew("addresses", before.span, after.span);
    return bad;
}
