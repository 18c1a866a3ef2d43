/* ca::heap and ca::authority: a heap that is destroyed, and a lesser right to it that is revoked, when their owner's
 * scope ends.
 *
 *     auto heap = ca::heap::make(64 << 20, "images");             -- a quota of 64 MiB
 *     if (!heap)
 *         return heap.error();
 *     auto lent = heap.derive(CA_RIGHT_ALLOCATE, 1 << 20);        -- a MiB of it, for somebody else
 *     auto box = ca::box<session>::make_in(heap, user, port);     -- goes where a ca_authority is wanted
 *
 * Declare the heap before what lives in it: a heap that ends takes its blocks along, and the destructor of a container
 * that outlives it gives back blocks that are gone, which is a violation. Nothing throws. Different owners may be used
 * by different threads, one owner by one at a time; the authority itself by any number. Needs C++14.
 */
#ifndef CAPALLOC_HEAP_HPP
#define CAPALLOC_HEAP_HPP

#if !defined(__cplusplus) || __cplusplus < 201402L
#error "capalloc/heap.hpp needs C++14 or newer (-std=c++14)"
#endif

#include <capalloc/heap.h>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ca
{

class authority;

/* What ca::heap and ca::authority have in common: the owner of an authority that ends with it by `End`. Can be moved
 * and not copied. Contract: X5. */
template <ca_error (*End)(ca_authority)> class CA_NODISCARD_TYPE_ authority_owner
{
  public:
    /* Owns nothing. Moving leaves that behind. */
    authority_owner() noexcept = default;
    authority_owner(authority_owner &&source) noexcept
        : authority_(source.into_raw()), error_(std::exchange(source.error_, CA_OK))
    {
    }
    authority_owner &operator=(authority_owner &&source) noexcept
    {
        authority_owner old(std::move(*this));
        swap(source);
        return *this;
    }
    ~authority_owner()
    {
        drop();
    }
    void swap(authority_owner &other) noexcept
    {
        std::swap(authority_, other.authority_);
        std::swap(error_, other.error_);
    }
    friend void swap(authority_owner &left, authority_owner &right) noexcept
    {
        left.swap(right);
    }

    /* Ends it now: a heap is destroyed with all its blocks, a derived authority revoked. */
    void drop() noexcept
    {
        if (*this)
            End(into_raw());
    }

    /* There is one; and the reason when there never was. */
    explicit operator bool() const noexcept
    {
        return authority_.opaque[0] != 0 || authority_.opaque[1] != 0;
    }
    CA_NODISCARD_ ca_error error() const noexcept
    {
        return error_;
    }

    /* The authority, for as long as the owner has it; no authority when it has none. */
    CA_NODISCARD_ ca_authority get() const noexcept
    {
        return authority_;
    }
    operator ca_authority() const &noexcept
    {
        return authority_;
    }
    operator ca_authority() const && = delete; /* its owner ends before anybody can use it */

    /* The caller owns it from now on. */
    CA_NODISCARD_ ca_authority into_raw() noexcept
    {
        return std::exchange(authority_, ca_authority());
    }

    /* A lesser authority: see ca_authority_derive. An empty one that knows the error when that fails. */
    CA_NODISCARD_ authority derive(unsigned rights, std::size_t quota_bytes = SIZE_MAX) const noexcept;

    /* Bytes that it can still take, see ca_authority_quota_remaining; and those that it has taken, in slots' bytes. */
    CA_NODISCARD_ std::size_t quota_remaining() const noexcept
    {
        return ca_authority_quota_remaining(authority_);
    }
    CA_NODISCARD_ std::size_t charged() const noexcept
    {
        ca_authority_info info = CA_AUTHORITY_INFO_INIT;
        return ca_authority_describe(authority_, &info) == CA_OK ? info.charged_bytes : 0;
    }

    /* Gives all its blocks back at once, must-zero ones cleared first: see ca_free_all. */
    CA_NODISCARD_ ca_error free_all() const noexcept
    {
        return ca_free_all(authority_);
    }

    /* Searches all memory for pointers to what was freed, now: see ca_sweep. */
    CA_NODISCARD_ ca_error sweep() const noexcept
    {
        return ca_sweep(authority_);
    }

  protected:
    authority_owner(ca_error error, ca_authority authority) noexcept : authority_(authority), error_(error) {}

  private:
    ca_authority authority_ = ca_authority();
    ca_error error_ = CA_OK;
};

/* The owner of a derived authority, which it revokes. Blocks that it allocated stay, and count against its parent.
 * Contract: X5, C5. */
class CA_NODISCARD_TYPE_ authority : public authority_owner<ca_authority_revoke>
{
  public:
    authority() noexcept = default;

    /* By ca_authority_derive. An empty one that knows the error when that fails. */
    CA_NODISCARD_ static authority derive_from(ca_authority parent, unsigned rights,
                                               std::size_t quota_bytes = SIZE_MAX) noexcept
    {
        ca_authority made = ca_authority();
        ca_error error = ca_authority_derive(parent, rights, quota_bytes, &made);
        return authority(error, made);
    }

    /* Takes over one that nobody else revokes. */
    CA_NODISCARD_ static authority from_raw(ca_authority raw) noexcept
    {
        return authority(CA_OK, raw);
    }

  private:
    using authority_owner::authority_owner;
};

/* The owner of a heap, which it destroys with every block in it. Contract: X5, C6. */
class CA_NODISCARD_TYPE_ heap : public authority_owner<ca_heap_destroy>
{
  public:
    heap() noexcept = default;

    /* A heap of its own: at most quota_bytes in slots' bytes (SIZE_MAX: no limit), a name for reports. An empty one
     * that knows the error when that fails. */
    CA_NODISCARD_ static heap make(std::size_t quota_bytes = SIZE_MAX, const char *name = nullptr) noexcept
    {
        ca_heap_options options = CA_HEAP_OPTIONS_INIT;
        options.quota_bytes = quota_bytes;
        options.name = name;
        ca_authority made = ca_authority();
        ca_error error = ca_heap_create(&options, &made);
        return heap(error, made);
    }

    /* Takes over the root authority of a heap that nobody else destroys. */
    CA_NODISCARD_ static heap from_raw(ca_authority root) noexcept
    {
        return heap(CA_OK, root);
    }

  private:
    using authority_owner::authority_owner;
};

/* Of authority_owner, here because it needs the class. */
template <ca_error (*End)(ca_authority)>
authority authority_owner<End>::derive(unsigned rights, std::size_t quota_bytes) const noexcept
{
    return authority::derive_from(authority_, rights, quota_bytes);
}

} // namespace ca

#endif
