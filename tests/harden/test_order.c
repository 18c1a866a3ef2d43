/* The order in which the slots of one refill are handed out: each once, none earlier than the window allows, and each
 * place of the window as often as any other. */
#include "unit/unit.h"

#include "blocks/order.h"
#include "core/chance.h"

#include <stdlib.h>
#include <time.h>

enum { COUNT_MAX = 600, WINDOW = 8 };

static char memory[COUNT_MAX];
static void *slots[COUNT_MAX];
static uint32_t place_of[COUNT_MAX]; /* when each was handed out */

/* What came from CAPALLOC_TEST_SEED, or from the clock; told, so that it can be had again. */
static void seed(void)
{
    const char *text = getenv("CAPALLOC_TEST_SEED");
    uint64_t number = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    print_message("CAPALLOC_TEST_SEED=%ju\n", (uintmax_t)number);
    cai_chance_seed(number * UINT64_C(0x2545f4914f6cdd1d));
}

/* As a slab leaves them: the first one last. */
static void mix(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        slots[count - 1 - i] = &memory[i];
    cai_order_mix(slots + count, count);
    for (uint32_t i = 0; i < count; i++)
        place_of[i] = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        size_t slot = (size_t)((char *)slots[count - 1 - i] - memory);
        assert_true(slot < count && place_of[slot] == UINT32_MAX);
        place_of[slot] = i;
    }
}

static void test_H8_each_slot_comes_once_and_is_one_of_the_next(void **state)
{
    (void)state;
    seed();
    for (uint32_t count = 0; count <= COUNT_MAX; count++) {
        mix(count);
        for (uint32_t slot = 0; slot < count; slot++)
            assert_true(place_of[slot] + WINDOW > slot);
    }
}

/* Where the first slot goes to tells nothing, nor does which one comes first. Far beyond what chance does: of 8000
 * draws 1000 each, by 31 more or less. */
static void test_H8_any_of_the_next_comes_first(void **state)
{
    enum { DRAWS = 8000, EACH = DRAWS / WINDOW, FAR = 250 };
    static const uint32_t counts[] = {WINDOW, 100};

    (void)state;
    seed();
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t times[WINDOW] = {0};
        for (unsigned draw = 0; draw < DRAWS; draw++) {
            mix(counts[i]);
            for (uint32_t slot = 0; slot < WINDOW; slot++)
                times[slot] += place_of[slot] == 0;
        }
        for (uint32_t slot = 0; slot < WINDOW; slot++)
            assert_in_range(times[slot], EACH - FAR, EACH + FAR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H8_each_slot_comes_once_and_is_one_of_the_next),
        cmocka_unit_test(test_H8_any_of_the_next_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
