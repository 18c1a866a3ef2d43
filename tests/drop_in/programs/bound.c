/* What deepbind.c loads: allocates and gives back, by whatever malloc it is bound to; and loads a third library, found
 * by its own RUNPATH alone.
 */
#include "check.h"

#include <dlfcn.h>

__attribute__((visibility("default"))) void *bound_allocate(size_t size);
__attribute__((visibility("default"))) void bound_free(void *block);
__attribute__((visibility("default"))) void *bound_load(void);

void *bound_allocate(size_t size)
{
    return malloc(size);
}

void bound_free(void *block)
{
    free(block);
}

void *bound_load(void)
{
    return dlopen("deeper.so", RTLD_NOW | RTLD_DEEPBIND);
}
