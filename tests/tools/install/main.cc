/* The same from C++: the overloads, and the box of C++. */
#include <capalloc/allocator.hpp>
#include <capalloc/box.hpp>
#include <capalloc/capalloc.h>
#include <capalloc/heap.hpp>
#include <vector>

int main()
{
    ca_authority authority = ca_default_authority();
    ca_block block = ca_unwrap(ca_allocate(authority, CA_LAYOUT_OF(long[4])));
    ca_mustzero mustzero = ca_unwrap(ca_allocate_mustzero(authority, CA_LAYOUT_OF(long)));
    auto box = ca::box<long>::make(7);
    auto heap = ca::heap::make(1 << 20);
    std::vector<int, ca::secret_allocator_in<int>> key(8, 1, heap.get());
    ca_stats stats = CA_STATS_INIT;

    ca_stats_read(&stats);
    if (!box || *box != 7 || stats.live_blocks < 3 || ca_check(block) != CA_OK)
        return 1;
    ca_deallocate(block);
    ca_deallocate(ca_wipe(&mustzero));
    return 0;
}
