/* A user of the installed library: every form of allocation once, through the header that includes all. */
#include <capalloc/capalloc.h>

CA_BOX_DEFINE(number_box, long, CA_NO_DESTRUCTOR)

int main(void)
{
    ca_authority authority = ca_default_authority();
    ca_block block = ca_unwrap(ca_allocate(authority, CA_LAYOUT_OF(long[4])));
    ca_secret secret = ca_unwrap(ca_allocate_secret(authority, CA_LAYOUT_ARRAY(char, 32)));
    CA_SCOPED(number_box) box = number_box_new(7);
    ca_stats stats = CA_STATS_INIT;
    void *pointer = ca_malloc(100);

    ca_stats_read(&stats);
    if (*number_box_get(&box) != 7 || stats.live_blocks < 3 || ca_check(block) != CA_OK || pointer == NULL)
        return 1;
    ca_free(pointer);
    ca_deallocate(block);
    ca_deallocate_zeroed(secret);
    return 0;
}
