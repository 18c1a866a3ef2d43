/* Clearing on behalf of a heap: whole, nothing beside it, and counted unless the heap stands for none. */
#include "unit/unit.h"

#include "blocks/clear.h"
#include "support/content.h"

enum { BESIDE = 64, ROOM = 1024 };

static _Alignas(64) char room[ROOM];
static struct cai_heap heap = {.id = 3};
static struct cai_heap none;

static void fill(void)
{
    memset(room, 0x77, sizeof room);
}

static bool is_clear_only(size_t from, size_t bytes)
{
    for (size_t i = 0; i < ROOM; i++)
        if ((room[i] == 0) != (i >= from && i < from + bytes))
            return false;
    return true;
}

static void test_Z2_cleared_and_counted(void **state)
{
    static void (*const clear[])(struct cai_heap *, void *, size_t) = {cai_clear, cai_clear_small};

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (size_t bytes = 1; bytes <= ROOM - 2 * BESIDE; bytes++) {
            uint64_t before = heap.bytes_cleared;
            fill();
            clear[i](&heap, room + BESIDE, bytes);
            assert_true(is_clear_only(BESIDE, bytes));
            assert_int_equal(heap.bytes_cleared - before, bytes);
            fill();
            clear[i](&none, room + BESIDE, bytes);
            assert_true(is_clear_only(BESIDE, bytes));
            assert_int_equal(none.bytes_cleared, 0); /* it is never written */
        }
}

static void test_Z2_whole_slots(void **state)
{
    (void)state;
    for (size_t bytes = 16; bytes <= CAI_CLEAR_SHORT; bytes += 16)
        for (size_t from = BESIDE; from < (size_t)2 * BESIDE; from += 16) {
            uint64_t before = heap.bytes_cleared;
            fill();
            cai_clear_slot(&heap, room + from, bytes);
            assert_true(is_clear_only(from, bytes));
            assert_int_equal(heap.bytes_cleared - before, bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z2_cleared_and_counted),
        cmocka_unit_test(test_Z2_whole_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
