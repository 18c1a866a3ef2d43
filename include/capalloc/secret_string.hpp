/* ca::secret_string: text that is never anywhere but in secret memory. std::basic_string keeps short strings in its own
 * object, on the stack or wherever that lies, with any allocator; this one has no such room. What it holds stays out of
 * core dumps and is cleared when it grows, shrinks, is cleared, or goes.
 *
 *     ca::secret_string password;
 *     password.resize(64);
 *     password.resize(read_it(password.data(), password.size()));   -- straight from the kernel: no copy elsewhere
 *     if (password == expected) ...                                 -- takes as long wherever they differ
 *
 * It cannot be printed: there is no operator<<, and no way to a std::string_view but view(), which says so. It cannot
 * be copied but by clone(). What it was made from, and what others make of its view(), is not its own to clear.
 *
 * Different strings may be used by different threads, one string by one at a time. Where memory runs out ca::bad_alloc,
 * a std::bad_alloc, is thrown, and the string is as it was. Needs C++17.
 */
#ifndef CAPALLOC_SECRET_STRING_HPP
#define CAPALLOC_SECRET_STRING_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "capalloc/secret_string.hpp needs C++17 or newer (-std=c++17)"
#endif

#include <capalloc/intention.hpp>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace ca
{

/* Characters in secret memory, with a zero behind the last. Contract: X6, Z2, Z3, Z4. */
class CA_NODISCARD_TYPE_ secret_string
{
  public:
    /* Empty, without a block; its blocks will be from this authority. */
    explicit secret_string(ca_authority authority = ca_default_authority()) noexcept : authority_(authority) {}

    /* A copy of the text, which the caller clears. */
    explicit secret_string(std::string_view text, ca_authority authority = ca_default_authority())
        : authority_(authority)
    {
        append(text);
    }

    /* Moving leaves an empty string behind. */
    secret_string(secret_string &&source) noexcept : authority_(source.authority_)
    {
        swap(source);
    }
    secret_string &operator=(secret_string &&source) noexcept
    {
        secret_string old(std::move(*this));
        swap(source);
        return *this;
    }
    ~secret_string()
    {
        drop();
    }
    void swap(secret_string &other) noexcept
    {
        std::swap(block_, other.block_);
        std::swap(size_, other.size_);
        std::swap(authority_, other.authority_);
    }
    friend void swap(secret_string &left, secret_string &right) noexcept
    {
        left.swap(right);
    }

    /* A second one with the same text, from the same authority. */
    CA_NODISCARD_ secret_string clone() const
    {
        return secret_string(view(), authority_);
    }

    /* Clears the text and gives its block back; the string is empty. */
    void drop() noexcept
    {
        ca_secret block = std::exchange(block_, ca_secret{nullptr, 0});
        size_ = 0;
        if (block.ptr != nullptr)
            ca_deallocate_zeroed(block);
    }

    CA_NODISCARD_ std::size_t size() const noexcept
    {
        return size_;
    }
    CA_NODISCARD_ bool empty() const noexcept
    {
        return size_ == 0;
    }
    /* How long it can become without a new block. */
    CA_NODISCARD_ std::size_t capacity() const noexcept
    {
        return block_.size == 0 ? 0 : block_.size - 1;
    }

    /* The characters, until the string grows or goes. NULL where there never were any; c_str() is then an empty
     * string. */
    CA_NODISCARD_ char *data() noexcept
    {
        return static_cast<char *>(block_.ptr);
    }
    CA_NODISCARD_ const char *c_str() const noexcept
    {
        return block_.ptr == nullptr ? "" : static_cast<const char *>(block_.ptr);
    }
    CA_NODISCARD_ std::string_view view() const noexcept
    {
        return std::string_view(c_str(), size_);
    }
    char &operator[](std::size_t index) noexcept
    {
        return data()[index];
    }
    char operator[](std::size_t index) const noexcept
    {
        return c_str()[index];
    }
    char *begin() noexcept
    {
        return data();
    }
    char *end() noexcept
    {
        return data() + size_;
    }
    const char *begin() const noexcept
    {
        return c_str();
    }
    const char *end() const noexcept
    {
        return c_str() + size_;
    }

    /* Has room for `size` characters afterwards. Where the block moves, the old one is cleared. */
    void reserve(std::size_t size)
    {
        if (size <= capacity())
            return;
        if (size >= PTRDIFF_MAX)
            throw_error(CA_ERROR_LAYOUT);
        ca_layout layout = {size + 1, 1};
        ca_secret_result result =
            block_.ptr == nullptr ? ca_allocate_secret(authority_, layout) : ca_grow(authority_, block_, layout);
        if (!ca_is_ok(result))
            throw_error(ca_error_of(result));
        block_ = ca_unwrap(result);
    }

    /* `size` characters: more are zero, fewer are cleared. */
    void resize(std::size_t size)
    {
        reserve_twice(size);
        if (size < size_)
            wipe(size, size_);
        size_ = size;
    }

    void push_back(char one)
    {
        append(std::string_view(&one, 1));
    }
    void pop_back() noexcept
    {
        wipe(size_ - 1, size_);
        size_--;
    }
    /* Text from inside this string will do as well. */
    secret_string &append(std::string_view text)
    {
        std::uintptr_t within =
            reinterpret_cast<std::uintptr_t>(text.data()) - reinterpret_cast<std::uintptr_t>(data());
        bool own = block_.ptr != nullptr && within < block_.size;
        if (text.size() > PTRDIFF_MAX - size_)
            throw_error(CA_ERROR_LAYOUT);
        if (text.empty())
            return *this;
        reserve_twice(size_ + text.size());
        std::memmove(data() + size_, own ? data() + within : text.data(), text.size());
        size_ += text.size();
        return *this;
    }
    secret_string &operator+=(std::string_view text)
    {
        return append(text);
    }
    /* Clears the text; the block stays. */
    void clear() noexcept
    {
        wipe(0, size_);
        size_ = 0;
    }

    /* Of two texts of one length, every character is compared, so that the time does not tell where they differ; that
     * the lengths differ it does. */
    friend bool operator==(const secret_string &left, std::string_view right) noexcept
    {
        return left.equals(right);
    }
    friend bool operator!=(const secret_string &left, std::string_view right) noexcept
    {
        return !left.equals(right);
    }
    friend bool operator==(const secret_string &left, const secret_string &right) noexcept
    {
        return left.equals(right.view());
    }
    friend bool operator!=(const secret_string &left, const secret_string &right) noexcept
    {
        return !left.equals(right.view());
    }

  private:
    /* By doubling, so that growing by one character at a time does not copy each time. */
    void reserve_twice(std::size_t size)
    {
        std::size_t twice = capacity() * 2 < 31 ? 31 : capacity() * 2;
        if (size > capacity())
            reserve(size < twice ? twice : size);
    }
    /* By stores that no compiler removes. */
    void wipe(std::size_t from, std::size_t to) noexcept
    {
        for (volatile char *next = data() + from, *last = data() + to; next != last; ++next)
            *next = 0;
    }
    bool equals(std::string_view other) const noexcept
    {
        volatile unsigned char difference = 0;
        if (size_ != other.size())
            return false;
        for (std::size_t i = 0; i < size_; i++)
            difference = static_cast<unsigned char>(difference | (c_str()[i] ^ other[i]));
        return difference == 0;
    }

    ca_secret block_ = {nullptr, 0};
    std::size_t size_ = 0;
    ca_authority authority_;
};

/* A secret is not printed. Who has to, says so: stream << secret.view(). Contract: X6. */
template <class Stream> Stream &operator<<(Stream &, const secret_string &) = delete;

} // namespace ca

#endif
