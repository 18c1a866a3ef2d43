/* What a program loads at run time and that is itself linked with libcapalloc.so: the engine comes in with it. */
#include <capalloc/capalloc.h>

#include "check.h"

__attribute__((visibility("default"))) void *plugin_allocate(size_t size);
__attribute__((visibility("default"))) void plugin_free(void *block);

void *plugin_allocate(size_t size)
{
    return ca_malloc(size);
}

void plugin_free(void *block)
{
    ca_free(block);
}

__attribute__((constructor)) static void loaded(void)
{
    ca_free(ca_malloc(100));
}

__attribute__((destructor)) static void unloaded(void)
{
    ca_free(ca_malloc(100));
}
