/* What was written behind a block is told of a live one: another thread may be giving it back while it is looked at. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/child.h"
#include "support/refuse.h"

#include <capalloc/malloc.h>

enum { BYTES = 100 };

CHILD_TEST(test_H2_C9_what_another_call_has_cleared_is_no_overflow, 60)
{
    char *volatile block = ca_malloc(BYTES); /* the compiler does not know how long it is */
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);

    refuse_start();
    require(live.state != NULL);
    cai_hardened_look(CAI_PLACE_ordinary, block, live, "realloc");
    require(refused_calls == 0);
    block[BYTES] ^= 1;
    cai_hardened_look(CAI_PLACE_ordinary, block, live, "realloc");
    require(was_refused("overflow"));
    block[BYTES] ^= 1;
    ca_free(block);
    cai_hardened_look(CAI_PLACE_ordinary, block, live, "realloc");
    require(refused_calls == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H2_C9_what_another_call_has_cleared_is_no_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
