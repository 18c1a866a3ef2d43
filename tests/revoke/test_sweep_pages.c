/* What a sweep keeps costs addresses, not memory. */
#include "unit/unit.h"

#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/zeros.h"

#include <capalloc/capalloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BYTES = 200000, PAGE = 4096, PAGES = BYTES / PAGE };

static char *volatile pointer; /* keeps the block */

static unsigned present(void)
{
    unsigned char pages[PAGES];
    unsigned found = 0;

    require(mincore((void *)(((uintptr_t)pointer + PAGE - 1) & ~(uintptr_t)(PAGE - 1)), PAGES * PAGE, pages) == 0);
    for (unsigned i = 0; i < PAGES; i++)
        found += pages[i] & 1;
    return found;
}

CHILD_TEST(test_R3_what_is_kept_gives_its_pages_back, 60)
{
    pointer = ca_malloc(BYTES);
    memset(pointer, 1, BYTES);
    ca_free(pointer);
    require(present() == PAGES);
    require(cai_quarantine_sweep());
    require(cai_quarantine_kept_bytes() >= BYTES && present() == 0);
    require(is_all_zero(pointer, BYTES)); /* still a block's, still zero */
    require_null(audit_heap());
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R3_what_is_kept_gives_its_pages_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
