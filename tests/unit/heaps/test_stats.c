/* Statistics: live counts are exact, totals add up, and an older caller's shorter structure is respected. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/child.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/authority.h>
#include <capalloc/heap.h>
#include <capalloc/malloc.h>
#include <capalloc/stats.h>
#include <pthread.h>
#include <string.h>

enum { LARGE_ROW = CAI_CLASSES, BLOCKS = 3000 };

static ca_stats read_stats(void)
{
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    require(stats.struct_size == sizeof stats);
    uint64_t bytes = 0, blocks = 0, rows = 0, made = 0, committed = 0;
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        bytes += stats.place[i].live_bytes;
        blocks += stats.place[i].live_blocks;
        committed += stats.place[i].committed_bytes;
        require(stats.place[i].used_bytes >= stats.place[i].live_bytes);
        require(stats.place[i].used_bytes <= stats.place[i].committed_bytes);
        require(stats.place[i].used_bytes <= stats.place[i].used_bytes_peak);
    }
    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        rows += stats.size_class[i].live_blocks;
        made += stats.size_class[i].allocations;
        require(stats.size_class[i].live_blocks <= stats.size_class[i].allocations);
    }
    require(stats.live_bytes == bytes && stats.live_blocks == blocks && rows == blocks && stats.allocations == made);
    require(stats.committed_bytes == committed && stats.committed_bytes <= stats.committed_bytes_peak);
    return stats;
}

CHILD_TEST(test_D6_live_counts_are_exact, 60)
{
    static void *blocks[BLOCKS];
    static enum cai_place places[BLOCKS];
    struct rng rng = rng_start(11);
    uint64_t live_blocks[CAI_PLACES] = {0};
    uint64_t live_bytes[CAI_PLACES] = {0};
    uint64_t rows[CAI_CLASSES + 1] = {0};
    uint64_t made = 0;

    require(read_stats().live_blocks == 0);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned at = (unsigned)rng_below(&rng, BLOCKS);
        enum cai_place place = places[at];
        if (blocks[at] == NULL) {
            size_t bytes = rng_size(&rng, rng_below(&rng, 100) == 0 ? 19 : 12);
            place = places[at] = (enum cai_place)rng_below(&rng, CAI_PLACES);
            blocks[at] = cai_allocate(place, bytes, false);
            live_blocks[place]++;
            live_bytes[place] += cai_usable(place, blocks[at], "usable");
            rows[bytes <= CAI_SMALL_BYTES_MAX ? cai_class_of(bytes) : LARGE_ROW]++;
            made++;
        } else {
            size_t bytes = cai_usable(place, blocks[at], "usable");
            live_blocks[place]--;
            live_bytes[place] -= bytes;
            rows[bytes <= CAI_SMALL_BYTES_MAX ? cai_class_of(bytes) : LARGE_ROW]--;
            cai_free(place, blocks[at], "free");
            blocks[at] = NULL;
        }
        if (i % 1000 != 0)
            continue;
        ca_stats stats = read_stats();
        for (unsigned k = 0; k < CAI_PLACES; k++)
            require(stats.place[k].live_blocks == live_blocks[k] && stats.place[k].live_bytes == live_bytes[k]);
        for (unsigned k = 1; k <= LARGE_ROW; k++)
            require(stats.size_class[k].live_blocks == rows[k]);
        require(stats.allocations == made && stats.threads == 1 && stats.violations == 0);
    }
}

CHILD_TEST(test_rows_are_classes, 60)
{
    ca_stats stats = read_stats();
    require(stats.size_class[0].slot_bytes == 0);
    for (unsigned i = 1; i < CAI_CLASSES; i++)
        require(stats.size_class[i].slot_bytes == cai_class_bytes(i));
    require(stats.size_class[LARGE_ROW].slot_bytes == SIZE_MAX);
    for (unsigned i = LARGE_ROW + 1; i < CA_STATS_CLASSES_MAX; i++)
        require(stats.size_class[i].slot_bytes == 0);
}

CHILD_TEST(test_shorter_structure, 60)
{
    require(ca_malloc(100) != NULL);
    union {
        ca_stats stats;
        unsigned char bytes[sizeof(ca_stats)];
    } memory;
    static const size_t sizes[] = {sizeof(size_t), offsetof(ca_stats, live_blocks), offsetof(ca_stats, place),
                                   sizeof(ca_stats) - 1};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(&memory, 0xa5, sizeof memory);
        memory.stats.struct_size = sizes[i];
        ca_stats_read(&memory.stats);
        require(memory.stats.struct_size == sizes[i]);
        for (size_t k = sizes[i]; k < sizeof memory; k++)
            require(memory.bytes[k] == 0xa5);
    }
    require(memory.stats.live_blocks == 1);
}

static void *allocate_there(void *unused)
{
    for (unsigned i = 0; i < 500; i++)
        require(ca_malloc(100) != NULL);
    require(read_stats().threads == 2);
    return unused;
}

CHILD_TEST(test_counts_of_all_threads, 60)
{
    pthread_t thread;

    require(ca_malloc(100) != NULL);
    require(pthread_create(&thread, NULL, allocate_there, NULL) == 0 && pthread_join(thread, NULL) == 0);
    ca_stats stats = read_stats();
    require(stats.threads == 1 && stats.live_blocks == 501 && stats.allocations == 501);
}

CHILD_TEST(test_failures_are_not_counted, 60)
{
    void *block = ca_malloc(100);
    for (unsigned i = 0; i < 10; i++)
        require(ca_malloc(PTRDIFF_MAX) == NULL);
    refuse_start();
    ca_free((char *)block + 1);
    ca_stats stats = read_stats();
    require(stats.allocations == 1 && stats.live_blocks == 1 && stats.violations == 1);
}

CHILD_TEST(test_S1_refused_requests_frees_and_peaks, 60)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority heap;
    void *block = ca_malloc(100);
    pthread_t thread;

    for (unsigned i = 0; i < 10; i++)
        require(ca_malloc(PTRDIFF_MAX) == NULL);
    options.quota_bytes = 4096;
    require(ca_heap_create(&options, &heap) == CA_OK);
    require(!ca_is_ok(ca_allocate(heap, ((ca_layout){100000, 16}))));
    ca_free(ca_malloc(1 << 20));
    require(pthread_create(&thread, NULL, allocate_there, NULL) == 0 && pthread_join(thread, NULL) == 0);
    ca_free(block);
    ca_stats stats = read_stats();
    require(stats.failed_requests == 11);
    require(stats.frees == 2 && stats.frees == stats.allocations - stats.live_blocks);
    require(stats.threads == 1 && stats.threads_peak == 2);
    uint64_t live = stats.live_bytes;
    require(stats.live_bytes_peak > live);
    block = ca_malloc(10 << 20);
    require(read_stats().live_bytes_peak >= live + (10 << 20));
    ca_free(block);
    require(read_stats().live_bytes_peak >= live + (10 << 20));
}

CHILD_TEST(test_S1_what_was_asked_for, 60)
{
    for (unsigned i = 0; i < 10000; i++)
        require(ca_malloc(520) != NULL); /* a slot of 576 */
    for (unsigned i = 0; i < 10; i++)
        require(ca_malloc(100001) != NULL);
    ca_stats stats = read_stats();
    require(stats.requested_bytes >= 10000 * 520 + 10 * 100001 && stats.requested_bytes <= 10000 * 520 + 10 * 100016);
}

