/* Housekeeping: free memory goes back after a while when the program does anything at all, and at once when asked. */
#include "unit/unit.h"

#include "core/settings.h"
#include "heaps/heaps.h"
#include "pages/commit.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "support/audit.h"
#include "support/threads.h"

#include <capalloc/malloc.h>
#include <capalloc/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The clock, while a test has stopped it. */
static uint64_t stopped_ms;

uint64_t __real_cai_os_milliseconds(void);
uint64_t __wrap_cai_os_milliseconds(void);

uint64_t __wrap_cai_os_milliseconds(void)
{
    return stopped_ms != 0 ? stopped_ms : __real_cai_os_milliseconds();
}

enum { BLOCKS = 3000 };

static void *blocks[BLOCKS];

static size_t committed(void)
{
    return cai_committed_bytes();
}

/* How many of the pages at the addresses of all blocks are resident; stale addresses, so they may be unmapped. */
static size_t resident(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    unsigned char in_core;

    for (unsigned i = 0; i < BLOCKS; i++) {
        uintptr_t at = (uintptr_t)blocks[i] & ~(page - 1);
        for (uintptr_t end = (uintptr_t)blocks[i] + bytes; at < end; at += page)
            count += mincore((void *)at, 1, &in_core) == 0 && (in_core & 1);
    }
    return count;
}

static void use(size_t bytes)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = ca_malloc(bytes);
        require(blocks[i] != NULL);
        memset(blocks[i], 1, bytes);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        ca_free(blocks[i]);
}

static const size_t trimmed[] = {16, 200, 1024, 5000, 30000, 40000, 100000};

CHILD_TEST_EACH(test_D6_trim_gives_back_at_once, 60, trimmed)
{
    use(value);
    size_t given = ca_trim();
    require(given > 0 && cai_purged_bytes() >= BLOCKS * value / 2); /* some went before, being too much to keep */
    require(committed() == 0 && resident(value) == 0);
    require_null(audit_all());
    require(ca_trim() == 0);
    use(value); /* and it all works again */
    require_null(audit_all());
}

CHILD_TEST(test_D6_trim_leaves_live_blocks, 60)
{
    char *kept[100];
    for (unsigned i = 0; i < 100; i++) {
        use(100);
        kept[i] = ca_malloc(i * 1000);
        memset(kept[i], (int)i, i * 1000);
    }
    ca_trim();
    for (unsigned i = 0; i < 100; i++)
        for (unsigned k = 0; k < i * 1000; k++)
            require(kept[i][k] == (char)i);
    require_null(audit_all());
}

/* The program goes on with a little of something else: after the decay, what it had freed is gone. */
static const size_t decaying[] = {200, 5000, 30000, 40000, 100000};

CHILD_TEST_EACH(test_D6_decay, 60, decaying)
{
    bool gone = false;

    setenv(CAI_SETTINGS_ENV, "decay=40", 1);
    use(value);
    size_t before = resident(value);
    for (unsigned i = 0; i < 200 && !gone; i++) {
        pause_ms(10);
        for (unsigned k = 0; k < 20; k++)
            ca_free(ca_malloc(64));
        gone = resident(value) <= before / 4; /* an empty slab may stay */
    }
    if (!gone) {
        char text[100];
        snprintf(text, sizeof text, "blocks of %zu bytes: %zu of %zu pages stay", value, resident(value), before);
        child_fail(__FILE__, __LINE__, text);
    }
    require_null(audit_all());
}

/* Young free memory stays: taking it again costs no page fault. */
CHILD_TEST(test_D6_young_memory_stays, 60)
{
    setenv(CAI_SETTINGS_ENV, "decay=3600000", 1);
    use(5000);
    size_t before = resident(5000);
    for (unsigned i = 0; i < 5000; i++)
        ca_free(ca_malloc(64));
    require(resident(5000) >= before / 10 * 9);
}

