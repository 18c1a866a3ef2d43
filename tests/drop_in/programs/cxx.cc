/* operator new and delete in every form, on the drop-in library: each pair is used, failing forms throw, return null,
 * or call the new-handler, and thread_local objects allocate in their destructors.
 */
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#define CHECK(condition)                                                                                               \
    ((condition) ? (void)0 : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))

/* Not a constant for the compiler, which knows what new promises. */
static std::size_t hidden(std::size_t n)
{
    static volatile std::size_t value;
    value = n;
    return value;
}

static void *touched(void *block, std::size_t size, std::size_t align)
{
    CHECK(block != nullptr && reinterpret_cast<std::uintptr_t>(block) % align == 0);
    std::memset(block, 1, size);
    return block;
}

static void every_pair(std::size_t size)
{
    const std::nothrow_t &quiet = std::nothrow;

    operator delete(touched(operator new(size), size, 16));
    operator delete(touched(operator new(size), size, 16), size);
    operator delete(touched(operator new(size, quiet), size, 16), quiet);
    operator delete[](touched(operator new[](size), size, 16));
    operator delete[](touched(operator new[](size), size, 16), size);
    operator delete[](touched(operator new[](size, quiet), size, 16), quiet);
    for (std::size_t a = 1; a <= 1 << 20; a *= 4) {
        std::align_val_t align{a};
        operator delete(touched(operator new(size, align), size, a), align);
        operator delete(touched(operator new(size, align), size, a), size, align);
        operator delete(touched(operator new(size, align, quiet), size, a), align, quiet);
        operator delete[](touched(operator new[](size, align), size, a), align);
        operator delete[](touched(operator new[](size, align), size, a), size, align);
        operator delete[](touched(operator new[](size, align, quiet), size, a), align, quiet);
    }
    operator delete(nullptr);
    operator delete[](nullptr);
    operator delete(nullptr, size);
}

template <class Function> static bool throws_bad_alloc(Function function)
{
    try {
        function();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static int handler_calls;

static void handler()
{
    if (++handler_calls == 3)
        std::set_new_handler(nullptr);
}

struct own_error {
};

/* Whatever a new-handler throws, the nothrow forms return null. */
static void quiet_forms(std::size_t size)
{
    std::align_val_t align{64};

    handler_calls = 0;
    CHECK(operator new(size, std::nothrow) == nullptr);
    CHECK(operator new[](size, std::nothrow) == nullptr);
    CHECK(operator new(size, align, std::nothrow) == nullptr);
    CHECK(operator new[](size, align, std::nothrow) == nullptr);
    CHECK(handler_calls == 4);
}

static void handlers_that_throw(std::size_t size)
{
    std::set_new_handler([] {
        handler_calls++;
        throw std::bad_alloc();
    });
    quiet_forms(size);
    std::set_new_handler([] {
        handler_calls++;
        throw own_error();
    });
    quiet_forms(size);
    std::set_new_handler(nullptr);
}

static void failures()
{
    std::size_t huge = hidden(static_cast<std::size_t>(1) << 60);
    std::size_t largest = hidden(SIZE_MAX);

    for (std::size_t size : {huge, largest}) {
        CHECK(throws_bad_alloc([=] { operator delete(operator new(size)); }));
        CHECK(throws_bad_alloc([=] { operator delete[](operator new[](size)); }));
        CHECK(throws_bad_alloc(
            [=] { operator delete (operator new (size, std::align_val_t{64}), std::align_val_t{64}); }));
        CHECK(operator new(size, std::nothrow) == nullptr);
        CHECK(operator new[](size, std::nothrow) == nullptr);
        CHECK(operator new (size, std::align_val_t{64}, std::nothrow) == nullptr);
    }
    std::set_new_handler(handler);
    CHECK(throws_bad_alloc([=] { operator delete(operator new(huge)); }));
    CHECK(handler_calls == 3 && std::get_new_handler() == nullptr);
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK(operator new(huge, std::nothrow) == nullptr);
    CHECK(handler_calls == 3);
    handlers_that_throw(huge);
    std::set_new_handler([] { throw own_error(); });
    try {
        operator delete(operator new(huge));
        CHECK(false);
    } catch (const own_error &) {
    }
    std::set_new_handler(nullptr);
    CHECK(throws_bad_alloc([=] {
        std::vector<char> v(huge);
        (void)v;
    }));
}

struct loud {
    std::map<std::string, std::vector<int>> content;

    ~loud()
    {
        for (int i = 0; i < 100; i++)
            content[std::string(static_cast<std::size_t>(i), 'x')].assign(static_cast<std::size_t>(i * 3), i);
        CHECK(content.size() >= 100);
    }
};

static thread_local loud own;
static thread_local std::unique_ptr<loud> pointed;

static void thread_local_destructors()
{
    for (int round = 0; round < 50; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; i++)
            threads.emplace_back([] {
                own.content["a"] = {1};
                pointed = std::make_unique<loud>();
            });
        for (std::thread &thread : threads)
            thread.join();
    }
}

static loud at_exit;

int main()
{
    for (std::size_t size = 1; size < 3000000; size = size * 3 + 1)
        every_pair(size);
    every_pair(0);
    failures();
    thread_local_destructors();
    own.content["b"] = {2};
    at_exit.content["c"] = {3};
    return 0;
}
