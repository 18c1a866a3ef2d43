/* See tools.h. Memcheck is asked by its client requests, a sequence of instructions that has no effect but under
 * valgrind; it and the numbers are part of its interface (valgrind/valgrind.h, memcheck.h), which need not be there.
 */
#include "base/tools.h"

#include "base/compiler.h"

enum request {
    MALLOCLIKE_BLOCK = 0x1301,
    FREELIKE_BLOCK = 0x1302,
    RESIZE_IN_PLACE = 0x130b,
    CHANGE_ERROR_DISABLEMENT = 0x1801,
    MAKE_NO_ACCESS = ('M' << 24) + ('C' << 16),
    MAKE_DEFINED = MAKE_NO_ACCESS + 2,
};

static void ask(enum request number, uintptr_t first, uintptr_t second, uintptr_t third, uintptr_t fourth)
{
    volatile uintptr_t arguments[6] = {number, first, second, third, fourth, 0};

#if defined(__x86_64__)
    uintptr_t result = 0;
    __asm__ volatile("rolq $3, %%rdi\n rolq $13, %%rdi\n rolq $61, %%rdi\n rolq $51, %%rdi\n"
                     "xchgq %%rbx, %%rbx"
                     : "+d"(result)
                     : "a"(&arguments[0])
                     : "cc", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x3, #0\n mov x4, %0\n"
                     "ror x12, x12, #3\n ror x12, x12, #13\n ror x12, x12, #51\n ror x12, x12, #61\n"
                     "orr x10, x10, x10"
                     :
                     : "r"(&arguments[0])
                     : "cc", "memory", "x3", "x4");
#else
    (void)arguments;
#endif
}

/* The program's, when it has AddressSanitizer. */
__attribute__((weak)) void __asan_poison_memory_region(const volatile void *address, size_t bytes);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *address, size_t bytes);
__attribute__((weak)) void __lsan_register_root_region(const void *address, size_t bytes);

static void close(const void *from, size_t bytes)
{
    ask(MAKE_NO_ACCESS, (uintptr_t)from, bytes, 0, 0);
    if (__asan_poison_memory_region != NULL)
        __asan_poison_memory_region(from, bytes);
}

void cai_tools_root(uintptr_t address, size_t bytes)
{
    if (__lsan_register_root_region != NULL)
        __lsan_register_root_region((const void *)address, bytes);
}

void cai_tools_taken(const void *block, size_t bytes, size_t slot_bytes, bool zeroed)
{
    close(block, slot_bytes);
    ask(MALLOCLIKE_BLOCK, (uintptr_t)block, bytes, 0, zeroed);
    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(block, bytes);
}

void cai_tools_shrunk(const void *block, size_t before, size_t bytes)
{
    ask(RESIZE_IN_PLACE, (uintptr_t)block, before, bytes, 0);
    if (__asan_poison_memory_region != NULL)
        __asan_poison_memory_region((const char *)block + bytes, before - bytes);
}

void cai_tools_given(const void *block, size_t slot_bytes)
{
    ask(FREELIKE_BLOCK, (uintptr_t)block, 0, 0, 0);
    close(block, slot_bytes);
}

void cai_tools_quiet(bool on)
{
    ask(CHANGE_ERROR_DISABLEMENT, on ? 1 : (uintptr_t)-1, 0, 0, 0);
}

/* Not by memset, which AddressSanitizer has for itself. */
void *cai_tools_zero(void *address, size_t bytes)
{
    char *at = address;

    cai_tools_quiet(true);
    for (const char *end = at + bytes; at != end; at++) {
        *at = 0;
        __asm__ volatile("" : "+r"(at) : : "memory");
    }
    cai_tools_quiet(false);
    return address;
}

void cai_tools_known(const void *value, size_t bytes)
{
    ask(MAKE_DEFINED, (uintptr_t)value, bytes, 0, 0);
}
