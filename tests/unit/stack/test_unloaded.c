/* Modules that are unloaded while somebody asks for their name: what the C library has of them is free memory by then,
 * anybody's, or gone. Here this program says what is loaded, in the C library's place.
 */
#include "unit/unit.h"

#include "core/callers.h"
#include "stack/origin.h"
#include "support/child.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE
static char code[64]; /* the module's */
static struct link_map *record;
static unsigned asked, stays; /* so many times it was asked for; it is found so many times */

int _dl_find_object(void *address, struct dl_find_object *found)
{
    if ((char *)address < code || (char *)address >= code + sizeof code || asked++ >= stays)
        return -1;
    *found =
        (struct dl_find_object){.dlfo_map_start = code, .dlfo_map_end = code + sizeof code, .dlfo_link_map = record};
    return 0;
}

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A page, before one that cannot be touched. */
static char *last_page(void)
{
    char *pages = mmap(NULL, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    require(pages != MAP_FAILED && mprotect(pages + page(), page(), PROT_NONE) == 0);
    return pages;
}

static bool look(struct cai_origin *origin)
{
    asked = 0;
    return cai_origin_look(origin, (uintptr_t)code + 1);
}

/* As a report has it: by its name, or as a bare address. */
static bool is_listed_by_name(void)
{
    char text[CAI_CALLERS_BYTES];
    uintptr_t frame = (uintptr_t)code + 1;

    asked = 0;
    require(cai_callers_list(text, sizeof text, &frame, 1) != 0);
    return strstr(text, "/module+0x") != NULL;
}

CHILD_TEST(test_S4_a_module_has_its_name, 10)
{
    static char name[] = "/module";
    struct link_map map = {.l_addr = (uintptr_t)code, .l_name = name};
    struct cai_origin origin;
    record = &map;
    stays = 2;
    require(look(&origin) && strcmp(origin.path, name) == 0 && origin.bias == (uintptr_t)code);
    require(origin.low == (uintptr_t)code && origin.high == origin.low + sizeof code);
    require(is_listed_by_name());
}

/* Its record is not mapped any more; or is other memory: the name is nothing, or nowhere, or has no end. */
CHILD_TEST(test_S4_a_module_whose_record_is_gone, 10)
{
    struct cai_origin origin;
    char *pages = last_page();
    struct link_map map = {.l_name = NULL};
    stays = 2;
    record = NULL;
    require(!look(&origin) && !is_listed_by_name());
    record = (struct link_map *)(pages + page());
    require(!look(&origin) && !is_listed_by_name());
    record = (struct link_map *)(pages + page() - offsetof(struct link_map, l_name)); /* half of it */
    require(!look(&origin) && !is_listed_by_name());
    record = &map;
    require(!look(&origin) && !is_listed_by_name());
    map.l_name = pages + page();
    require(!look(&origin) && !is_listed_by_name());
    memset(&map, 0x5a, sizeof map);
    require(!look(&origin) && !is_listed_by_name());
    map.l_name = memset(pages, 'x', page());
    require(look(&origin) && strlen(origin.path) == sizeof origin.path - 1);
    map.l_name = pages + page() - 3;
    require(!look(&origin) && !is_listed_by_name());
}

/* It was unloaded while its name was copied: that is not believed. */
CHILD_TEST(test_S4_a_module_that_is_gone_meanwhile, 10)
{
    static char name[] = "/module";
    struct link_map map = {.l_name = name};
    struct cai_origin origin;
    record = &map;
    stays = 1;
    require(!look(&origin) && !is_listed_by_name());
}
#else
static void test_S4_a_module_has_its_name(void **state)
{
    (void)state;
    skip(); /* this C library does not say what is loaded */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S4_a_module_has_its_name),
#ifdef DLFO_STRUCT_HAS_EH_DBASE
        cmocka_unit_test(test_S4_a_module_whose_record_is_gone),
        cmocka_unit_test(test_S4_a_module_that_is_gone_meanwhile),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
