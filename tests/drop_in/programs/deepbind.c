/* Loads a library with RTLD_DEEPBIND, on the drop-in library.
 *
 *     deepbind blocks LIBRARY   blocks cross the border in both directions
 *     deepbind callers LIBRARY  dlopen still knows who calls: its RUNPATH and $ORIGIN, its name space
 */
#include "check.h"

#include <dlfcn.h>

static void *symbol(void *handle, const char *name)
{
    CHECK(handle != NULL);
    void *found = dlsym(handle, name);
    CHECK(found != NULL);
    return found;
}

static void blocks(const char *library)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_DEEPBIND);
    void *(*allocate)(size_t) = (void *(*)(size_t))symbol(handle, "bound_allocate");
    void (*give_back)(void *) = (void (*)(void *))symbol(handle, "bound_free");

    for (size_t size = 1; size < 3000000; size *= 3) {
        free(allocate(size));
        give_back(malloc(size));
    }
}

static Lmid_t space_of(void *handle)
{
    Lmid_t space = -1;

    CHECK(handle != NULL && dlinfo(handle, RTLD_DI_LMID, &space) == 0);
    return space;
}

static void callers(const char *library)
{
    void *here = dlmopen(LM_ID_BASE, library, RTLD_NOW | RTLD_DEEPBIND);
    void *apart = dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
    void *(*load_here)(void) = (void *(*)(void))symbol(here, "bound_load");
    void *(*load_apart)(void) = (void *(*)(void))symbol(apart, "bound_load");

    CHECK(dlopen("deeper.so", RTLD_NOW) == NULL);
    CHECK(space_of(here) == LM_ID_BASE && space_of(load_here()) == LM_ID_BASE);
    CHECK(space_of(apart) != LM_ID_BASE && space_of(load_apart()) == space_of(apart));
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    if (strcmp(arguments[1], "blocks") == 0)
        blocks(arguments[2]);
    else
        callers(arguments[2]);
    return 0;
}
