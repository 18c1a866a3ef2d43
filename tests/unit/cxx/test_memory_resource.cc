/* ca::memory_resource and ca::allocator_resource under the containers of std::pmr. */
#include <capalloc/adapters.h>
#include <capalloc/arena.h>
#include <capalloc/heap.hpp>
#include <capalloc/memory_resource.hpp>
#include <map>
#include <string>
#include <vector>

#include "cxx.h"

template <class Intention> static void contain()
{
    std::uint64_t before = live_blocks();
    {
        ca::memory_resource<Intention> resource;
        std::pmr::vector<int> numbers(&resource);
        for (int i = 0; i < 5000; i++)
            numbers.push_back(i);
        assert_true(is_block<Intention>(numbers.data(), numbers.capacity() * sizeof(int)));
        std::pmr::string text(500, 'x', &resource);
        assert_true(is_block<Intention>(text.data(), text.capacity() + 1));
        void *wide = resource.allocate(100, 256);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(wide) % 256, 0);
        resource.deallocate(wide, 100, 256);
        resource.deallocate(resource.allocate(0, 8), 0, 8);
    }
    assert_int_equal(live_blocks(), before);
}

static void test_X4_every_intention(void **)
{
    contain<ca_block>();
    contain<ca_nocaps>();
    contain<ca_mustzero>();
    contain<ca_secret>();
}

static void test_X4_pools_and_maps(void **)
{
    auto heap = ca::heap::make(8 << 20);
    {
        ca::memory_resource<ca_mustzero> cleared(heap);
        std::pmr::unsynchronized_pool_resource pool(&cleared);
        std::pmr::map<int, std::pmr::string> map(&pool);
        for (int i = 0; i < 1000; i++)
            map.emplace(i, "a string that is too long to be kept in the object");
        assert_true(heap.charged() > 50000);
        std::pmr::monotonic_buffer_resource buffer(&cleared);
        std::pmr::vector<std::pmr::string> texts(&buffer);
        texts.resize(100);
        assert_int_equal(map.at(7).size(), texts[7].size() + 50);
    }
    assert_int_equal(heap.charged(), 0);
}

static void test_X4_quota_and_equality(void **)
{
    auto heap = ca::heap::make(1 << 16), other = ca::heap::make();
    ca::memory_resource<> one(heap), same(heap), elsewhere(other);
    ca::memory_resource<ca_nocaps> nocaps(heap);
    assert_true(one == same && !(one == elsewhere) && !(one == nocaps) && !(nocaps == one));
    assert_true(!(one == *std::pmr::new_delete_resource()));
    bool caught = false;
    std::pmr::vector<int> numbers(&one);
    try {
        numbers.resize(100000);
    } catch (const ca::bad_alloc &reason) {
        caught = reason.error() == CA_ERROR_QUOTA;
    }
    assert_true(caught && numbers.empty());
    assert_int_equal(heap.charged(), 0);
    numbers.resize(100);
    assert_true(heap.charged() >= 400);
}

static void test_X4_A5_over_any_allocator(void **)
{
    ca_counting counting;
    ca_counting_init(&counting, ca_heap_allocator(ca_default_authority()));
    ca_counts counts = {};
    counts.struct_size = sizeof counts;
    {
        ca::allocator_resource resource(ca_counting_allocator(&counting));
        ca::allocator_resource same(ca_counting_allocator(&counting)), libc(ca_heap_allocator(ca_default_authority()));
        assert_true(resource == same && !(resource == libc));
        std::pmr::map<int, std::pmr::string> map(&resource);
        for (int i = 0; i < 100; i++)
            map.emplace(i, "a string that is too long to be kept in the object");
        ca_counting_read(&counting, &counts);
        assert_int_equal(counts.live_blocks, 200);
    }
    ca_counting_read(&counting, &counts);
    assert_int_equal(counts.live_blocks, 0);
    assert_int_equal(counts.live_bytes, 0);

    ca_limit limit;
    ca_limit_init(&limit, ca_heap_allocator(ca_default_authority()), 1000);
    ca::allocator_resource limited(ca_limit_allocator(&limit));
    int error = CA_OK;
    try {
        (void)limited.allocate(1001);
    } catch (const ca::bad_alloc &reason) {
        error = reason.error();
    }
    assert_int_equal(error, CA_ERROR_QUOTA);
    assert_int_equal(ca_limit_used(&limit), 0);

    std::uint64_t before = live_blocks();
    ca_arena arena;
    ca_arena_init(&arena, ca_heap_allocator(ca_default_authority()));
    {
        ca::allocator_resource resource(ca_arena_allocator(&arena));
        std::pmr::vector<std::pmr::string> texts(100, std::pmr::string(100, 'x'), &resource);
        assert_int_equal(texts[99].size(), 100);
    }
    ca_arena_destroy(&arena);
    assert_int_equal(live_blocks(), before);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_X4_every_intention),
        cmocka_unit_test(test_X4_pools_and_maps),
        cmocka_unit_test(test_X4_quota_and_equality),
        cmocka_unit_test(test_X4_A5_over_any_allocator),
    };
    return cmocka_run_group_tests_name("cxx.memory_resource", tests, nullptr, nullptr);
}
