/* A bug that ordinary allocators let pass: a block is given back twice, with another free in between. Afterwards two
 * owners get the same memory. On capalloc the second free is the end, and the report says what was wrong.
 *
 *     cc -O0 -w double_free.c -o double_free && ./double_free; capalloc run -- ./double_free
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 48, CACHED = 7 };

int main(void)
{
    char *others[CACHED];
    char *session = malloc(SIZE);
    char *log = malloc(SIZE);

    /* glibc keeps seven free blocks of a size where it does look for double frees. */
    for (int i = 0; i < CACHED; i++)
        others[i] = malloc(SIZE);
    for (int i = 0; i < CACHED; i++)
        free(others[i]);

    free(session);
    free(log);
    free(session); /* the bug */

    for (int i = 0; i < CACHED; i++)
        others[i] = malloc(SIZE);
    char *alice = malloc(SIZE);
    malloc(SIZE);
    char *bob = malloc(SIZE);
    strcpy(alice, "alice's password");
    strcpy(bob, "bob was here");
    printf("alice reads: %s\n", alice);
    return 0;
}