static struct cai_zone_map maps[CAI_MAP_ZONES];
static struct cai_class_held held[CA_STATS_CLASSES_MAX];

CHILD_TEST(test_S1_a_sample_agrees_with_the_count, 60)
{
    static void *blocks[BLOCKS];
    struct rng rng = rng_start(17);
    ca_stats sample;

    for (unsigned i = 0; i < 20000; i++) {
        unsigned at = (unsigned)rng_below(&rng, BLOCKS);
        if (blocks[at] == NULL)
            blocks[at] = ca_malloc(rng_size(&rng, rng_below(&rng, 100) == 0 ? 19 : 12));
        else {
            ca_free(blocks[at]);
            blocks[at] = NULL;
        }
        if (i % 1000 != 0)
            continue;
        require(cai_stats_sample(&sample, maps, held, false));
        ca_stats stats = read_stats();
        require(sample.live_blocks == stats.live_blocks && sample.live_bytes == stats.live_bytes);
        require(memcmp(sample.size_class, stats.size_class, sizeof stats.size_class) == 0);
        require(memcmp(sample.place, stats.place, sizeof stats.place) == 0);
    }
}

CHILD_TEST(test_S2_a_map_has_every_unit, 60)
{
    ca_stats sample;
    void *large = ca_malloc(50 * CAI_UNIT_BYTES);

    require(large != NULL && ca_malloc(100) != NULL);
    require(cai_stats_sample(&sample, maps, held, false));
    uint64_t kinds[CAI_MAP_KINDS] = {0};
    for (unsigned zone = 0; zone < CAI_MAP_ZONES; zone++) {
        uint32_t units = 0;
        for (unsigned kind = 0; kind < CAI_MAP_KINDS; kind++) {
            units += maps[zone].kind[kind];
            kinds[kind] += maps[zone].kind[kind];
        }
        require(units == maps[zone].units);
    }
    require(kinds[CAI_MAP_LARGE] == 50 && kinds[CAI_MAP_SLAB] != 0);
    const struct cai_zone_map *coarse = &maps[1];
    unsigned shown = 0;
    for (unsigned cell = 0; cell < CAI_MAP_CELLS; cell++)
        shown += coarse->cell[cell] == CAI_MAP_LARGE;
    uint64_t exact = (uint64_t)50 * CAI_MAP_CELLS / coarse->units;
    require(shown >= exact && shown <= exact + 1);
}

