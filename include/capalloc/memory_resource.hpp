/* Intentions as memory resources: for containers of std::pmr, whose type does not say where their memory is from.
 *
 *     ca::memory_resource<ca_mustzero> cleared(heap.get());      -- capalloc/heap.hpp
 *     std::pmr::map<int, std::pmr::string> people(&cleared);
 *
 * A resource does not know what types it is asked for: nobody refuses pointers in memory that is promised to hold none.
 * So give ca_nocaps and ca_secret to vectors of plain data only, never to pools or maps, whose links would lie there;
 * capalloc/allocator.hpp has allocators that see the type. Short strings lie in the object: see there.
 *
 * A resource must outlive what it gave. As thread-safe as the functions behind it. Needs C++17 and <memory_resource>.
 */
#ifndef CAPALLOC_MEMORY_RESOURCE_HPP
#define CAPALLOC_MEMORY_RESOURCE_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "capalloc/memory_resource.hpp needs C++17 or newer (-std=c++17)"
#endif

#include <capalloc/intention.hpp>
#include <memory_resource>

namespace ca
{

/* A resource over blocks of one intention, ca_block, ca_nocaps, ca_mustzero or ca_secret, by one authority. Throws
 * ca::bad_alloc, a std::bad_alloc, for every error of ca_allocate. A block that comes back is validated: one of another
 * size is a violation. Equal to one of the same intention and authority. Contract: X4. */
template <class Intention = ca_block> class memory_resource final : public std::pmr::memory_resource
{
  public:
    explicit memory_resource(ca_authority authority = ca_default_authority()) noexcept : authority_(authority) {}
    CA_NODISCARD_ ca_authority authority() const noexcept
    {
        return authority_;
    }

  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        auto result = intention<Intention>::allocate(authority_, ca_layout{bytes, alignment});
        if (result.ptr == nullptr)
            throw_error(ca_error_of(result));
        return result.ptr;
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t) override
    {
        intention<Intention>::deallocate(block, bytes);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
#if defined(__cpp_rtti)
        auto same = dynamic_cast<const memory_resource *>(&other);
        return same != nullptr && same->authority_.opaque[0] == authority_.opaque[0] &&
               same->authority_.opaque[1] == authority_.opaque[1];
#else
        return this == &other;
#endif
    }

    ca_authority authority_;
};

/* A resource over any allocator of capalloc/allocator.h: an arena, a budget, counters, one of your own. Throws
 * ca::bad_alloc for what that one answers. Equal to one over the same allocator. Contract: X4, A5. */
class allocator_resource final : public std::pmr::memory_resource
{
  public:
    explicit allocator_resource(ca_allocator allocator) noexcept : allocator_(allocator) {}
    CA_NODISCARD_ ca_allocator allocator() const noexcept
    {
        return allocator_;
    }

  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        ca_block_result result = ca_allocator_allocate(allocator_, ca_layout{bytes, alignment});
        if (result.ptr == nullptr)
            throw_error(ca_error_of(result));
        return result.ptr;
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override
    {
        ca_allocator_deallocate(allocator_, ca_block{block, bytes}, ca_layout{bytes, alignment});
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
#if defined(__cpp_rtti)
        auto same = dynamic_cast<const allocator_resource *>(&other);
        return same != nullptr && same->allocator_.vtable == allocator_.vtable &&
               same->allocator_.self == allocator_.self;
#else
        return this == &other;
#endif
    }

    ca_allocator allocator_;
};

} // namespace ca

#endif
