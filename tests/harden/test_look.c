/* What was written behind a block is told of a live one: another thread may be giving it back while it is looked at.
 * And how long the slots are. */
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

/* The short way knows the classes by a table of its own. */
CHILD_TEST(test_H2_a_slot_is_the_shortest_with_room_for_the_canary, 60)
{
    for (volatile size_t bytes = 1; bytes <= CAI_FINE_BYTES_MAX; bytes++) {
        void *block;
        while ((block = cai_hardened_take(bytes, CAI_FAMILY_malloc)) == NULL)
            require(ca_malloc(bytes) != NULL); /* its bin has slots then, as the short way wants */
        struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);
        require(live.state != NULL && live.size_class == cai_class_for(cai_hardened_least(bytes), 1));
        ca_free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H2_C9_what_another_call_has_cleared_is_no_overflow),
        cmocka_unit_test(test_H2_a_slot_is_the_shortest_with_room_for_the_canary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
