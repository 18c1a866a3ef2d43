/* What `capalloc` reads that others wrote, cut off anywhere with wrong bits: it is read and shown, as something.
 * `test_run_outside --seeds FOLDER` writes what is right as a fuzzer begins with it (fuzz.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 65536 };
static uint8_t right[ROOM], wrong[ROOM];

/* Of what is long so many places: others are like them. Each is a prime, so that every field is met somewhere. */
static void damage(enum outside what, size_t each_bit, size_t each_length)
{
    size_t size = outside_example(what, right, ROOM);

    assert_true(size > 0);
    outside_read(what, right, size);
    for (size_t length = 0; length < size; length += each_length)
        outside_read(what, right, length);
    memcpy(wrong, right, size);
    for (size_t bit = 0; bit < size * 8; bit += each_bit) {
        wrong[bit / 8] = (uint8_t)(right[bit / 8] ^ 1U << bit % 8);
        outside_read(what, wrong, size);
        wrong[bit / 8] = right[bit / 8];
    }
    for (unsigned byte = 0; byte < 256; byte += 51) {
        memset(wrong, (int)byte, size);
        outside_read(what, wrong, size);
    }
}

static void test_S1_S2_a_page(void **state)
{
    (void)state;
    damage(OUTSIDE_PAGE, 883, 4999);
}

static void test_S5_sites(void **state)
{
    (void)state;
    damage(OUTSIDE_SITES, 61, 97);
}

static void test_S4_calls(void **state)
{
    (void)state;
    damage(OUTSIDE_CALLS, 1, 1);
}

static void test_a_program(void **state)
{
    (void)state;
    damage(OUTSIDE_PROGRAM, 1, 1);
}

static void test_S4_S5_a_module(void **state)
{
    (void)state;
    damage(OUTSIDE_MODULE, 7, 11);
}

static int write_seeds(const char *folder)
{
    char name[4096];

    for (uint8_t what = 0; what < OUTSIDE_KINDS; what++) {
        size_t size = outside_example((enum outside)what, right, ROOM);
        snprintf(name, sizeof name, "%s/%u", folder, what);
        FILE *file = fopen(name, "w");
        if (file == NULL || fwrite(&what, 1, 1, file) != 1 || fwrite(right, 1, size, file) != size || fclose(file) != 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S1_S2_a_page), cmocka_unit_test(test_S5_sites),       cmocka_unit_test(test_S4_calls),
        cmocka_unit_test(test_a_program),    cmocka_unit_test(test_S4_S5_a_module),
    };

    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        return write_seeds(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
