/* A user who checks an allocator. */
#include <capalloc/capalloc.h>
#include <capalloc/conformance.h>

int main(void)
{
    ca_conformance_options options = CA_CONFORMANCE_INIT;

    options.steps = 100;
    return ca_conformance_check(ca_heap_allocator(ca_default_authority()), &options) == 0 ? 0 : 1;
}
