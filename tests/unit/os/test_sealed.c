/* Sealed storage takes nobody with it, whatever the kernel's pages are. Here every architecture has the largest ones,
 * and the kernel is a fake with pages of 4, 16 and 64 KiB before the real one. */
#define CAI_SEALED_BYTES 65536

#include "unit/unit.h"

#include "base/bits.h"
#include "os/sealed.h"
#include "support/child.h"

static size_t page_bytes; /* of the fake */
static uintptr_t begin, end;

/* What mprotect does: an address that is not a page's is refused, of a length every page that it touches counts. */
static bool protects(uintptr_t address, size_t length)
{
    begin = address;
    end = cai_round_up(address + length, page_bytes);
    return address % page_bytes == 0;
}

bool __real_cai_os_read_only(void *address, size_t length);
bool __real_cai_os_read_write(void *address, size_t length);
bool __wrap_cai_os_read_only(void *address, size_t length);
bool __wrap_cai_os_read_write(void *address, size_t length);

bool __wrap_cai_os_read_only(void *address, size_t length)
{
    return protects((uintptr_t)address, length) && __real_cai_os_read_only(address, end - begin);
}

bool __wrap_cai_os_read_write(void *address, size_t length)
{
    return protects((uintptr_t)address, length) && __real_cai_os_read_write(address, end - begin);
}

static struct {
    char before[16];
    struct {
        int value;
    } CAI_SEALED sealed;
    volatile char behind[16];
    struct {
        char before[CAI_SEALED_BYTES];
        struct {
            char value[CAI_SEALED_BYTES + 1];
        } CAI_SEALED sealed;
        char behind;
    } larger;
} all;

static void write_to_sealed(const void *unused)
{
    (void)unused;
    *(volatile int *)&all.sealed.value = 1;
}

static void assert_sealed(void)
{
    struct child child;

    child_run(&child, 10, write_to_sealed, NULL);
    assert_int_not_equal(child.status, 0);
}

static void write_to_neighbours(void)
{
    volatile char *before = (volatile char *)&all.sealed - 1;

    (*before)++;
    all.before[0]++;
    all.behind[0]++;
    all.larger.before[0]++;
}

static void test_neighbours_stay_writable(void **state)
{
    static const size_t sizes[] = {4096, 16384, 65536};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        page_bytes = sizes[i];
        all.sealed.value = 2;
        assert_true(cai_sealed_close(&all.sealed));
        assert_int_equal(begin, (uintptr_t)&all.sealed);
        assert_int_equal(end, (uintptr_t)all.behind);
        write_to_neighbours();
        assert_sealed();
        assert_int_equal(all.sealed.value, 2);
        assert_true(cai_sealed_open(&all.sealed));
        all.sealed.value = 3;
        write_to_neighbours();
        assert_true(cai_sealed_close(&all.sealed));
        assert_sealed();
        assert_true(cai_sealed_open(&all.sealed));
    }
}

static void test_what_is_longer_than_a_page(void **state)
{
    (void)state;
    page_bytes = 65536;
    assert_true(cai_sealed_close(&all.larger.sealed));
    assert_int_equal(begin, (uintptr_t)&all.larger.sealed);
    assert_int_equal(end, (uintptr_t)&all.larger.behind);
    all.larger.before[CAI_SEALED_BYTES - 1] = all.larger.behind = 1;
    assert_true(cai_sealed_open(&all.larger.sealed));
}

/* The fake would notice: 4 KiB, at a multiple of 64 KiB, of a kernel with pages of 16 KiB. */
static void test_less_than_a_page_takes_neighbours(void **state)
{
    (void)state;
    page_bytes = 16384;
    assert_true(cai_os_read_only(&all.larger.before, 4096));
    assert_true(end > (uintptr_t)all.larger.before + 4096);
    assert_true(cai_os_read_write(&all.larger.before, 4096));
    assert_false(cai_os_read_only(&all.larger.before[4096], 4096));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_stay_writable),
        cmocka_unit_test(test_what_is_longer_than_a_page),
        cmocka_unit_test(test_less_than_a_page_takes_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
