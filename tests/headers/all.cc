/* Everything that the headers bring, for C++: the functions are there by including them, templates and macros by being
 * used. Compiled with warnings on, as a user may, whose headers are not the system's. */
#include <capalloc/capalloc.h>
#include <capalloc/conformance.h>
#if __cplusplus >= 201402L
#include <capalloc/allocator.hpp>
#include <capalloc/box.hpp>
#include <capalloc/heap.hpp>
#if __cplusplus >= 201703L
#include <capalloc/memory_resource.hpp>
#include <capalloc/secret_string.hpp>
#endif
#include <vector>

struct session {
    explicit session(int number_) : number(number_) {}
    int number;
};

static int boxes()
{
    auto box = ca::box<session>::make(3);
    auto secret = ca::box<session, ca_secret>::make_in(ca_default_authority(), 3);
    auto moved = std::move(box);
    auto heap = ca::heap::make(1 << 20);
    std::vector<int, ca::nocaps_allocator_in<int>> numbers(10, 1, heap.get());
    std::vector<int, ca::secret_allocator<int>> key(10);
#if __cplusplus >= 201703L
    ca::memory_resource<ca_mustzero> resource(heap);
    ca::secret_string text("text");
    std::pmr::vector<int> more(text.size(), 1, &resource);
#endif

    return moved && secret ? moved->number + (*secret).number + static_cast<int>(moved.error()) : 0;
}
#else
static int boxes()
{
    return 0;
}
#endif

CA_BOX_DEFINE(number_box, int, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_secret, key_box, int, CA_NO_DESTRUCTOR)
CA_BOX_ARRAY_DEFINE(numbers_box, int, CA_NO_DESTRUCTOR)
CA_RC_DEFINE(counted, int, CA_NO_DESTRUCTOR)
CA_ARC_DEFINE(shared, int, CA_NO_DESTRUCTOR)

int main()
{
    ca_authority heap = ca_default_authority();
    ca_block block = ca_unwrap(ca_allocate(heap, CA_LAYOUT_ARRAY(char, 20)));
    ca_secret key = ca_unwrap(ca_allocate_secret(heap, CA_LAYOUT_OF(long)));
    CA_SCOPED(number_box) scoped = number_box_new(1);
    ca_arena arena;
    ca_stats stats = CA_STATS_INIT;
    ca_protection protection = CA_PROTECTION_INIT;
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;
    ca_conformance_options conformance = CA_CONFORMANCE_INIT;
    uint32_t loaded = 0;
    ca_cap cap = ca_cap_unwrap(ca_cap_allocate(heap, CA_LAYOUT_OF(int)));

    block = ca_unwrap(ca_grow(heap, block, CA_LAYOUT_ARRAY(char, 40)));
    block = ca_unwrap(ca_shrink(block, CA_LAYOUT_ARRAY(char, 10)));
    ca_deallocate(block);
    ca_wiped wiped = ca_wipe(&key);
    key = ca_secret_reuse(&wiped);
    wiped = ca_assume_zero(heap, &key);
    if (ca_check(wiped) == CA_OK)
        ca_deallocate(wiped);
    ca_arena_init(&arena, ca_libc());
    int *one = CA_ARENA_NEW(&arena, int);
    int *four = CA_ARENA_ARRAY(&arena, int, 4);
    ca_arena_destroy(&arena);
    ca_cap_store_u32(cap, 0, 7);
    ca_cap_load_u32(cap, 0, &loaded);
    loaded += (ca_cap_perms_get(cap) & (CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE_CAP)) != 0;
    ca_cap_deallocate(cap);
    return boxes() + (one && four && stats.live_bytes && protection.wanted && options.policy && info.rights &&
                      conformance.steps && loaded && ca_error_of(ca_allocate(heap, CA_LAYOUT_OF(int))) == CA_OK);
}
