/* A signal handler comes in the middle of a call of the system, with a lock of ours held, and does what needs none. */
#include "unit/unit.h"

#include "fault/faults.h"
#include "heaps/heaps.h"
#include "pages/meta.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_D7_more_claims_than_records_in_a_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
