/* What cannot be touched where the kernel has no guards, or has them no more: then it is a mapping that nobody may
 * touch. */
#include "unit/unit.h"

#include "blocks/wall.h"
#include "core/settings.h"
#include "heaps/heaps.h"
#include "os/guard.h"
#include "support/child.h"

#include <capalloc/malloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

/* As of memory that is locked, no new ones; as of an older kernel, none at all. */
static enum { NONE, NO_NEW, ALL } guards;

int __real_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice)
{
    if (guards == ALL || (advice != GUARD_INSTALL && (advice != GUARD_REMOVE || guards == NO_NEW)))
        return __real_madvise(address, length, advice);
    errno = EINVAL;
    return -1;
}

/* A slab that has one; with pages of 64 KiB none has. */
static struct cai_unit *walled(void)
{
    enum { BYTES = 30000, BLOCKS = 4000 };

    for (unsigned i = 0; i < BLOCKS; i++) {
        struct cai_live live = cai_find_live(CAI_PLACE_ordinary, ca_malloc(BYTES));
        require(live.state != NULL);
        if (cai_wall_of(cai_live_run(live)) != 0)
            return cai_live_run(live);
    }
    require(cai_settings->page_bytes == CAI_PAGE_BYTES_MAX);
    exit(0);
}

static void use(uintptr_t wall)
{
    memset((void *)wall, 0x5a, cai_settings->page_bytes);
}

/* The thread that was building it is not there any more, and has not said by which way it is one. */
CHILD_TEST(test_H10_D7_a_wall_that_somebody_was_building_goes_with_its_slab, 60)
{
    struct cai_unit *slab = walled();
    uintptr_t wall = cai_wall_of(slab);

    require(slab->wall == CAI_SHUT_BY_MAPPING);
    slab->wall = CAI_SHUT_BY_GUARD | CAI_SHUT_BY_MAPPING;
    cai_wall_lift(slab);
    use(wall);
}

/* The same where it was not there yet. */
CHILD_TEST(test_H10_D7_a_wall_that_somebody_was_about_to_build, 60)
{
    struct cai_unit *slab = walled();
    uintptr_t wall = cai_wall_of(slab);

    cai_wall_lift(slab);
    slab->wall = CAI_SHUT_BY_GUARD | CAI_SHUT_BY_MAPPING;
    cai_wall_lift(slab);
    use(wall);
}

static char *take(size_t bytes)
{
    char *block = ca_malloc(bytes);

    require(block != NULL);
    return memset(block, 0x5a, bytes);
}

/* The program locks its memory, and then its blocks end elsewhere in the same pages: nobody's guard is left there. */
CHILD_TEST(test_H4_guards_of_before_the_memory_was_locked_are_lifted, 60)
{
    enum { SHORT = 300000, LONG = 306000, BLOCKS = 40 };
    char *blocks[BLOCKS];

    guards = ALL;
    for (unsigned i = 0; i < BLOCKS; i++)
        blocks[i] = i % 2 == 0 ? take(SHORT) : ca_malloc(SHORT); /* what was not written to waits in another way */
    guards = NO_NEW;
    for (unsigned i = 0; i < BLOCKS; i++)
        ca_free(blocks[i]);
    for (unsigned i = 0; i < 10 * BLOCKS; i++)
        ca_free(take(LONG));
    ca_trim();
    for (unsigned i = 0; i < 10 * BLOCKS; i++)
        (void)take(LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H10_D7_a_wall_that_somebody_was_building_goes_with_its_slab),
        cmocka_unit_test(test_H10_D7_a_wall_that_somebody_was_about_to_build),
        cmocka_unit_test(test_H4_guards_of_before_the_memory_was_locked_are_lifted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
