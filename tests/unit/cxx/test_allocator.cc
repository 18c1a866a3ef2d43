/* ca::allocator in the containers of the standard library. */
#include <capalloc/allocator.hpp>
#include <capalloc/heap.hpp>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "cxx.h"

namespace
{

struct alignas(128) wide {
    char bytes[128];
};
struct alignas(65536) page {
    char bytes[65536];
};
struct point {
    int x, y;
};
struct thrown {
};
template <class Function> int error_thrown(Function function)
{
    try {
        function();
    } catch (const ca::bad_alloc &reason) {
        assert_string_equal(reason.what(), ca_error_string(reason.error()));
        return reason.error();
    }
    return CA_OK;
}

} // namespace

template <> struct ca::no_pointers<point> : std::true_type {
};

static_assert(std::is_empty<ca::allocator<int>>::value, "the default authority takes no room");
static_assert(std::allocator_traits<ca::allocator<int>>::is_always_equal::value, "stateless");
static_assert(!std::allocator_traits<ca::allocator_in<int>>::is_always_equal::value, "stateful");
static_assert(!std::is_default_constructible<ca::allocator_in<int>>::value, "an authority is not to be forgotten");
static_assert(std::is_same<std::allocator_traits<ca::secret_allocator<int>>::rebind_alloc<long>,
                           ca::secret_allocator<long>>::value,
              "another type, the same intention");
static_assert(ca::no_pointers<const double[3]>::value && ca::no_pointers<std::array<std::pair<int, char>, 2>>::value,
              "made of numbers");
static_assert(!ca::no_pointers<int *>::value && !ca::no_pointers<std::pair<int, void *>>::value &&
                  !ca::no_pointers<wide>::value,
              "a pointer, or nobody knows");

/* Everything that a container does, and all blocks are of the intention and come back. */
template <class Intention> static void contain()
{
    std::uint64_t before = live_blocks(), before_there = live_blocks_in(place_of(Intention()));
    {
        std::vector<int, ca::allocator<int, Intention>> numbers;
        for (int i = 0; i < 10000; i++)
            numbers.push_back(i);
        assert_true(is_block<Intention>(numbers.data(), numbers.capacity() * sizeof(int)));
        numbers.shrink_to_fit();
        assert_true(is_block<Intention>(numbers.data(), 10000 * sizeof(int)));
        auto copy = numbers;
        auto moved = std::move(copy);
        assert_true(moved == numbers && moved.back() == 9999);

        std::basic_string<char, std::char_traits<char>, ca::allocator<char, Intention>> text(1000, 'x');
        text += text;
        assert_int_equal(text.size(), 2000);
        assert_true(is_block<Intention>(text.data(), text.capacity() + 1));

        std::vector<bool, ca::allocator<bool, Intention>> flags(1000, true);
        assert_true(flags[999]);
        assert_true(live_blocks_in(place_of(Intention())) >= before_there + 4);
    }
    assert_int_equal(live_blocks(), before);
}

static void test_X1_vector_and_string(void **)
{
    contain<ca_block>();
    contain<ca_nocaps>();
    contain<ca_mustzero>();
    contain<ca_secret>();
}

template <class Intention> static void contain_nodes()
{
    std::uint64_t before = live_blocks();
    {
        std::list<int, ca::allocator<int, Intention>> list;
        std::deque<int, ca::allocator<int, Intention>> deque;
        using entry = std::pair<const int, std::vector<int>>;
        std::map<int, std::vector<int>, std::less<int>, ca::allocator<entry, Intention>> map;
        std::unordered_map<int, std::vector<int>, std::hash<int>, std::equal_to<int>, ca::allocator<entry, Intention>>
            hashed;
        for (int i = 0; i < 2000; i++) {
            list.push_front(i);
            deque.push_back(i);
            deque.push_front(i);
            map[i % 500].push_back(i);
            hashed[i % 700].push_back(i);
        }
        list.sort();
        auto other = list;
        list.splice(list.begin(), other);
        assert_int_equal(list.size(), 4000);
        assert_true(other.empty() && deque.size() == 4000 && map.at(7).size() == 4 && hashed.at(7).size() == 3);
        map.erase(7);
        swap(list, other);
        std::shared_ptr<std::vector<int>> shared =
            std::allocate_shared<std::vector<int>>(ca::allocator<int, Intention>(), 100u, 1);
        std::weak_ptr<std::vector<int>> weak = shared;
        shared.reset();
        assert_true(weak.expired());
    }
    assert_int_equal(live_blocks(), before);
}

