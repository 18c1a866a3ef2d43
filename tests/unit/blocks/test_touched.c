/* Clearing what was touched, and nothing else; and all of it where the kernel does not tell. */
#include "unit/unit.h"

#include "base/bits.h"
#include "blocks/touched.h"
#include "os/os.h"
#include "support/child.h"
#include "support/content.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES (64 * CAI_MIB)

/* What the kernel is made to say. */
static enum { NOT_ASKED, TELLS, REFUSES, STOPS, KNOWS_OTHERS, SWAPPED } mood;
static unsigned asked;

int __real_cai_os_open(const char *path);
int __wrap_cai_os_open(const char *path);
int __wrap_cai_os_open(const char *path)
{
    require(mood != NOT_ASKED);
    asked = 0;
    return mood == REFUSES ? -1 : __real_cai_os_open(path);
}

long __real_cai_os_read_at(int handle, void *buffer, size_t size, uint64_t offset);
long __wrap_cai_os_read_at(int handle, void *buffer, size_t size, uint64_t offset);
long __wrap_cai_os_read_at(int handle, void *buffer, size_t size, uint64_t offset)
{
    long got = __real_cai_os_read_at(handle, buffer, size, offset);
    uint64_t *entries = buffer;
    size_t pages = size / sizeof *entries;

    asked++;
    for (size_t i = 0; i < pages && mood == KNOWS_OTHERS; i++)
        entries[i] = 0;
    for (size_t i = 0; i < pages && mood == SWAPPED; i++)
        entries[i] = cai_os_is_touched(entries[i]) ? (uint64_t)1 << 62 : 0;
    return mood == STOPS && asked > 3 ? -1 : got;
}

static ca_stats stats(void)
{
    ca_stats now = CA_STATS_INIT;

    ca_stats_read(&now);
    return now;
}

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t all, resident;

    require(file != NULL && fscanf(file, "%zu %zu", &all, &resident) == 2 && fclose(file) == 0);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static ca_secret take(size_t bytes)
{
    return ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){bytes, 16}));
}

/* Before the library starts. False: the system hides what a process has touched (no /proc, or not its own). */
static bool set_mood(unsigned wanted)
{
    mood = wanted;
    if (mood == NOT_ASKED)
        return unsetenv("CAPALLOC_OPTIONS") == 0;
    int handle = __real_cai_os_open("/proc/self/pagemap");
    if (handle >= 0)
        cai_os_close(handle);
    return setenv("CAPALLOC_OPTIONS", "pagemap", 1) == 0 && handle >= 0;
}

static const unsigned moods[] = {NOT_ASKED, TELLS, REFUSES, STOPS, KNOWS_OTHERS, SWAPPED};

CHILD_TEST_EACH(test_Z10_what_was_never_touched_is_not_touched_to_clear_it, 60, moods)
{
    if (!set_mood(value))
        return;
    for (unsigned i = 0; i < 3; i++) {
        ca_secret block = take(BYTES);
        size_t resident = resident_bytes();
        ca_stats before = stats();
        if (i == 1)
            ca_deallocate(ca_wipe(&block));
        else
            ca_deallocate_zeroed(block);
        require(resident_bytes() < resident + CAI_MIB);
        require(stats().bytes_cleared <= before.bytes_cleared + CAI_MIB);
        require(stats().bytes_clear_skipped >= before.bytes_clear_skipped + BYTES - CAI_MIB);
    }
}

/* Some pages, and some that are swapped out, and the odd ends of the range. */
static void touch_and_clear(struct rng *rng, bool is_fresh)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ca_secret block = take(BYTES / 8);
    char *text = block.ptr;
    uint64_t before = stats().bytes_cleared;
    size_t touched = 0;

    for (size_t at = 0; at < block.size; at += page)
        if (rng_below(rng, 3) == 0) {
            text[at + rng_below(rng, (unsigned)page)] = 1;
            touched += page;
        }
    ca_wiped wiped = ca_wipe(&block);
    uint64_t cleared = stats().bytes_cleared - before;
    require(cleared >= touched);
    if (is_fresh || mood == NOT_ASKED)
        require(cleared <= touched + page);
    require(content_is_zero(wiped.ptr, wiped.size));
    ca_deallocate(wiped);
}

CHILD_TEST_EACH(test_Z10_what_was_touched_is_cleared, 60, moods)
{
    struct rng rng = rng_start(value);

    if (!set_mood(value))
        return;
    for (unsigned i = 0; i < 20; i++)
        touch_and_clear(&rng, i == 0); /* later ones are of memory that was touched before */
}

/* All that was visited, in the order of addresses. */
static unsigned char visited[4 * CAI_MIB / 64];
static char *visited_from;

static size_t visit(char *from, size_t bytes)
{
    struct cai_touched touched;
    size_t length;

    memset(visited, 0, sizeof visited);
    cai_touched_start(&touched, from, bytes);
    for (char *at; (at = cai_touched_next(&touched, &length)) != NULL;)
        for (size_t i = 0; i < length; i += 64)
            visited[(size_t)(at + i - visited_from) / 64] = 1;
    return touched.left_out;
}

CHILD_TEST_EACH(test_Z10_the_ends_of_a_range_are_anywhere, 60, moods)
{
    if (!set_mood(value) || value == STOPS)
        return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ca_secret block = take(4 * CAI_MIB);
    size_t from = page * 3 + 64;
    size_t bytes = 3 * CAI_MIB + 128;

    bool told = value == TELLS || value == SWAPPED;
    visited_from = block.ptr;
    ((char *)block.ptr)[page * 9] = 1;
    size_t left_out = visit(visited_from + from, bytes);
    size_t count = 0;
    for (size_t i = 0; i < sizeof visited; i++) {
        bool inside = i * 64 >= from && i * 64 < from + bytes;
        bool in_first = i * 64 >= from &&
                        i * 64 < (told ? 5 : 4) * page; /* what lies before whole pages, and the one asked about */
        bool in_ninth = i * 64 / page == 9;
        bool in_last = i * 64 >= (from + bytes) / page * page && inside;
        require(visited[i] == (in_first || in_ninth || in_last));
        count += visited[i];
    }
    require(left_out == bytes - count * 64);
    require(visit(visited_from, CAI_TOUCHED_BYTES_ABOVE) == 0); /* too short to ask */
    for (size_t i = 0; i < sizeof visited; i++)
        require(visited[i] == (i * 64 < CAI_TOUCHED_BYTES_ABOVE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z10_what_was_never_touched_is_not_touched_to_clear_it),
        cmocka_unit_test(test_Z10_what_was_touched_is_cleared),
        cmocka_unit_test(test_Z10_the_ends_of_a_range_are_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
