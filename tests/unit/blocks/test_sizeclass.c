/* Size classes: every size up to 512 KiB has the smallest class that fits it, and little is wasted. */
#include "unit/unit.h"

#include "blocks/slab.h"

static void test_classes_ascend(void **state)
{
    (void)state;
    assert_int_equal(cai_class_bytes(1), 16);
    assert_int_equal(cai_class_bytes(8), 128);
    assert_int_equal(cai_class_bytes(CAI_CLASS_FINE_LAST), CAI_FINE_BYTES_MAX);
    assert_int_equal(cai_class_bytes(CAI_CLASS_LAST), CAI_SMALL_BYTES_MAX);
    for (unsigned i = 1; i <= CAI_CLASS_LAST; i++) {
        size_t granule = (size_t)1 << cai_grain_shift(cai_class_grain(i));
        assert_true(cai_class_bytes(i) > cai_class_bytes(i - 1));
        assert_int_equal(cai_class_bytes(i) % 16, 0);
        assert_int_equal(cai_class_bytes(i) % granule, 0);
        assert_int_equal(cai_class_grain(i), i <= CAI_CLASS_FINE_LAST ? CAI_FINE : CAI_COARSE);
    }
}

static void test_D2_every_size_fits(void **state)
{
    (void)state;
    assert_int_equal(cai_class_of(0), 1);
    for (size_t bytes = 1; bytes <= CAI_SMALL_BYTES_MAX; bytes++) {
        unsigned size_class = cai_class_of(bytes);
        size_t slot = cai_class_bytes(size_class);
        if (size_class < 1 || size_class > CAI_CLASS_LAST || slot < bytes || cai_class_bytes(size_class - 1) >= bytes)
            fail_msg("%zu bytes: class %u of %zu bytes", bytes, size_class, slot);
        if (bytes > 128 && (slot - bytes) * 8 > slot)
            fail_msg("%zu bytes: %zu wasted", bytes, slot - bytes);
        if (bytes <= 128 && slot - bytes >= 16)
            fail_msg("%zu bytes: %zu wasted", bytes, slot - bytes);
    }
}

static void test_slabs_hold_slots(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= CAI_CLASS_LAST; i++) {
        size_t slab = (size_t)cai_class_slab_units(i) << CAI_UNIT_SHIFT;
        size_t slots = cai_slab_slots(i, cai_class_slab_units(i));
        assert_true(slots >= 8);
        assert_true(slots * cai_class_bytes(i) + (i < CAI_CLASS_LED ? 0 : CAI_LEAD_BYTES_MAX) <= slab);
        if ((slab - slots * cai_class_bytes(i)) * 8 > slab)
            fail_msg("class %u: %zu of %zu bytes of a slab are no slot", i, slab - slots * cai_class_bytes(i), slab);
    }
}

/* Never at the start of a page, and never at less than the alignment that such a class is good for. */
static void test_leads(void **state)
{
    (void)state;
    for (uint32_t number = 1; number < 1000; number++) {
        assert_int_equal(cai_class_lead(CAI_CLASS_LED - 1, number), 0);
        size_t lead = cai_class_lead(CAI_CLASS_LED, number);
        assert_true(lead > 0 && lead < CAI_LEAD_BYTES_MAX && lead % CAI_LEAD_STEP == 0);
        assert_int_equal(lead, cai_class_lead(CAI_CLASS_LAST, number));
    }
    assert_int_equal(cai_class_bytes(CAI_CLASS_LED) % CAI_LEAD_STEP, 0);
}

/* The slot is long enough, every slot of the slab is aligned because slabs are aligned to units, and no smaller class
 * would do. */
static void check_aligned(size_t bytes, size_t align)
{
    unsigned got = cai_class_for(bytes, align);
    unsigned wanted = 0;

    for (unsigned i = CAI_CLASS_LAST; i >= 1; i--)
        if (cai_class_bytes(i) >= bytes && cai_class_bytes(i) % align == 0)
            wanted = i;
    if (align > CAI_UNIT_BYTES || (align > CAI_LEAD_STEP && wanted >= CAI_CLASS_LED))
        wanted = 0;
    if (got != wanted)
        fail_msg("%zu bytes at %zu: class %u, not %u", bytes, align, got, wanted);
}

static void test_D2_aligned_classes(void **state)
{
    (void)state;
    for (size_t align = 16; align <= 4 * CAI_UNIT_BYTES; align *= 2) {
        for (size_t bytes = 0; bytes <= 5000; bytes++)
            check_aligned(bytes, align);
        for (size_t bytes = 5000; bytes <= CAI_SMALL_BYTES_MAX + 10; bytes += 97)
            check_aligned(bytes, align);
        check_aligned(CAI_SMALL_BYTES_MAX, align);
        check_aligned(CAI_SMALL_BYTES_MAX + 1, align);
    }
    assert_int_equal(cai_class_for(1, (size_t)1 << 62), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_ascend),     cmocka_unit_test(test_D2_every_size_fits),
        cmocka_unit_test(test_slabs_hold_slots),   cmocka_unit_test(test_leads),
        cmocka_unit_test(test_D2_aligned_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
