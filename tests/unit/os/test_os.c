/* Functions of os.h that the tests of the upper rooms do not reach. */
#include "unit/unit.h"

#include "os/fault.h"
#include "os/os.h"
#include "support/child.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
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

/* What the processor says of a fault, as the kernel writes it for a handler: in a register's place, or in a record
 * behind those of other kinds. */
static void set_fault(ucontext_t *context, uint64_t code)
{
    memset(context, 0, sizeof *context);
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_ERR] = (greg_t)code;
#elif defined(__aarch64__)
    char *record = (char *)context->uc_mcontext.__reserved;
    struct _aarch64_ctx other = {FPSIMD_MAGIC, sizeof(struct fpsimd_context)};
    struct esr_context syndrome = {.head = {ESR_MAGIC, sizeof syndrome}, .esr = code};
    memcpy(record, &other, sizeof other);
    memcpy(record + other.size, &syndrome, sizeof syndrome);
#else
    (void)code;
#endif
}

static void test_read_or_write(void **state)
{
    ucontext_t context;

    (void)state;
#if defined(__x86_64__)
    set_fault(&context, 4);
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_READ);
    set_fault(&context, 6);
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_WRITE);
#elif defined(__aarch64__)
    for (uint64_t class = 0x24; class <= 0x25; class ++) {
        set_fault(&context, class << 26 | 0x0f);
        assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_READ);
        set_fault(&context, class << 26 | 0x4f);
        assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_WRITE);
    }
    set_fault(&context, UINT64_C(0x20) << 26 | 0x4f); /* of an instruction */
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_UNKNOWN);
    memset(&context, 0, sizeof context);
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_UNKNOWN);
    memset(context.uc_mcontext.__reserved, 0xff, sizeof context.uc_mcontext.__reserved);
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_UNKNOWN);
#else
    set_fault(&context, 0);
    assert_int_equal(cai_os_fault_access(&context), CAI_ACCESS_UNKNOWN);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_all_eight_bytes), cmocka_unit_test(test_holds_at_addresses_that_cannot_be_read),
        cmocka_unit_test(test_what_can_be_read),      cmocka_unit_test(test_exit_is_at_once),
        cmocka_unit_test(test_read_or_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
