/* A signal handler comes in the middle of a call of the system, with a lock of ours held, and does what needs none. */
#include "unit/unit.h"

#include "fault/faults.h"
#include "heaps/heaps.h"
#include "pages/meta.h"
#include "pages/repair.h"
#include "support/audit.h"
#include "support/child.h"

/* More claims than there are records. */
enum { ALL = CAI_STRAYS + 3 };

static struct cai_live live[ALL];
static unsigned without;
static bool has_come;

static void claim_all(void)
{
    has_come = true;
    for (unsigned i = 0; i < ALL; i++) {
        require(cai_claim(live[i]));
        without += cai_claim_record() == NULL;
    }
    for (unsigned i = ALL; i-- > 0;)
        cai_claim_return(live[i]);
}

/* Making more takes memory, whose lock the handler may have come in under: then there are none. */
CHILD_TEST(test_D7_more_claims_than_records_in_a_handler, 10)
{
    for (unsigned i = 0; i < ALL; i++)
        live[i] = cai_find_live(CAI_PLACE_secret, cai_allocate(CAI_PLACE_secret, 40, false));
    fault_set(&(struct fault){.functions = 0});
    fault_before(FAULT_MAP, 1, claim_all);
    while (!has_come)
        require(cai_meta_allocate(4096) != NULL);
    require(without == 2 && cai_stray == NULL); /* the first stands in the heap */
    require_null(audit_all());
    without = 0;
    claim_all();
    require(without == 0); /* where nothing was interrupted there is memory for more */
    require_null(audit_all());
}

static unsigned forked;

/* As if a handler had forked, and this were the child of a process in which another thread held the zones' locks. */
static void be_a_child(void)
{
    enum { LOST = 1000000 };

    if (forked++ != 0)
        return;
    for (unsigned i = 0; i < CAI_ZONES; i++)
        cai_zones[i].lock.word = LOST;
    cai_zones_repair(true);
}

/* What is being given back to the system while the zones are counted anew is counted once. */
CHILD_TEST(test_D7_a_fork_in_the_middle_of_giving_back, 10)
{
    void *blocks[8];

    for (unsigned i = 0; i < 8; i++)
        blocks[i] = cai_allocate(CAI_PLACE_ordinary, (size_t)100000 << i, false);
    for (unsigned i = 0; i < 8; i += 2)
        cai_free(CAI_PLACE_ordinary, blocks[i], "free");
    fault_set(&(struct fault){.functions = 0});
    fault_before(FAULT_UNMAP, 1, be_a_child);
    cai_housekeeping_trim();
    require(forked != 0);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D7_more_claims_than_records_in_a_handler),
        cmocka_unit_test(test_D7_a_fork_in_the_middle_of_giving_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