static void test_X1_nodes_and_shared_pointers(void **)
{
    contain_nodes<ca_block>();
    contain_nodes<ca_mustzero>();
}

static void test_X1_sizes_and_alignments(void **)
{
    std::uint64_t before = live_blocks();
    ca::allocator<wide> wides;
    wide *two = wides.allocate(2);
    assert_int_equal(reinterpret_cast<std::uintptr_t>(two) % 128, 0);
    assert_true(is_block<ca_block>(two, 2 * sizeof(wide)));
    wides.deallocate(two, 2);
    ca::allocator<page> pages;
    ca::allocator<char> between;
    for (int i = 0; i < 4; i++) { /* large blocks lie at any 16 KiB, by themselves */
        page *one = pages.allocate(1);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(one) % 65536, 0);
        char *gap = between.allocate(40000);
        page *next = pages.allocate(1);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(next) % 65536, 0);
        pages.deallocate(one, 1);
        between.deallocate(gap, 40000);
        pages.deallocate(next, 1);
    }
    std::vector<wide, ca::secret_allocator<wide>> never; /* allocates nothing, so nothing is refused */
    assert_true(never.empty());

    ca::allocator<int> numbers;
    int *none = numbers.allocate(0);
    assert_non_null(none);
    numbers.deallocate(none, 0);
    int *one = numbers.allocate(1);
    assert_int_equal(live_blocks(), before + 1);
    numbers.deallocate(one, 1);

    assert_int_equal(numbers.max_size(), PTRDIFF_MAX / sizeof(int));
    int long_ones = 0;
    for (std::size_t count : {numbers.max_size() + 1, SIZE_MAX, SIZE_MAX / sizeof(int) + 2}) {
        try {
            (void)numbers.allocate(count);
        } catch (const std::bad_array_new_length &) {
            long_ones++;
        }
    }
    assert_int_equal(long_ones, 3);
    assert_int_equal(error_thrown([&] { (void)numbers.allocate(numbers.max_size()); }), CA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(live_blocks(), before);
}

static void test_X1_C6_quota_is_bad_alloc_and_nothing_is_lost(void **)
{
    auto heap = ca::heap::make(1 << 20);
    std::size_t all = heap.quota_remaining();
    {
        std::vector<int, ca::allocator_in<int>> numbers(heap.get());
        int refused = error_thrown([&] {
            for (int i = 0;; i++)
                numbers.push_back(i);
        });
        assert_int_equal(refused, CA_ERROR_QUOTA);
        assert_true(numbers.size() >= 65536);
        for (std::size_t i = 0; i < numbers.size(); i++)
            assert_int_equal(numbers[i], static_cast<int>(i));

        std::map<int, std::string, std::less<int>, ca::allocator_in<std::pair<const int, std::string>>> map(heap.get());
        bool caught = false;
        try {
            for (int i = 0;; i++)
                map.emplace(i, std::to_string(i));
        } catch (const std::bad_alloc &) {
            caught = true;
        }
        assert_true(caught);
        int next = 0;
        for (const auto &entry : map)
            assert_true(entry.first == next && entry.second == std::to_string(next++));
    }
    assert_int_equal(heap.quota_remaining(), all);
    assert_int_equal(heap.charged(), 0);
    assert_int_equal(error_thrown([] { (void)ca::allocator_in<int>(ca_authority()).allocate(1); }),
                     CA_ERROR_NOT_PERMITTED);
}

