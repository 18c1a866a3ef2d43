/* Committed units: counted over all zones, up to the limit of the process, and mapped exactly when they are counted. */
#include "unit/unit.h"

#include "pages/commit.h"
#include "support/content.h"
#include "support/pages.h"

#include <stdio.h>
#include <stdlib.h>

static void start(size_t limit_bytes)
{
    char text[50];

    snprintf(text, sizeof text, "limit=%zu", limit_bytes);
    setenv(CAI_SETTINGS_ENV, text, 1);
    start_pages();
    for (unsigned number = 0; number < CAI_ZONES; number++)
        require(cai_zone_extend_tables(&cai_zones[number], 100));
}

static uintptr_t address_of(unsigned number, uint32_t head)
{
    return cai_view_of(number)->origin + ((uintptr_t)head << CAI_UNIT_SHIFT);
}

static bool is_mapped(unsigned number, uint32_t head, uint32_t units)
{
    for (uint32_t i = head; i < head + units; i++)
        if (cai_os_map(address_of(number, i), CAI_UNIT_BYTES, false) == CAI_MAP_DONE) {
            require(cai_os_unmap(address_of(number, i), CAI_UNIT_BYTES));
            return false;
        }
    return true;
}

static void unmap(unsigned number, uint32_t head, uint32_t units)
{
    require(cai_os_unmap(address_of(number, head), (size_t)units << CAI_UNIT_SHIFT));
    cai_uncommit(&cai_zones[number], head, units);
}

static bool counts(size_t now, size_t peak)
{
    return cai_committed_bytes() == now << CAI_UNIT_SHIFT && cai_committed_bytes_peak() == peak << CAI_UNIT_SHIFT;
}

CHILD_TEST(test_units_are_mapped_and_counted, 10)
{
    start(SIZE_MAX);
    require(counts(0, 0));
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        require(cai_commit(&cai_zones[number], 3, 5) == CAI_MAP_DONE);
        require(is_mapped(number, 3, 5) && !is_mapped(number, 2, 1) && !is_mapped(number, 8, 1));
        require(content_is_zero((void *)address_of(number, 3), 5 * CAI_UNIT_BYTES));
        require(cai_zones[number].committed_units == 5);
        require(counts((number + 1) * 5, (number + 1) * 5));
    }
    unmap(2, 4, 3);
    require(cai_zones[2].committed_units == 2 && counts(CAI_ZONES * 5 - 3, CAI_ZONES * 5));
    require(cai_commit(&cai_zones[2], 4, 3) == CAI_MAP_DONE); /* again, and no new peak */
    require(counts(CAI_ZONES * 5, CAI_ZONES * 5));
    require(cai_commit(&cai_zones[2], 20, 1) == CAI_MAP_DONE);
    require(counts(CAI_ZONES * 5 + 1, CAI_ZONES * 5 + 1));
}

/* A limit is one of whole units: what is less than one more allows none. */
static const size_t limits[] = {10 * CAI_UNIT_BYTES, 11 * CAI_UNIT_BYTES - 1};

CHILD_TEST_EACH(test_D5_the_limit_is_of_all_zones_together, 10, limits)
{
    start(value);
    require(cai_commit(&cai_zones[ORDINARY_COARSE], 1, 11) == CAI_MAP_SHORT);
    require(counts(0, 0) && !is_mapped(ORDINARY_COARSE, 1, 1));
    require(cai_commit(&cai_zones[ORDINARY_COARSE], 1, 4) == CAI_MAP_DONE);
    require(cai_commit(&cai_zones[MUSTZERO_FINE], 1, 7) == CAI_MAP_SHORT);
    require(counts(4, 4) && !is_mapped(MUSTZERO_FINE, 1, 1) && cai_zones[MUSTZERO_FINE].committed_units == 0);
    require(cai_commit(&cai_zones[MUSTZERO_FINE], 1, 6) == CAI_MAP_DONE);
    require(cai_commit(&cai_zones[ORDINARY_FINE], 1, 1) == CAI_MAP_SHORT);
    require(counts(10, 10));
    unmap(MUSTZERO_FINE, 6, 1);
    require(cai_commit(&cai_zones[ORDINARY_FINE], 1, 1) == CAI_MAP_DONE);
    require(counts(10, 10));
}

CHILD_TEST(test_addresses_of_somebody_else, 10)
{
    start(SIZE_MAX);
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        require(cai_os_map(address_of(number, 5), CAI_UNIT_BYTES, false) == CAI_MAP_DONE);
        require(cai_commit(&cai_zones[number], 2, 4) == CAI_MAP_TAKEN);
        require(counts(0, 0) && cai_zones[number].committed_units == 0 && !is_mapped(number, 2, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_mapped_and_counted),
        cmocka_unit_test(test_D5_the_limit_is_of_all_zones_together),
        cmocka_unit_test(test_addresses_of_somebody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
