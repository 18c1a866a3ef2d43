/* Claims: won once, given up as what the block was or became, and undone in the child of a fork. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "heaps/repair.h"
#include "os/holder.h"
#include "pages/meta.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/process.h"
#include "support/refuse.h"

#include <sys/resource.h>

static const size_t sizes[] = {1, 16, 40, 600, 5000, 100000};

static struct cai_live taken(enum cai_place place, size_t bytes, char **block)
{
    *block = cai_allocate(place, bytes, false);
    require(*block != NULL);
    struct cai_live live = cai_find_live(place, *block);
    cai_exact_set(live, bytes);
    return cai_find_live(place, *block);
}

/* Claimed, it is nobody's to use, is counted as live, and the report says what it is. */
CHILD_TEST_EACH(test_C9_a_claimed_block_is_nobody_elses, 10, sizes)
{
    char *block;
    struct cai_live live = taken(CAI_PLACE_ordinary, value, &block);
    refuse_start();
    require(cai_claim(live) && !cai_claim(live));
    require(cai_find_live(CAI_PLACE_ordinary, block).state == NULL);
    require(cai_find_any(block).found == CAI_FOUND_CLAIMED);
    cai_free(CAI_PLACE_ordinary, block, "free");
    require(was_refused("double-free"));
    require(cai_resize(CAI_PLACE_ordinary, block, 10 * value, "realloc") == NULL && was_refused("double-free"));
    require_null(audit_all());
    cai_claim_return(live);
    require(cai_find_live(CAI_PLACE_ordinary, block).byte == live.byte && cai_self->claim.block == 0);
    cai_free(CAI_PLACE_ordinary, block, "free");
    require_null(audit_all());
}

CHILD_TEST_EACH(test_C9_it_comes_back_as_what_it_became, 10, sizes)
{
    char *block;
    struct cai_live live = taken(CAI_PLACE_mustzero, value, &block);
    require(cai_claim(live));
    cai_claim_return_resized(live, value == 1 ? 1 : value / 2);
    require(cai_exact_bytes(cai_find_live(CAI_PLACE_mustzero, block)) == (value == 1 ? 1 : value / 2));
    live = cai_find_live(CAI_PLACE_mustzero, block);
    require(cai_claim(live));
    cai_claim_return_wiped(live);
    struct cai_live wiped = cai_find_live(CAI_PLACE_mustzero, block);
    require(cai_state_is_wiped(wiped.byte) && wiped.size_class == live.size_class);
    require(cai_exact_bytes(wiped) == cai_exact_bytes(live));
    cai_free(CAI_PLACE_mustzero, block, "free");
    require_null(audit_all());
}

/* What was freed after all cannot be claimed. */
CHILD_TEST(test_C9_a_freed_block_is_not_claimed, 10)
{
    char *block;
    struct cai_live live = taken(CAI_PLACE_ordinary, 100, &block);
    cai_free(CAI_PLACE_ordinary, block, "free");
    require(!cai_claim(live) && cai_self->claim.block == 0);
    require_null(audit_all());
}

/* In the child of a fork the claim of a thread that is not there is undone: the block is live again as it was, and what
 * its content was being taken to is handed over. */
CHILD_TEST_EACH(test_D7_claims_of_threads_that_are_not_there, 10, sizes)
{
    char *block, *to;
    enum cai_place place = CAI_PLACES;
    struct cai_live live = taken(CAI_PLACE_nocaps, value, &block);
    taken(CAI_PLACE_nocaps, 2 * value, &to);
    require(cai_claim(live));
    cai_claim_moves_to(to);
    require(cai_claim_repair(&cai_self->claim, &place) == to && place == CAI_PLACE_nocaps);
    struct cai_live again = cai_find_live(CAI_PLACE_nocaps, block);
    require(again.byte == live.byte && again.size_class == live.size_class);
    require(cai_exact_bytes(again) == value);
    require(cai_claim_repair(&cai_self->claim, &place) == NULL);
    require_null(audit_all());
}

/* A thread without a heap has a record, too, from the claim to its end, in whatever heap it is by then. */
CHILD_TEST_EACH(test_D7_claims_of_threads_without_a_heap, 10, sizes)
{
    char *block;
    enum cai_place place = CAI_PLACES;
    struct cai_live live = taken(CAI_PLACE_secret, value, &block);
    struct cai_thread *own = cai_self;
    cai_self = &cai_thread_gone;
    require(cai_claim(live) && cai_stray != NULL && cai_claim_record() == cai_stray);
    cai_claim_return(live);
    require(cai_stray == NULL && cai_claim_record() == NULL);
    require(cai_claim(live));
    struct cai_claim *record = cai_stray;
    require(!cai_claim(live) && cai_stray == record); /* refused: its record is nobody's again */
    cai_self = own;
    require(cai_claim_record() == cai_stray && own->claim.block == 0);
    require(cai_claim_repair(cai_stray, &place) == NULL && place == CAI_PLACE_secret);
    require(cai_find_live(CAI_PLACE_secret, block).byte == live.byte);
    cai_stray_give();
    require(cai_stray == NULL);
    require_null(audit_all());
}

