/* Run on the drop-in library, loads a library that has an engine of its own inside: that one must give no memory.
 *
 *     second PLUGIN
 */
#include "check.h"

#include <dlfcn.h>

int main(int count, char **arguments)
{
    CHECK(count == 2);
    void *handle = dlopen(arguments[1], RTLD_NOW);
    CHECK(handle != NULL);
    void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(handle, "plugin_allocate");
    CHECK(allocate != NULL && allocate(100) == NULL && errno == ENOMEM);
    return 0;
}