static void test_X1_authorities_travel_with_their_blocks(void **)
{
    using vector = std::vector<int, ca::allocator_in<int>>;
    auto first = ca::heap::make(1 << 20, "first"), second = ca::heap::make(1 << 20, "second");
    {
        assert_true(ca::allocator_in<int>(first) == ca::allocator_in<long>(first));
        assert_true(ca::allocator_in<int>(first) != ca::allocator_in<int>(second));
        assert_true(ca::allocator<int>() == ca::allocator<long>());

        vector one(1000, 1, first.get()), two(2000, 2, second.get());
        std::size_t in_first = first.charged(), in_second = second.charged();
        assert_true(in_first >= 4000 && in_second >= 8000);
        vector copy(one); /* in the first, too */
        assert_int_equal(first.charged(), 2 * in_first);
        copy = two; /* stays in the first */
        assert_true(copy.get_allocator() == one.get_allocator());
        assert_int_equal(second.charged(), in_second);
        const int *was = two.data();
        copy = std::move(two); /* the block itself, with its authority */
        assert_ptr_equal(copy.data(), was);
        assert_true(copy.get_allocator() != one.get_allocator());
        swap(copy, one);
        assert_int_equal(copy.size(), 1000);
        assert_ptr_equal(one.data(), was);
        vector elsewhere(one, first.get());
        assert_true(elsewhere.get_allocator() == copy.get_allocator() && elsewhere.size() == 2000);
    }
    assert_int_equal(first.charged() + second.charged(), 0);
}

static void test_X2_a_class_that_says_so(void **)
{
    std::vector<point, ca::nocaps_allocator<point>> points(100, point{1, 2});
    std::vector<point, ca::secret_allocator<point>> secrets(points.begin(), points.end());
    assert_true(is_block<ca_nocaps>(points.data(), points.capacity() * sizeof(point)));
    assert_true(is_block<ca_secret>(secrets.data(), secrets.capacity() * sizeof(point)));
    assert_int_equal(ca_audit_nocaps(nullptr, nullptr), 0);
}

template <class Intention> static void leaves_zeros()
{
    using vector = std::vector<unsigned char, ca::allocator<unsigned char, Intention>>;
    vector key(5000, 0xa5);
    const unsigned char *old = key.data();
    std::size_t length = key.capacity();
    key.reserve(50000);
    assert_ptr_not_equal(key.data(), old);
    assert_int_equal(not_zero(old, length), 0); /* grown: cleared where it was */
    assert_int_equal(not_zero(key.data(), 5000), 5000);

    old = key.data();
    length = key.capacity();
    key.resize(700);
    key.shrink_to_fit();
    assert_int_equal(not_zero(old, length), 0);
    old = key.data();
    vector().swap(key);
    assert_int_equal(not_zero(old, 700), 0);

    try {
        vector doomed(700, 0x5a);
        old = doomed.data();
        throw thrown();
    } catch (const thrown &) {
        assert_int_equal(not_zero(old, 700), 0);
    }
}

static void test_X3_Z2_containers_leave_zeros_behind(void **)
{
    leaves_zeros<ca_mustzero>();
    leaves_zeros<ca_secret>();
    std::list<std::array<int, 20>, ca::mustzero_allocator<std::array<int, 20>>> list;
    std::array<int, 20> ones;
    ones.fill(-1);
    list.push_back(ones);
    const void *node = &list.front();
    list.pop_back();
    assert_int_equal(not_zero(node, sizeof ones), 0);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_X1_vector_and_string),
        cmocka_unit_test(test_X1_nodes_and_shared_pointers),
        cmocka_unit_test(test_X1_sizes_and_alignments),
        cmocka_unit_test(test_X1_C6_quota_is_bad_alloc_and_nothing_is_lost),
        cmocka_unit_test(test_X1_authorities_travel_with_their_blocks),
        cmocka_unit_test(test_X2_a_class_that_says_so),
        cmocka_unit_test(test_X3_Z2_containers_leave_zeros_behind),
    };
    return cmocka_run_group_tests_name("cxx.allocator", tests, nullptr, nullptr);
}
