/* The program that test_promises.py starts: keeps memory that was promised to hold no pointers, and breaks the promise
 * as often as the first argument says, in a way that is printed; ends as the second one says.
 */
#include <capalloc/heap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern void *__alloc_token_malloc(size_t size, size_t token);
extern void *__alloc_token_0_malloc(size_t size);

int main(int argc, char **argv)
{
    unsigned words = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    const char *end = argc > 2 ? argv[2] : "exit";
    char **guessed = __alloc_token_malloc(4000, 5);
    char **named = __alloc_token_0_malloc(100000);
    char *target = malloc(64);
    ca_secret key = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){24, 8}));

    memset(guessed, 0, 4000);
    memset(named, 0, 100000);
    for (unsigned i = 0; i < words; i++)
        (i % 3 == 0 ? guessed : named)[i] = target + i % 64;
    if (words > 3)
        memcpy((char *)key.ptr + 8, &named, sizeof named);
    printf("%p %p %p %p\n", (void *)guessed, (void *)named, (void *)target, key.ptr);
    fflush(stdout);
    if (strcmp(end, "_exit") == 0)
        _exit(3);
    if (strcmp(end, "fork") == 0) {
        if (fork() == 0)
            exit(4);
        wait(NULL);
    }
    if (strcmp(end, "close") == 0)
        close(STDERR_FILENO);
    return 3;
}
