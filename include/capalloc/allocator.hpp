/* Intentions as allocators of the standard library: containers whose memory lies in the place that was promised.
 *
 *     std::vector<float, ca::nocaps_allocator<float>> samples;               -- holds no pointers
 *     std::vector<unsigned char, ca::secret_allocator<unsigned char>> key;   -- nor that, and is cleared
 *     std::map<int, person, std::less<int>, ca::mustzero_allocator<std::pair<const int, person>>> people;
 *
 *     auto heap = ca::heap::make(64 << 20);                                  -- capalloc/heap.hpp
 *     std::vector<int, ca::allocator_in<int>> numbers(heap.get());           -- from that heap and its quota
 *
 * Two things to know. What a container keeps in its own object is not in this memory: short strings are, so that
 * std::basic_string with a secret allocator holds short passwords on the stack; take ca::secret_string of
 * capalloc/secret_string.hpp. And what is erased from a container stays in its block until that goes back: the block is
 * cleared then, and when the container grows.
 *
 * Allocators are as thread-safe as ca_allocate. Containers with nodes (list, map, deque, shared_ptr) keep pointers
 * beside the values: nocaps and secret memory refuses them when they are compiled, ordinary and must-zero memory is
 * right for them. Needs C++14.
 */
#ifndef CAPALLOC_ALLOCATOR_HPP
#define CAPALLOC_ALLOCATOR_HPP

#include <capalloc/intention.hpp>
#include <cstdint>

namespace ca
{

/* By whose right an allocator allocates: the default authority, which takes no room in the object. */
class default_right
{
  public:
    CA_NODISCARD_ ca_authority authority() const noexcept
    {
        return ca_default_authority();
    }
    friend bool operator==(const default_right &, const default_right &) noexcept
    {
        return true;
    }
};

/* The same, an authority that was given. Equal means the same one: a block could go back through any other, too, but
 * whoever destroys a heap must know which containers live in it, and so blocks stay with their authority. */
class given_right
{
  public:
    given_right(ca_authority authority) noexcept : authority_(authority) {}
    CA_NODISCARD_ ca_authority authority() const noexcept
    {
        return authority_;
    }
    friend bool operator==(const given_right &left, const given_right &right) noexcept
    {
        return left.authority_.opaque[0] == right.authority_.opaque[0] &&
               left.authority_.opaque[1] == right.authority_.opaque[1];
    }

  private:
    ca_authority authority_;
};

/* An allocator of the standard library for blocks of an intention, ca_block, ca_nocaps, ca_mustzero or ca_secret. Take
 * one of the names below. A container that is moved from or swapped hands its authority over with its blocks; one that
 * is assigned to keeps its own; a copy that is constructed has the authority of the original. Contract: X1, X2, X3. */
template <class T, class Intention, class Right> class basic_allocator : private Right
{
  public:
    using value_type = T;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using is_always_equal = std::is_empty<Right>;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    template <class U> struct rebind {
        using other = basic_allocator<U, Intention, Right>;
    };

    /* From nothing, or from a ca_authority, as the right is. */
    using Right::Right;
    basic_allocator() = default;
    template <class U>
    basic_allocator(const basic_allocator<U, Intention, Right> &other) noexcept : Right(other.right())
    {
    }

    /* Room for `count` objects, which may be none. Throws std::bad_array_new_length when no address space holds that
     * many, and ca::bad_alloc, a std::bad_alloc, for every error of ca_allocate; nothing is lost then. */
    CA_NODISCARD_ T *allocate(size_type count)
    {
        static_assert(intention<Intention>::may_hold_pointers || no_pointers<T>::value,
                      "this memory is promised to hold no pointers: take ca_block or ca_mustzero for pointers and for "
                      "containers with nodes, or specialise ca::no_pointers for a class that holds none");
        if (count > max_size())
            throw_length();
        auto result = intention<Intention>::allocate(authority(), ca_layout{count * sizeof(T), alignof(T)});
        if (result.ptr == nullptr)
            throw_error(ca_error_of(result));
        return static_cast<T *>(result.ptr);
    }

    /* Gives it back: `count` is the one it was asked for with. Anything else is a violation. Must-zero and secret
     * memory is cleared. */
    void deallocate(T *block, size_type count) noexcept
    {
        intention<Intention>::deallocate(block, count * sizeof(T));
    }

    /* The largest count that allocate does not turn down at once. */
    CA_NODISCARD_ size_type max_size() const noexcept
    {
        return static_cast<size_type>(PTRDIFF_MAX) / sizeof(T);
    }

    /* The authority that allocates. */
    CA_NODISCARD_ ca_authority authority() const noexcept
    {
        return Right::authority();
    }
    CA_NODISCARD_ const Right &right() const noexcept
    {
        return *this;
    }

  private:
    [[noreturn]] static void throw_length()
    {
#if defined(__cpp_exceptions)
        throw std::bad_array_new_length();
#else
        throw_error(CA_ERROR_LAYOUT);
#endif
    }
};

/* Blocks of one can be given back through the other: always without a given authority, else when it is the same. */
template <class T, class U, class Intention, class Right>
bool operator==(const basic_allocator<T, Intention, Right> &left,
                const basic_allocator<U, Intention, Right> &right) noexcept
{
    return left.right() == right.right();
}
template <class T, class U, class Intention, class Right>
bool operator!=(const basic_allocator<T, Intention, Right> &left,
                const basic_allocator<U, Intention, Right> &right) noexcept
{
    return !(left == right);
}

/* Stateless: memory of an intention by the default authority. Contract: X1. */
template <class T, class Intention = ca_block> using allocator = basic_allocator<T, Intention, default_right>;

/* The same by an authority that is given: ca::allocator_in<T>(authority). Contract: X1. */
template <class T, class Intention = ca_block> using allocator_in = basic_allocator<T, Intention, given_right>;

/* Memory without pointers. What ca::no_pointers does not know to hold none does not compile. Contract: X2, N1. */
template <class T> using nocaps_allocator = allocator<T, ca_nocaps>;
template <class T> using nocaps_allocator_in = allocator_in<T, ca_nocaps>;

/* Memory that is cleared when it goes back, and when a container that grows leaves it. Contract: X3, Z2. */
template <class T> using mustzero_allocator = allocator<T, ca_mustzero>;
template <class T> using mustzero_allocator_in = allocator_in<T, ca_mustzero>;

/* Both. Contract: X2, X3. */
template <class T> using secret_allocator = allocator<T, ca_secret>;
template <class T> using secret_allocator_in = allocator_in<T, ca_secret>;

} // namespace ca

#endif
