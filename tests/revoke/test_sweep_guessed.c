/* Memory of which a compiler guessed that it holds no pointers is read all the same; also that of a block which is made
 * longer and has moved into memory of which nobody has said so yet. */
#include "malloc/nocaps.h"
#include "revoke/oracle.h"

static uint64_t pointed_to; /* 0: nothing to look at */
static bool moved;

void *__real_cai_resize(enum cai_place place, void *address, size_t bytes, const char *function);
void *__wrap_cai_resize(enum cai_place place, void *address, size_t bytes, const char *function);

/* Sweeps when the content has moved and before anybody could say what it is. */
void *__wrap_cai_resize(enum cai_place place, void *address, size_t bytes, const char *function)
{
    void *resized = __real_cai_resize(place, address, bytes, function);

    moved = resized != address;
    if (pointed_to != 0)
        for (unsigned i = 0; i < 3; i++) {
            cai_quarantine_release();
            require(waits(pointed_to));
        }
    return resized;
}

static CAI_NOINLINE void *guessed(size_t bytes)
{
    void *block = cai_allocate(CAI_PLACE_nocaps, bytes, true);

    require(block != NULL);
    cai_nocaps_note(block, bytes, true);
    return block;
}

CHILD_TEST(test_N7_R1_a_word_in_what_a_compiler_guessed, 60)
{
    static const size_t lengths[][2] = {{64, 3000}, {3000, 200000}, {200000, 3000000}};
    static void *block;

    for (unsigned i = 0; i < 3; i++) {
        block = guessed(lengths[i][0]);
        pointed_to = take();
        point_to(block, pointed_to, 0);
        give(pointed_to);
        require_kept(pointed_to);
        block = cai_nocaps_resize(block, lengths[i][1], false, "realloc");
        require(block != NULL && (moved || i == 2)); /* a long one may find room where it is */
        uint64_t kept = pointed_to;
        pointed_to = 0;
        require_kept(kept);
        *(volatile uintptr_t *)block = 0;
        require_released(kept);
    }
    require_null(audit_heap());
}

/* The first guess in a place that was only promised, by each of the ways to say it: the place is not passed over. */
static void require_read(void *block)
{
    uint64_t kept = take();

    point_to(block, kept, 0);
    give(kept);
    require_kept(kept);
    *(volatile uintptr_t *)block = 0;
    require_released(kept);
    require_null(audit_heap());
}

CHILD_TEST(test_N7_R1_the_first_short_guess, 60)
{
    static void *block;

    require(cai_allocate(CAI_PLACE_nocaps, 64, true) != NULL);
    cai_quarantine_release();
    block = cai_allocate(CAI_PLACE_nocaps, 64, true);
    cai_nocaps_note_fine(block, 64, true);
    require_read(block);
}

CHILD_TEST(test_N7_R1_the_first_long_guess, 60)
{
    static void *block;

    require(cai_allocate(CAI_PLACE_nocaps, 100000, true) != NULL);
    cai_quarantine_release();
    block = guessed(100000);
    require_read(block);
}

/* What somebody promised is not read while another's guess moves, but for that time. */
CHILD_TEST(test_N3_N7_a_promise_is_one_again, 60)
{
    static void *promised, *block;

    promised = cai_allocate(CAI_PLACE_nocaps, 100000, true);
    require(promised != NULL);
    block = guessed(64);
    uint64_t waiting = take();
    point_to(promised, waiting, 0);
    give(waiting);
    require((block = cai_nocaps_resize(block, 3000, false, "realloc")) != NULL);
    require_released(waiting);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_N7_R1_a_word_in_what_a_compiler_guessed),
        cmocka_unit_test(test_N3_N7_a_promise_is_one_again),
        cmocka_unit_test(test_N7_R1_the_first_short_guess),
        cmocka_unit_test(test_N7_R1_the_first_long_guess),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
