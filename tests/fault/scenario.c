/* See scenario.h. What fails is checked to have failed in the documented way, then the work goes on without it. */
#include "fault/scenario.h"

#include "fault/faults.h"
#include "heaps/heaps.h"
#include "pages/run.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"

#include <capalloc/malloc.h>
#include <capalloc/stats.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { SMALL = 300, MEDIUM = 16, LARGE = 6, HELD = SMALL + MEDIUM + LARGE + 60 };

static struct held {
    char *block;
    size_t bytes;
} held[HELD];
static unsigned failures; /* of the main thread */

/* What zones have of the system. */
static struct taken {
    size_t bytes;
    uint64_t units_table, frontier, skips;
} taken_before;

static struct taken look(void)
{
    struct taken taken = {fault_mapped_bytes(), 0, 0, 0};

    for (unsigned i = 0; i < CAI_ZONES; i++) {
        taken.units_table += cai_zones[i].units_table;
        taken.frontier += cai_zones[i].frontier > 1 ? cai_zones[i].frontier : 0;
        taken.skips += cai_zones[i].skips;
    }
    return taken;
}

/* A call that failed has taken nothing; of what it found free it may have given some back. */
static void check_nothing_taken(void)
{
    struct taken now = look();

    /* Where the library did not start because it could not unmap a probe, that stays. */
    require(now.bytes <= taken_before.bytes || cai_sealed.shift == 0);
    require(now.units_table == taken_before.units_table && now.frontier == taken_before.frontier &&
            now.skips == taken_before.skips);
}

static void *checked(void *block)
{
    if (block == NULL) {
        require(errno == ENOMEM);
        check_nothing_taken();
        failures++;
    } else {
        require(errno == 77);
    }
    errno = 77;
    return block;
}

#define CHECKED(call) (taken_before = look(), checked(call))
#define HOLD(i, call, bytes) (taken_before = look(), hold(i, call, bytes))

static void hold(unsigned i, void *block, size_t bytes)
{
    held[i] = (struct held){checked(block), bytes};
    if (block != NULL)
        content_fill(block, 0, bytes, i);
}

static void check_held(void)
{
    for (unsigned i = 0; i < HELD; i++)
        require(held[i].block == NULL || content_holds(held[i].block, held[i].bytes, i));
}

static void release(unsigned i)
{
    require(held[i].block == NULL || content_holds(held[i].block, held[i].bytes, i));
    ca_free(held[i].block);
    require(errno == 77);
    held[i].block = NULL;
}

static void audit(void)
{
    require_null(audit_all());
    check_held();
}

static void allocate_all(void)
{
    unsigned i = 0;

    for (; i < SMALL; i++)
        HOLD(i, i % 3 == 0 ? ca_calloc(1, 20 + i % 7 * 90) : ca_malloc(20 + i % 7 * 90), 20 + i % 7 * 90);
    for (; i < SMALL + MEDIUM; i++)
        HOLD(i, ca_malloc((i - SMALL) * 2000), (i - SMALL) * 2000);
    for (; i < SMALL + MEDIUM + LARGE; i++) {
        size_t bytes = 33000 + (i - SMALL - MEDIUM) * 80000;
        HOLD(i, i % 2 == 0 ? ca_calloc(bytes, 1) : ca_malloc(bytes), bytes);
    }
    for (size_t align = 32; align <= CAI_MIB / 2; align *= 4, i++)
        HOLD(i, ca_aligned_alloc(align, align / 2 + 100), align / 2 + 100);
    audit();
}

/* One block grows, and something stands in its way again and again. */
static void grow(void)
{
    unsigned grower = HELD - 1;
    unsigned wall = HELD - 40;

    HOLD(grower, ca_malloc(100), 100);
    for (size_t bytes = 150; held[grower].block != NULL && bytes < 3 * CAI_MIB / 2; bytes = bytes * 7 / 4) {
        char *grown = CHECKED(ca_realloc(held[grower].block, bytes));
        if (grown == NULL) {
            check_held();
            continue;
        }
        require(content_holds(grown, held[grower].bytes, grower));
        held[grower] = (struct held){grown, bytes};
        content_fill(grown, 0, bytes, grower);
        if (wall < grower - 1 && held[wall].block == NULL)
            HOLD(wall, ca_malloc(bytes / 2 + 40000), bytes / 2 + 40000);
        wall++;
    }
    audit();
    for (size_t bytes = held[grower].bytes; held[grower].block != NULL && bytes > 50; bytes /= 4) {
        char *shrunk = CHECKED(ca_realloc(held[grower].block, bytes));
        if (shrunk != NULL)
            held[grower] = (struct held){shrunk, bytes};
    }
    audit();
}

static void other_places(void)
{
    for (enum cai_place place = CAI_PLACE_nocaps; place < CAI_PLACES; place++)
        for (size_t bytes = 100; bytes < CAI_MIB; bytes *= 12) {
            char *block = cai_allocate(place, bytes, true);
            if (block == NULL) {
                failures++;
                continue;
            }
            require(content_is_zero(block, bytes));
            memset(block, 0xff, bytes);
            char *resized = cai_resize(place, block, 3 * bytes, "realloc");
            failures += resized == NULL;
            cai_free(place, resized != NULL ? resized : block, "free");
        }
    audit();
}

/* Takes its own, frees the main thread's, ends. */
static void *in_thread(void *unused)
{
    char *blocks[50];

    errno = 77;
    for (unsigned i = 0; i < 50; i++) {
        blocks[i] = ca_malloc(i * 1000);
        require(blocks[i] != NULL ? errno == 77 : errno == ENOMEM);
        errno = 77;
        if (blocks[i] != NULL)
            memset(blocks[i], 1, i * 1000);
    }
    for (unsigned i = 0; i < HELD / 2; i++)
        release(i);
    for (unsigned i = 0; i < 50; i++)
        ca_free(blocks[i]);
    return unused;
}

static void with_thread(void)
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, in_thread, NULL) == 0);
    require(pthread_join(thread, NULL) == 0);
    audit();
}

static void release_all(void)
{
    for (unsigned i = 0; i < HELD; i++)
        release(i);
    audit();
    ca_trim();
    audit();
}

/* Whatever failed: no block is live, and no run in use. */
static bool nothing_is_lost(void)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    for (unsigned i = 0; i < CAI_ZONES; i++)
        if (cai_zones[i].used_units != 0)
            return false;
    return stats.live_blocks == 0;
}

struct scenario scenario_run(void)
{
    errno = 77;
    allocate_all();
    grow();
    other_places();
    require_null(audit_zeros(true));
    with_thread();
    ca_trim();
    audit();
    release_all();
    unsigned before = failures;
    allocate_all();
    release_all();
    require(nothing_is_lost());
    return (struct scenario){.started = cai_sealed.shift != 0, .failures = failures, .late = failures - before};
}
