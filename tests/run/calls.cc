// A program that gives a block back twice, through a template, an inlined function, a function with a name of Rust, and
// where it is told to: in a signal handler, in a forked child, with a handler that refuses. Or that writes to it.
#include <capalloc/violation.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

static void *block;

namespace shop
{
template <class T> struct Basket {
    [[gnu::noinline]] void clear(T *item)
    {
        std::free(item);
        __asm__ volatile("");
    }
};
} // namespace shop

static inline __attribute__((always_inline)) void settle(int *item)
{
    shop::Basket<int>().clear(item);
    __asm__ volatile("");
}

extern "C" void rust(int *item) __asm__("_RNvNtCs1234_7mycrate4shop5sweep");
[[gnu::noinline]] void rust(int *item)
{
    settle(item);
    __asm__ volatile("");
}

[[gnu::noinline]] static void checkout(int)
{
    rust(static_cast<int *>(block));
    __asm__ volatile("");
}

[[gnu::noinline]] static void touch()
{
    *static_cast<volatile int *>(block) = 1;
}

static bool refuse(const ca_violation *)
{
    return true;
}

int main(int, char **arguments)
{
    const bool touches = std::strcmp(arguments[1], "touch") == 0; // until it is one that is guarded

    for (int tries = touches ? 1000 : 1; tries > 0; tries--) {
        block = std::malloc(100);
        std::free(block);
        if (touches)
            touch();
    }
    if (std::strcmp(arguments[1], "refuse") == 0)
        reinterpret_cast<decltype(&ca_set_violation_handler)>(dlsym(RTLD_DEFAULT, "ca_set_violation_handler"))(refuse);
    if (std::strcmp(arguments[1], "child") == 0 && fork() != 0) {
        wait(nullptr);
        return 0;
    }
    if (std::strcmp(arguments[1], "signal") == 0) {
        std::signal(SIGUSR1, checkout);
        raise(SIGUSR1);
    }
    checkout(0);
    return 0;
}
