/* See clock.h. In the place of src/os/os_linux.c's functions, by the linker's --wrap. */
#include "clock.h"

#include <stddef.h>
#include <stdint.h>

uint64_t __wrap_cai_os_milliseconds(void);
uint64_t __wrap_cai_os_random(void);
void __wrap_cai_os_random_words(uint64_t *words, size_t count);

static uint64_t now_ms = 1000000;

void clock_advance(unsigned ms)
{
    now_ms += ms;
}

uint64_t __wrap_cai_os_milliseconds(void)
{
    return now_ms;
}

uint64_t __wrap_cai_os_random(void)
{
    static uint64_t state;
    uint64_t mixed = state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

void __wrap_cai_os_random_words(uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        words[i] = __wrap_cai_os_random();
}
