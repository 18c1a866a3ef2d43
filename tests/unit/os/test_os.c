/* Functions of os.h that the tests of the upper rooms do not reach. */
#include "unit/unit.h"

#include "os/os.h"
#include "support/child.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t mark = UINT64_C(0x0123456789abcdef);

static void test_holds_all_eight_bytes(void **state)
{
    uint64_t word[2] = {mark, mark};

    (void)state;
    errno = 77;
    assert_int_equal(cai_os_holds((uintptr_t)word, mark), CAI_HOLDS);
    for (unsigned bit = 0; bit < 64; bit++) {
        word[0] = mark ^ UINT64_C(1) << bit;
        assert_int_equal(cai_os_holds((uintptr_t)word, mark), CAI_HOLDS_NOT);
    }
    /* From 4 on: the upper half of the one, the lower of the other. */
    word[0] = mark;
    assert_int_equal(cai_os_holds((uintptr_t)word + 4, mark << 32 | mark >> 32), CAI_HOLDS);
    assert_int_equal(errno, 77);
}

static void test_holds_at_addresses_that_cannot_be_read(void **state)
{
    size_t page = cai_os_page_size();
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(pages, MAP_FAILED);
    memcpy(pages + page - 8, &mark, 8);
    memcpy(pages, &mark, 8);
    errno = 77;
    assert_int_equal(cai_os_holds((uintptr_t)pages + page - 8, mark), CAI_HOLDS);
    assert_int_equal(mprotect(pages, page, PROT_READ), 0);
    assert_int_equal(cai_os_holds((uintptr_t)pages, mark), CAI_HOLDS);
    assert_int_equal(mprotect(pages, page, PROT_NONE), 0);
    assert_int_equal(cai_os_holds((uintptr_t)pages, mark), CAI_HOLDS_NOT);
    assert_int_equal(munmap(pages, page), 0);
    assert_int_equal(cai_os_holds((uintptr_t)pages, mark), CAI_HOLDS_NOT);
    assert_int_equal(cai_os_holds(0, 0), CAI_HOLDS_NOT);
    assert_int_equal(cai_os_holds((uintptr_t)pages + page - 4, 0), CAI_HOLDS_NOT); /* one half of it */
    assert_int_equal(errno, 77);
    munmap(pages + page, page);
}

static void test_what_can_be_read(void **state)
{
    size_t page = cai_os_page_size();
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(pages, MAP_FAILED);
    errno = 77;
    assert_true(cai_os_is_readable((uintptr_t)pages));
    assert_int_equal(mprotect(pages, page, PROT_READ), 0);
    assert_true(cai_os_is_readable((uintptr_t)pages));
    assert_int_equal(mprotect(pages, page, PROT_NONE), 0);
    assert_false(cai_os_is_readable((uintptr_t)pages));
    assert_true(cai_os_is_readable((uintptr_t)pages + page));
    assert_int_equal(munmap(pages, 2 * page), 0);
    assert_false(cai_os_is_readable((uintptr_t)pages + page));
    assert_false(cai_os_is_readable(0));
    assert_false(cai_os_is_readable(-page));
    assert_int_equal(errno, 77);
}

static void end(const void *unused)
{
    (void)unused;
    cai_os_exit(42);
}

static void test_exit_is_at_once(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, 10, end, NULL);
    assert_true(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_all_eight_bytes),
        cmocka_unit_test(test_holds_at_addresses_that_cannot_be_read),
        cmocka_unit_test(test_what_can_be_read),
        cmocka_unit_test(test_exit_is_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
