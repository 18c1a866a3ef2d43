/* ca::box<T, intention>: the box of box.h for C++ objects. Its constructor and destructor do what NAME_new and
 * NAME_drop do there; it can be moved and not copied, and moving leaves null behind. Like std::unique_ptr, with the
 * four intentions, an authority, and memory that runs out as a value. After Rust's Box.
 *
 *     auto box = ca::box<session>::make(user, port);         // or make_in(authority, user, port)
 *     if (!box)
 *         return box.error();
 *     box->send();
 *
 * Needs C++14. Different boxes may be used by different threads, one box by one at a time.
 */
#ifndef CAPALLOC_BOX_HPP
#define CAPALLOC_BOX_HPP

#if !defined(__cplusplus) || __cplusplus < 201402L
#error "capalloc/box.hpp needs C++14 or newer (-std=c++14); in C and in C++11 take CA_BOX_DEFINE of capalloc/box.h"
#endif

#include <capalloc/box.h>
#include <capalloc/intention.hpp>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace ca
{

/* An owner of one T in a block of the intention ca_block, ca_nocaps, ca_mustzero or ca_secret. In the two that hold no
 * pointers a class is believed to have none, a pointer is refused. Contract: B1, B2, B3, X2. */
template <class T, class Intention = ca_block> class CA_NODISCARD_TYPE_ box
{
    static_assert(!std::is_array<T>::value, "for arrays take CA_BOX_ARRAY_DEFINE or a container");
    static_assert(intention<Intention>::may_hold_pointers || no_pointers<T>::value || std::is_class<T>::value ||
                      std::is_union<T>::value,
                  "this memory is promised to hold no pointers: take ca_block or ca_mustzero");

  public:
    using element_type = T;

    /* A T made from `arguments`, or an empty box that tells why not. What T's constructor throws goes through, and no
     * memory is lost. */
    template <class... Arguments> CA_NODISCARD_ static box make_in(ca_authority authority, Arguments &&...arguments)
    {
        box result;
        auto block = intention<Intention>::allocate(authority, CA_LAYOUT_OF(T));
        void *memory = block.ptr;
        result.error_ = ca_error_of(block);
        if (memory == nullptr)
            return result;
        struct guard {
            void *memory;
            ~guard()
            {
                if (memory != nullptr)
                    intention<Intention>::deallocate(memory, sizeof(T));
            }
        } until_made{memory};
        result.ptr_ = ::new (memory) T(std::forward<Arguments>(arguments)...);
        until_made.memory = nullptr;
        return result;
    }
    template <class... Arguments> CA_NODISCARD_ static box make(Arguments &&...arguments)
    {
        return make_in(ca_default_authority(), std::forward<Arguments>(arguments)...);
    }

    /* An empty box. Moving empties the source; assigning and the end of the scope drop what the box had. */
    box() noexcept = default;
    box(std::nullptr_t) noexcept {}
    box(box &&source) noexcept : ptr_(std::exchange(source.ptr_, nullptr)), error_(std::exchange(source.error_, CA_OK))
    {
    }
    box &operator=(box &&source) noexcept
    {
        box old(std::move(*this));
        ptr_ = std::exchange(source.ptr_, nullptr);
        error_ = std::exchange(source.error_, CA_OK);
        return *this;
    }
    ~box()
    {
        drop();
    }
    box(const box &) = delete;
    box &operator=(const box &) = delete;
    void swap(box &other) noexcept
    {
        std::swap(ptr_, other.ptr_);
        std::swap(error_, other.error_);
    }
    friend void swap(box &left, box &right) noexcept
    {
        left.swap(right);
    }

    /* Empties the box, destroys the value, gives the block back; an empty box stays as it is. */
    void drop() noexcept
    {
        T *value = into_raw();
        if (value != nullptr) {
            value->~T();
            intention<Intention>::deallocate(value, sizeof(T));
        }
    }

    /* Drops what the box had, and takes over what is given, as from_raw does. */
    void reset(T *raw = nullptr) noexcept
    {
        box old(std::move(*this));
        ptr_ = raw;
    }

    /* There is a value; and the reason when there never was one. */
    explicit operator bool() const noexcept
    {
        return ptr_ != nullptr;
    }
    CA_NODISCARD_ ca_error error() const noexcept
    {
        return error_;
    }

    /* Comparing with nullptr tells the same. */
    friend bool operator==(const box &left, std::nullptr_t) noexcept
    {
        return left.ptr_ == nullptr;
    }
    friend bool operator==(std::nullptr_t, const box &right) noexcept
    {
        return right.ptr_ == nullptr;
    }
    friend bool operator!=(const box &left, std::nullptr_t) noexcept
    {
        return left.ptr_ != nullptr;
    }
    friend bool operator!=(std::nullptr_t, const box &right) noexcept
    {
        return right.ptr_ != nullptr;
    }

    /* Lends the value; null when the box is empty. */
    CA_NODISCARD_ T *get() const noexcept
    {
        return ptr_;
    }
    T &operator*() const noexcept
    {
        return *ptr_;
    }
    T *operator->() const noexcept
    {
        return ptr_;
    }

    /* Lends the value of a box that has one. That it has none is the violation unwrap-error, as for ca_unwrap; there is
     * nothing to go on with, so that the program ends also where a handler wants to continue. */
    CA_NODISCARD_ T &value() const noexcept
    {
        require();
        return *ptr_;
    }

    /* Hands the value out and gives the block back; the box is empty. Like value() where there is none. */
    CA_NODISCARD_ T into_inner()
    {
        require();
        box until_moved(std::move(*this));
        return std::move(*until_moved.ptr_);
    }

    /* The caller owns value and block from now on, and from_raw takes them back. */
    CA_NODISCARD_ T *into_raw() noexcept
    {
        error_ = CA_OK;
        return std::exchange(ptr_, nullptr);
    }
    CA_NODISCARD_ static box from_raw(T *raw) noexcept
    {
        box result;
        result.ptr_ = raw;
        return result;
    }

    /* The value lives until the program ends. */
    T *leak() noexcept
    {
        return static_cast<T *>(ca_box_untracked(into_raw()));
    }

  private:
    void require() const noexcept
    {
        if (ptr_ == nullptr) {
            ca_unwrap_failed(error_ == CA_OK ? CA_ERROR_INVALID : error_);
            std::abort();
        }
    }

    T *ptr_ = nullptr;
    ca_error error_ = CA_OK;
};

} // namespace ca

#endif
