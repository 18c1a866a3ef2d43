/* Wiping: every byte of the range is zero afterwards and none beside it, on both sides of the length from which the
 * caches are passed by.
 */
#include "unit/unit.h"

#include "base/bits.h"
#include "base/wipe.h"
#include "support/content.h"

#include <string.h>
#include <sys/mman.h>

/* Bytes looked at on both sides of what is wiped: longer than a cache line. */
enum { BESIDE = 128 };

/* Wipes memory[from, from + bytes), with other content around it. */
static void check(unsigned char *memory, size_t from, size_t bytes)
{
    static const unsigned char other[BESIDE] = {[0 ... BESIDE - 1] = 0xa5};

    memset(memory + from - BESIDE, 0xa5, bytes + (size_t)2 * BESIDE);
    cai_wipe(memory + from, bytes);
    if (!content_is_zero(memory + from, bytes))
        fail_msg("%zu bytes from %zu on: some stay", bytes, from);
    if (memcmp(memory + from - BESIDE, other, BESIDE) != 0 || memcmp(memory + from + bytes, other, BESIDE) != 0)
        fail_msg("%zu bytes from %zu on: a neighbour was hit", bytes, from);
}

static void test_Z2_short_ranges(void **state)
{
    static _Alignas(64) unsigned char memory[1024];

    (void)state;
    for (size_t from = BESIDE; from < BESIDE + 64; from++)
        for (size_t bytes = 0; bytes <= 260; bytes++)
            check(memory, from, bytes);
}

static void test_Z2_long_ranges(void **state)
{
    static const size_t starts[] = {0, 1, 16, 63};
    static const size_t more[] = {0, 1, 15, 16, 63, 64, 65, 4096};
    const size_t limit = 16 * CAI_MIB;
    size_t bytes = limit + 8192;
    unsigned char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(memory != MAP_FAILED);
    for (unsigned i = 0; i < sizeof starts / sizeof *starts; i++) {
        check(memory, BESIDE + starts[i], limit - 1);
        for (unsigned k = 0; k < sizeof more / sizeof *more; k++)
            check(memory, BESIDE + starts[i], limit + more[k]);
    }
    munmap(memory, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z2_short_ranges),
        cmocka_unit_test(test_Z2_long_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
