/* Housekeeping: free memory goes back after a while when the program does anything at all, and at once when asked. */
#include "unit/unit.h"

#include "core/settings.h"
#include "heaps/heaps.h"
#include "pages/commit.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "support/audit.h"
#include "support/child.h"

#include <capalloc/malloc.h>
#include <capalloc/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 3000 };

static void *blocks[BLOCKS];

static void run(void (*body)(const void *), const void *argument)
{
    struct child child;

    child_run(&child, 60, body, argument);
    assert_true(child_succeeded(&child));
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

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

static void trim_at_once(const void *argument)
{
    size_t bytes = *(const size_t *)argument;

    use(bytes);
    size_t given = ca_trim();
    require(given > 0 && cai_purged_bytes() >= BLOCKS * bytes / 2); /* some went before, being too much to keep */
    require(committed() == 0 && resident(bytes) == 0);
    require_null(audit_all());
    require(ca_trim() == 0);
    use(bytes); /* and it all works again */
    require_null(audit_all());
}

static void test_D6_trim_gives_back_at_once(void **state)
{
    static const size_t sizes[] = {16, 200, 1024, 5000, 30000, 40000, 100000};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        run(trim_at_once, &sizes[i]);
}

static void trim_keeps_live(const void *unused)
{
    (void)unused;
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

static void test_D6_trim_leaves_live_blocks(void **state)
{
    (void)state;
    run(trim_keeps_live, NULL);
}

/* The program goes on with a little of something else: after the decay, what it had freed is gone. */
static void decay(const void *argument)
{
    size_t bytes = *(const size_t *)argument;
    bool gone = false;

    setenv(CAI_SETTINGS_ENV, "decay=40", 1);
    use(bytes);
    size_t before = resident(bytes);
    for (unsigned i = 0; i < 200 && !gone; i++) {
        pause_ms(10);
        for (unsigned k = 0; k < 20; k++)
            ca_free(ca_malloc(64));
        gone = resident(bytes) <= before / 4; /* an empty slab may stay */
    }
    if (!gone) {
        char text[100];
        snprintf(text, sizeof text, "blocks of %zu bytes: %zu of %zu pages stay", bytes, resident(bytes), before);
        child_fail(__FILE__, __LINE__, text);
    }
    require_null(audit_all());
}

static void test_D6_decay(void **state)
{
    static const size_t sizes[] = {200, 5000, 30000, 40000, 100000};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        run(decay, &sizes[i]);
}

/* Young free memory stays: taking it again costs no page fault. */
static void young(const void *unused)
{
    (void)unused;
    setenv(CAI_SETTINGS_ENV, "decay=3600000", 1);
    use(5000);
    size_t before = resident(5000);
    for (unsigned i = 0; i < 5000; i++)
        ca_free(ca_malloc(64));
    require(resident(5000) >= before / 10 * 9);
}

static void test_D6_young_memory_stays(void **state)
{
    (void)state;
    run(young, NULL);
}

/* With the helper, an idle program gives back, too. */
static void helper(const void *unused)
{
    bool gone = false;

    (void)unused;
    setenv(CAI_SETTINGS_ENV, "decay=40,helper", 1);
    use(100000);
    for (unsigned i = 0; i < 300 && !gone; i++) {
        pause_ms(10);
        gone = resident(100000) <= BLOCKS;
    }
    require(gone);
}

static void test_D6_helper(void **state)
{
    (void)state;
    run(helper, NULL);
}

/* The limit holds, and what was freed makes room again. */
static void limit(const void *unused)
{
    char *kept[1000];
    unsigned count = 0;

    (void)unused;
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

static void test_D5_limit(void **state)
{
    (void)state;
    run(limit, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D6_trim_gives_back_at_once),
        cmocka_unit_test(test_D6_trim_leaves_live_blocks),
        cmocka_unit_test(test_D6_decay),
        cmocka_unit_test(test_D6_young_memory_stays),
        cmocka_unit_test(test_D6_helper),
        cmocka_unit_test(test_D5_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
