#include "cap/concentrate.h"
#include "unit/unit.h"
static void test_published(void **state)
{
    bool exact;
    (void)state;
    assert_int_equal(cai_concentrate_crrl(4097), 4104);
    assert_int_equal(cai_concentrate_cram(4096), -8);
    assert_int_equal(cai_concentrate_cram(4095), -1);
    assert_int_equal(cai_concentrate_crrl(1000000), 1000448);
    uint64_t r = cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, 0, (cai_u128)1 << 64, &exact);
    assert_true(r == CAI_CONCENTRATE_ROOT && exact);
    struct cai_bounds b = cai_concentrate_decode(0, 12345);
    assert_true(b.base == 0 && b.top == (cai_u128)1 << 64);
    r = cai_concentrate_set_bounds(CAI_CONCENTRATE_ROOT, 7, 0x10000000, &exact);
    b = cai_concentrate_decode(r, 7);
    assert_true(!exact && b.base == 0 && b.top == 0x10080000);
    assert_int_equal(cai_concentrate_otype(0), 0x3ffff);
    b = cai_concentrate_decode(UINT64_C(0xffff1ffffffe7ffb) ^ CAI_CONCENTRATE_XOR, 0xffff002d02013ff6);
    assert_true(b.base == 0xffff002d01ffc000 && b.top == 0xffff002d027fc000);
    b = cai_concentrate_decode(UINT64_C(0xffff1ffffffe7ffb) ^ CAI_CONCENTRATE_XOR, 0);
    assert_true(b.base == 0xffffffffffffc000 && b.top == (((cai_u128)1 << 64) | 0x7fc000));
    b = cai_concentrate_decode(UINT64_C(0x00f58dffffffffff) ^ CAI_CONCENTRATE_XOR, 0xf806ffffffff3e0a);
    assert_true(b.base == 0xff80000000000000 && b.top == 0xff80000000000000);
    r = cai_concentrate_set_bounds(0, 0xFFFFFFFFFFFFF934, 3249, &exact);
    b = cai_concentrate_decode(r, 0xFFFFFFFFFFFFF934);
    assert_true(b.base == 0xFFFFFFFFFFFFF934 && b.top == ((cai_u128)1 << 64) + 0x5e5);
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