/* With the helper, an idle program gives back, too. */
CHILD_TEST(test_D6_helper, 60)
{
    bool gone = false;

    setenv(CAI_SETTINGS_ENV, "decay=40,helper", 1);
    use(100000);
    for (unsigned i = 0; i < 300 && !gone; i++) {
        pause_ms(10);
        gone = resident(100000) <= BLOCKS;
    }
    require(gone);
}

/* The limit holds, and what was freed makes room again. */
CHILD_TEST(test_D5_limit, 60)
{
    char *kept[1000];
    unsigned count = 0;

    setenv(CAI_SETTINGS_ENV, "limit=64M", 1);
    while (count < 1000 && (kept[count] = ca_malloc(1000000)) != NULL)
        memset(kept[count++], 1, 1000000);
    require(count > 50 && count < 68 && committed() <= 64 * CAI_MIB);
    require(ca_malloc(CAI_GIB) == NULL);
    for (unsigned i = 0; i < count; i++)
        ca_free(kept[i]);
    for (unsigned i = 0; i < 100; i++) {
        char *block = ca_malloc(60000000); /* all of it, in one piece */
        require(block != NULL);
        block[59999999] = 1;
        ca_free(block);
        for (unsigned k = 0; k < 1000; k++)
            kept[k] = ca_malloc(40000);
        for (unsigned k = 0; k < 1000; k++)
            ca_free(kept[k]);
    }
    require(committed() <= 64 * CAI_MIB);
    require_null(audit_all());
}

/* --- when a thread looks --- */

/* Allocations since the start, as the statistics count them. */
static uint64_t allocations(const struct cai_heap *heap)
{
    return cai_bin_allocations(heap, CAI_PLACE_ordinary, 5);
}

/* Who allocates much looks at the clock ever more rarely, who allocates little soon again; and nothing is counted
 * twice. */
CHILD_TEST(test_the_next_look_is_later_or_sooner, 10)
{
    struct cai_thread *thread = cai_life_attach();
    struct cai_bin *bin = &thread->owner.heap.bins[CAI_PLACE_ordinary][5];

    stopped_ms = thread->owner.tick_ms = 1000000;
    for (int32_t period = 1; period < 512; period = period * 2 + 1) {
        stopped_ms += 49;
        uint64_t before = allocations(&thread->owner.heap);
        cai_housekeeping_due(&thread->owner, bin);
        require(bin->period == period && bin->countdown == period && allocations(&thread->owner.heap) == before);
        bin->countdown = -1; /* used up, and one more */
    }
    require(bin->period == 511);
    stopped_ms += 50;
    uint64_t before = allocations(&thread->owner.heap);
    cai_housekeeping_due(&thread->owner, bin);
    require(bin->period == 511 / 8 && bin->countdown == bin->period && allocations(&thread->owner.heap) == before);
}

CHILD_TEST(test_D6_memory_that_became_free_is_looked_at_soon, 10)
{
    struct cai_heap *heap = &cai_life_attach()->owner.heap;
    struct cai_bin *far = &heap->bins[CAI_PLACE_ordinary][5];
    struct cai_bin *near = &heap->bins[CAI_PLACE_secret][70];

    heap->used_bins[CAI_PLACE_ordinary][0] = UINT64_C(1) << 5;
    heap->used_bins[CAI_PLACE_secret][1] = UINT64_C(1) << (70 - 64);
    heap->armed = true;
    *far = (struct cai_bin){.period = 500, .countdown = 400};
    *near = (struct cai_bin){.period = 500, .countdown = 15};
    uint64_t before = allocations(heap);
    cai_housekeeping_arm(heap);
    require(!heap->armed && far->countdown == 16 && allocations(heap) == before);
    require(near->countdown == 15 && near->period == 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(test_D6_trim_gives_back_at_once),
        alone(test_D6_trim_leaves_live_blocks),
        alone(test_D6_decay),
        alone(test_D6_young_memory_stays),
        cmocka_unit_test(test_D6_helper),
        alone(test_D5_limit),
        alone(test_the_next_look_is_later_or_sooner),
        alone(test_D6_memory_that_became_free_is_looked_at_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