/* The slab of some blocks of one class, and the run of a large one. */
CHILD_TEST(test_S2_a_map_says_class_and_fill, 60)
{
    enum { TAKEN = 40, EACH = 1000 };
    unsigned row = (unsigned)cai_class_of(EACH);
    ca_stats sample;

    for (unsigned i = 0; i < TAKEN; i++)
        require(ca_malloc(EACH) != NULL);
    require(ca_malloc(50 * CAI_UNIT_BYTES) != NULL);
    require(cai_stats_sample(&sample, maps, held, false));
    unsigned cells = 0;
    for (unsigned cell = 0; cell < CAI_MAP_CELLS; cell++)
        if (maps[0].cell[cell] == CAI_MAP_SLAB && maps[0].row[cell] == row) {
            require(maps[0].fill[cell] != 0);
            cells++;
        } else {
            require(maps[0].cell[cell] == CAI_MAP_SLAB || maps[0].fill[cell] == 0);
        }
    require(cells != 0);
    require(held[row].bytes >= TAKEN * cai_class_bytes(row) && held[row].bytes % CAI_UNIT_BYTES == 0);
    require(held[row].requested_bytes >= TAKEN * EACH && held[row].requested_bytes <= held[row].bytes);
    const struct cai_class_held *large = &held[CAI_CLASSES];
    require(large->bytes == 50 * CAI_UNIT_BYTES && large->requested_bytes == 50 * CAI_UNIT_BYTES);
}

/* As when a violation is reported in a signal handler that interrupted whoever holds the lock. */
CHILD_TEST(test_S1_a_sample_waits_for_no_lock, 20)
{
    ca_stats sample;

    require(ca_malloc(100) != NULL);
    cai_lock_take(&cai_zones[CAI_ZONES - 1].lock);
    require(!cai_stats_sample(&sample, maps, held, false));
    cai_lock_give(&cai_zones[CAI_ZONES - 1].lock);
    require(cai_stats_sample(&sample, maps, held, false) && sample.live_blocks == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D6_live_counts_are_exact),
        cmocka_unit_test(test_rows_are_classes),
        cmocka_unit_test(test_shorter_structure),
        cmocka_unit_test(test_counts_of_all_threads),
        cmocka_unit_test(test_failures_are_not_counted),
        cmocka_unit_test(test_S1_refused_requests_frees_and_peaks),
        cmocka_unit_test(test_S1_what_was_asked_for),
        cmocka_unit_test(test_S1_a_sample_agrees_with_the_count),
        cmocka_unit_test(test_S2_a_map_has_every_unit),
        cmocka_unit_test(test_S2_a_map_says_class_and_fill),
        cmocka_unit_test(test_S1_a_sample_waits_for_no_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
