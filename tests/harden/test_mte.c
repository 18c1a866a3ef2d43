/* What the processor's tags find (H11), where processor and kernel have them: each crime in a child, which ends by a
 * line of the library's. Linked with the hardened library, under its own names.
 */
#include "tags.h"

#include "support/threads.h"

#include <signal.h>

/* Skips what follows where there are none. */
#define ONLY_WITH_TAGS()                                                                                               \
    do {                                                                                                               \
        if (!processor_has_tags())                                                                                     \
            skip();                                                                                                    \
    } while (0)

struct crime {
    void (*commit)(const struct crime *);
    const char *checks;
    size_t bytes;
    long offset;
    bool write;
};

static void commit(const void *crime)
{
    const struct crime *it = crime;

    start(it->checks);
    it->commit(it);
}

/* It is ended by this line; in the emulator nobody knows whether it was a read. */
static void ends(const struct crime *crime, const char *kind, const char *found)
{
    struct child child;
    char line[100], offset[40];

    child_run(&child, 60, commit, crime);
    snprintf(line, sizeof line, "capalloc: %s: ", kind);
    snprintf(offset, sizeof offset, " at offset %ld, found %s of ", crime->offset, found);
    if (!child_died(&child, SIGABRT) || strstr(child.text, line) != child.text || strstr(child.text, offset) == NULL ||
        strstr(child.text, ", place ordinary, pid ") == NULL)
        fail_msg("harden=%s, %zu bytes, offset %ld: status %x, %s", crime->checks, crime->bytes, crime->offset,
                 (unsigned)child.status, child.text);
}

/* Between two that are live, and of the same length. */
static char *victim(size_t bytes)
{
    enum { COUNT = 64 };
    char *block[COUNT];
    ca_block_info info = CA_BLOCK_INFO_INIT;

    for (unsigned i = 0; i < COUNT; i++)
        block[i] = take(bytes);
    qsort(block, COUNT, sizeof *block, by_address);
    require(ca_describe(block[0], &info) == CA_OK);
    for (unsigned i = 1; i < COUNT - 1; i++)
        if (address_of(block[i + 1]) - address_of(block[i - 1]) == 2 * info.slot_bytes)
            return block[i];
    require(!"there is one");
    return NULL;
}

static void touch_live(const struct crime *crime)
{
    touch(victim(crime->bytes) + crime->offset, crime->write);
}

static void touch_freed(const struct crime *crime)
{
    char *block = victim(crime->bytes);

    ca_free(block);
    touch(block + crime->offset, crime->write);
}

static void *free_it(void *block)
{
    ca_free(block);
    return NULL;
}

static void touch_freed_elsewhere(const struct crime *crime)
{
    char *block = victim(crime->bytes);

    in_thread(free_it, block);
    touch(block + crime->offset, crime->write);
}

static void touch_moved(const struct crime *crime)
{
    char *block = victim(crime->bytes);

    require(ca_realloc(block, 3 * crime->bytes) != block);
    touch(block + crime->offset, crime->write);
}

static void touch_shrunk(const struct crime *crime)
{
    char *block = ca_realloc(victim(crime->bytes), (size_t)crime->offset / 16 * 16);

    touch(block + crime->offset, crime->write);
}

static const struct crime *the_crime;

static void *touch_in_thread(void *block)
{
    touch((char *)block + the_crime->offset, the_crime->write);
    return NULL;
}

static void touch_freed_in_thread(const struct crime *crime)
{
    char *block = victim(crime->bytes);

    the_crime = crime;
    ca_free(block);
    in_thread(touch_in_thread, block);
}

/* --- the tests --- */

static void test_H11_an_access_past_the_last_granule_is_told(void **state)
{
    (void)state;
    ONLY_WITH_TAGS();
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned write = 0; write < 2; write++) {
            struct crime crime = {touch_live, "+mte", sizes[i], (long)in_granules(sizes[i]), write};
            ends(&crime, "overflow", "a live block");
            crime.offset = -1;
            ends(&crime, "underflow", "a live block");
        }
}

static void test_H11_what_was_freed_cannot_be_touched(void **state)
{
    static void (*const ways[])(const struct crime *) = {touch_freed, touch_freed_elsewhere, touch_freed_in_thread};

    (void)state;
    ONLY_WITH_TAGS();
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned way = 0; way < 3; way++)
            for (unsigned write = 0; write < 2; write++) {
                struct crime crime = {ways[way], "+mte", sizes[i], write != 0 ? (long)sizes[i] - 1 : 0, write};
                ends(&crime, "use-after-free", "a freed block");
            }
}

static void test_H11_by_whatever_checks_are_on_beside(void **state)
{
    static const char *const checks[] = {"mte",        "+mte-zero", "+mte-delay",      "+mte-canary",
                                         "mte+canary", "+mte+copy", "+mte-zero-delay", "+mte-random-guard-mismatch"};

    (void)state;
    ONLY_WITH_TAGS();
    for (unsigned i = 0; i < sizeof checks / sizeof *checks; i++)
        for (unsigned of = 0; of < SIZES; of += 5) {
            struct crime freed = {touch_freed, checks[i], sizes[of], 0, true};
            struct crime behind = {touch_live, checks[i], sizes[of], (long)in_granules(sizes[of]), true};
            ends(&freed, "use-after-free", "a freed block");
            ends(&behind, "overflow", "a live block");
        }
}

static void test_H11_realloc(void **state)
{
    (void)state;
    ONLY_WITH_TAGS();
    for (unsigned i = 0; i < SIZES - 2; i++) {
        struct crime moved = {touch_moved, "+mte", sizes[i], (long)(sizes[i] / 2), false};
        ends(&moved, "use-after-free", "a freed block");
    }
    for (unsigned i = 6; i < SIZES; i++) {
        struct crime shrunk = {touch_shrunk, "+mte", sizes[i], (long)(sizes[i] * 3 / 4), true};
        ends(&shrunk, "overflow", "a live block");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H11_an_access_past_the_last_granule_is_told),
        cmocka_unit_test(test_H11_what_was_freed_cannot_be_touched),
        cmocka_unit_test(test_H11_by_whatever_checks_are_on_beside),
        cmocka_unit_test(test_H11_realloc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
