/* predict SIZE COUNT: prints the addresses of so many blocks, taken one after the other, as numbers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT_MAX = 100000 };

int main(int count, char **words)
{
    static uintptr_t at[COUNT_MAX];
    size_t size = count == 3 ? strtoul(words[1], NULL, 10) : 0;
    size_t blocks = count == 3 ? strtoul(words[2], NULL, 10) : 0;

    if (blocks > COUNT_MAX)
        return 1;
    for (size_t i = 0; i < blocks; i++)
        at[i] = (uintptr_t)malloc(size);
    for (size_t i = 0; i < blocks; i++)
        printf("%ju\n", (uintmax_t)at[i]);
    return 0;
}
