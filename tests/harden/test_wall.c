/* A wall on a kernel without guards, where it is a mapping that nobody may touch. */
#include "unit/unit.h"

#include "blocks/wall.h"
#include "core/settings.h"
#include "heaps/heaps.h"
#include "os/guard.h"
#include "support/child.h"

#include <capalloc/malloc.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

int __real_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice)
{
    if (advice != GUARD_INSTALL && advice != GUARD_REMOVE)
        return __real_madvise(address, length, advice);
    errno = EINVAL;
    return -1;
}

/* A slab that has one. */
static struct cai_unit *walled(void)
{
    enum { BYTES = 3000, BLOCKS = 10000 };

    for (unsigned i = 0; i < BLOCKS; i++) {
        struct cai_live live = cai_find_live(CAI_PLACE_ordinary, ca_malloc(BYTES));
        require(live.state != NULL);
        if (cai_wall_of(cai_live_run(live)) != 0)
            return cai_live_run(live);
    }
    require(false);
    return NULL;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H10_D7_a_wall_that_somebody_was_building_goes_with_its_slab),
        cmocka_unit_test(test_H10_D7_a_wall_that_somebody_was_about_to_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
