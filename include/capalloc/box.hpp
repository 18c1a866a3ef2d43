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
#include <new>
#include <type_traits>
#include <utility>

namespace ca
{

/* How boxes of an intention get and return their blocks. */
template <class Intention> struct box_memory;
#define CA_BOX_MEMORY_(intention)                                                                                      \
    template <> struct box_memory<intention> {                                                                         \
        static constexpr auto allocate = intention##_box_allocate;                                                     \
        static constexpr auto deallocate = intention##_box_deallocate;                                                 \
    };
CA_BOX_MEMORY_(ca_block)
CA_BOX_MEMORY_(ca_nocaps)
CA_BOX_MEMORY_(ca_mustzero)
CA_BOX_MEMORY_(ca_secret)
#undef CA_BOX_MEMORY_

/* An owner of one T in a block of the intention ca_block, ca_nocaps, ca_mustzero or ca_secret. Contract: B1, B2,
 * B3. */
template <class T, class Intention = ca_block> class CA_NODISCARD_TYPE_ box
{
    static_assert(!std::is_array<T>::value, "for arrays take CA_BOX_ARRAY_DEFINE or a container");

  public:
    /* A T made from `arguments`, or an empty box that tells why not. What T's constructor throws goes through, and no
     * memory is lost. */
    template <class... Arguments> static box make_in(ca_authority authority, Arguments &&...arguments)
    {
        box result;
        void *memory = box_memory<Intention>::allocate(authority, CA_LAYOUT_OF(T), false, &result.error_);
        if (memory == nullptr)
            return result;
        struct guard {
            void *memory;
            ~guard()
            {
                if (memory != nullptr)
                    box_memory<Intention>::deallocate(memory, sizeof(T));
            }
        } until_made{memory};
        result.ptr_ = ::new (memory) T(std::forward<Arguments>(arguments)...);
        until_made.memory = nullptr;
        return result;
    }
    template <class... Arguments> static box make(Arguments &&...arguments)
    {
        return make_in(ca_default_authority(), std::forward<Arguments>(arguments)...);
    }

    /* An empty box. Moving empties the source; assigning and the end of the scope drop what the box had. */
    box() noexcept = default;
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

    /* Empties the box, destroys the value, gives the block back; an empty box stays as it is. */
    void drop() noexcept
    {
        T *value = into_raw();
        if (value != nullptr) {
            value->~T();
            box_memory<Intention>::deallocate(value, sizeof(T));
        }
    }

    /* There is a value; and the reason when there never was one. */
    explicit operator bool() const noexcept
    {
        return ptr_ != nullptr;
    }
    ca_error error() const noexcept
    {
        return error_;
    }

    /* Lends the value; null when the box is empty. */
    T *get() const noexcept
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

    /* The caller owns value and block from now on, and from_raw takes them back. */
    T *into_raw() noexcept
    {
        error_ = CA_OK;
        return std::exchange(ptr_, nullptr);
    }
    static box from_raw(T *raw) noexcept
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
    T *ptr_ = nullptr;
    ca_error error_ = CA_OK;
};

} // namespace ca

#endif
