/* Compiled with -fsanitize=thread. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void *volatile block = malloc(100);

    free(block);
    puts("ran");
    return 0;
}
