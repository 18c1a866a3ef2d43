/* A program with a function whose name is no name: what is made of it must be text, wherever it is shown. */
#include <stdlib.h>

enum { COUNT = 4000, BYTES = 1000 };

/* clang puts such a name in quotes by itself. */
#ifdef __clang__
#define QUOTE ""
#else
#define QUOTE "\""
#endif
void *hold(void) __asm__(QUOTE "</script><img src=x onerror=document.title=1>" QUOTE);

static void *volatile kept[COUNT];

__attribute__((noinline)) void *hold(void)
{
    void *block = malloc(BYTES);

    __asm__ volatile("" : : "r"(block) : "memory"); /* no jump to malloc, whose caller would be ours */
    return block;
}

int main(void)
{
    for (int i = 0; i < COUNT; i++)
        kept[i] = hold();
    return 0;
}
