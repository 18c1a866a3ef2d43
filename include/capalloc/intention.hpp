/* What the C++ headers have in common: the four intentions as types, which types hold no pointers, and the exception
 * that says why there is no memory.
 *
 * An intention is named by the type of its blocks: ca_block, ca_nocaps, ca_mustzero or ca_secret. A program includes
 * this header to say of a class of its own that it holds no pointers. Needs C++14. Everything here is thread-safe.
 */
#ifndef CAPALLOC_INTENTION_HPP
#define CAPALLOC_INTENTION_HPP

#if !defined(__cplusplus) || __cplusplus < 201402L
#error "capalloc/intention.hpp needs C++14 or newer (-std=c++14)"
#endif

#include <array>
#include <capalloc/heap.h>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace ca
{

/* Does a T hold no pointers, as nocaps and secret memory wants it? True of numbers, enums, and arrays and pairs of
 * them; false of all other types, those of the standard library's nodes included, until a program that knows better
 * says so:
 *
 *     template <> struct ca::no_pointers<point> : std::true_type {};
 *
 * That is a promise: a pointer that lies there all the same is not seen by who looks for pointers. A number that was
 * made from one is one. ca_audit_nocaps finds such words. Contract: N1, X2. */
template <class T>
struct no_pointers : std::integral_constant<bool, std::is_arithmetic<T>::value || std::is_enum<T>::value> {
};
template <class T, std::size_t N> struct no_pointers<T[N]> : no_pointers<std::remove_cv_t<T>> {
};
template <class T, std::size_t N> struct no_pointers<std::array<T, N>> : no_pointers<std::remove_cv_t<T>> {
};
template <class T, class U>
struct no_pointers<std::pair<T, U>>
    : std::integral_constant<bool, no_pointers<std::remove_cv_t<T>>::value && no_pointers<std::remove_cv_t<U>>::value> {
};

/* How blocks of an intention are had and given back. */
template <class Intention> struct intention;
#define CA_INTENTION_(type, pointers, allocate_it, give_back)                                                          \
    template <> struct intention<type> {                                                                               \
        static constexpr bool may_hold_pointers = pointers;                                                            \
        static type##_result allocate(ca_authority authority, ca_layout layout) noexcept                               \
        {                                                                                                              \
            return allocate_it(authority, layout);                                                                     \
        }                                                                                                              \
        static void deallocate(void *ptr, std::size_t size) noexcept                                                   \
        {                                                                                                              \
            give_back(type{ptr, size});                                                                                \
        }                                                                                                              \
    };
CA_INTENTION_(ca_block, true, ca_allocate, ca_deallocate)
CA_INTENTION_(ca_nocaps, false, ca_allocate_nocaps, ca_deallocate)
CA_INTENTION_(ca_mustzero, true, ca_allocate_mustzero, ca_deallocate_zeroed)
CA_INTENTION_(ca_secret, false, ca_allocate_secret, ca_deallocate_zeroed)
#undef CA_INTENTION_

/* A std::bad_alloc that knows why: error() tells, what() says it in English. */
class bad_alloc : public std::bad_alloc
{
  public:
    explicit bad_alloc(ca_error error) noexcept : error_(error) {}
    CA_NODISCARD_ ca_error error() const noexcept
    {
        return error_;
    }
    const char *what() const noexcept override
    {
        return ca_error_string(error_);
    }

  private:
    ca_error error_;
};

/* Throws ca::bad_alloc. Compiled without exceptions it reports the violation unwrap-error, and the program ends. */
[[noreturn]] inline void throw_error(ca_error error)
{
#if defined(__cpp_exceptions)
    throw bad_alloc(error);
#else
    ca_unwrap_failed(error);
    std::abort();
#endif
}

} // namespace ca

#endif
