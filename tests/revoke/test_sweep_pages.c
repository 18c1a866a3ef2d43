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
#include <sys/resource.h>

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
    require(cai_quarantine_told().kept_bytes >= BYTES && present() == 0);
    require(is_all_zero(pointer, BYTES)); /* still a block's, still zero */
    require_null(audit_heap());
}

static uint64_t faults(void)
{
    struct rusage usage;

    require(getrusage(RUSAGE_SELF, &usage) == 0);
    return (uint64_t)usage.ru_minflt;
}

/* And reading does not bring them in again. */
CHILD_TEST(test_R3_a_sweep_brings_no_page_in, 60)
{
    enum { BLOCKS = 200, BLOCK_BYTES = 60000 };
    char **blocks = ca_malloc(BLOCKS * sizeof *blocks);

    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = ca_malloc(BLOCK_BYTES);
        memset(blocks[i], 1, BLOCK_BYTES);
        ca_free(blocks[i]);
    }
    require(cai_quarantine_sweep());
    require(cai_quarantine_told().kept_bytes >= (uint64_t)BLOCKS * BLOCK_BYTES);
    uint64_t before = faults();
    require(cai_quarantine_sweep());
    require(faults() - before < (uint64_t)BLOCKS * 4);
}

/* A sweep is due when 12 % of what is alive was freed: of the heap once, not also as what was searched. */
CHILD_TEST(test_R3_when_a_sweep_is_due, 60)
{
    enum { BYTES_ALIVE = 200 << 20, BYTES_FREED = 250 << 20, PIECE = 30000 };

    pointer = ca_malloc(BYTES_ALIVE);
    require(cai_quarantine_sweep());
    uint64_t before = cai_quarantine_told().looks;
    for (unsigned i = 0; i < BYTES_FREED / PIECE; i++)
        ca_free(ca_malloc(PIECE));
    uint64_t sweeps = cai_quarantine_told().looks - before;
    require(sweeps >= 8 && sweeps <= 10);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R3_what_is_kept_gives_its_pages_back),
        cmocka_unit_test(test_R3_a_sweep_brings_no_page_in),
        cmocka_unit_test(test_R3_when_a_sweep_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