/* As a signal handler does that frees in the middle of a free: the claims of a thread are a stack, and each stands in a
 * record of its own, of threads with a heap and without. */
CHILD_TEST_EACH(test_D7_claims_within_claims, 10, sizes)
{
    enum { DEEP = 4 };
    char *block[DEEP];
    struct cai_live live[DEEP];
    struct cai_claim *record[DEEP];
    struct cai_thread *own = cai_self;
    for (unsigned i = 0; i < DEEP; i++)
        live[i] = taken(CAI_PLACE_secret, value, &block[i]);
    for (unsigned i = 0; i < DEEP; i++) {
        cai_self = i == 2 ? &cai_thread_gone : own;
        require(cai_claim(live[i]));
        record[i] = cai_claim_record();
        cai_claim_moves_to(block[i]);
    }
    require(!cai_claim(live[0])); /* refused, and nothing is lost by it */
    for (unsigned i = 0; i < DEEP; i++)
        require(cai_claim_state(record[i]) == live[i].state && record[i]->to == block[i]);
    for (unsigned i = DEEP - 1; i > 0; i--) {
        require(cai_claim_record() == record[i]);
        cai_free_live(CAI_PLACE_secret, block[i], cai_live_claimed(live[i]));
        require(record[i]->block == 0);
    }
    require(cai_claim_record() == record[0] && cai_claim_state(record[0]) == live[0].state);
    cai_claim_return(live[0]);
    require(cai_stray == NULL && own->claim.block == 0 && own->claim.to == NULL);
    cai_free(CAI_PLACE_secret, block[0], "free");
    require_null(audit_all());
}

/* Two threads that are not there wanted one block. One of them had it, and its content was on its way; the other was
 * about to find that out. Whichever record comes first, the block is live again, and what was to be its second is not.
 */
static const bool no_yes[] = {false, true};

CHILD_TEST_EACH(test_D7_two_records_of_one_block, 10, no_yes)
{
    char *block, *to;
    struct cai_live live = taken(CAI_PLACE_secret, 5000, &block);
    taken(CAI_PLACE_secret, 6000, &to);
    struct cai_thread *own = cai_self;
    cai_self = &cai_thread_gone;
    if (!value)
        cai_stray_take()->block = cai_claim_of(live.state, live.byte);
    require(cai_claim(live));
    cai_claim_moves_to(to);
    if (value)
        cai_stray_take()->block = cai_claim_of(live.state, live.byte);
    cai_self = own;
    cai_stray = NULL;
    cai_lock_number += 1000000; /* from here on it is another thread that has these records */
    cai_stray_repair();
    cai_repair_rest();
    require(cai_find_live(CAI_PLACE_secret, block).byte == live.byte);
    require(cai_find_live(CAI_PLACE_secret, to).state == NULL && cai_stray_next_lost(NULL) == NULL);
    cai_free(CAI_PLACE_secret, block, "free");
    require_null(audit_all());
}

/* More at once than there is room for records: with memory for more, each has one; without, they claim all the same.
 * They end in order. */
static const size_t memory[] = {0, 1};

CHILD_TEST_EACH(test_D7_more_claims_without_a_heap_than_records, 10, memory)
{
    enum { ALL = 3 * CAI_STRAYS + 3 };
    struct cai_live live[ALL];
    char *block;
    if (value == 0 && process_is_emulated())
        return; /* an emulator's own memory is under no limit of the program's: it never runs out */
    for (unsigned i = 0; i < ALL; i++)
        live[i] = taken(CAI_PLACE_secret, 40, &block);
    struct cai_thread *own = cai_self;
    cai_self = &cai_thread_gone;
    struct rlimit before, none = {0, 0};
    require(getrlimit(RLIMIT_AS, &before) == 0);
    none.rlim_max = before.rlim_max;
    if (value == 0)
        require(setrlimit(RLIMIT_AS, &none) == 0);
    while (value == 0 && cai_meta_allocate(4096) != NULL) {
    }
    for (unsigned i = 0; i < ALL; i++) {
        require(cai_claim(live[i]));
        require((cai_claim_record() == NULL) == (value == 0 && i >= CAI_STRAYS));
    }
    for (unsigned i = ALL; i-- > 0;) {
        require((cai_claim_record() == NULL) == (value == 0 && i >= CAI_STRAYS));
        cai_claim_return(live[i]);
    }
    require(cai_stray == NULL && setrlimit(RLIMIT_AS, &before) == 0);
    for (unsigned i = 0; i < ALL; i++)
        require(cai_claim(live[i])); /* each record is there again */
    for (unsigned i = ALL; i-- > 0;)
        cai_claim_return(live[i]);
    cai_self = own;
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C9_a_claimed_block_is_nobody_elses),
        cmocka_unit_test(test_C9_it_comes_back_as_what_it_became),
        cmocka_unit_test(test_C9_a_freed_block_is_not_claimed),
        cmocka_unit_test(test_D7_claims_of_threads_that_are_not_there),
        cmocka_unit_test(test_D7_claims_of_threads_without_a_heap),
        cmocka_unit_test(test_D7_claims_within_claims),
        cmocka_unit_test(test_D7_two_records_of_one_block),
        cmocka_unit_test(test_D7_more_claims_without_a_heap_than_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
