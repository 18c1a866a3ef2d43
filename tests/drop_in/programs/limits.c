/* Allocates blocks of one size until there are no more, and goes on working afterwards.
 *
 *     limits SIZE [LIMIT]    prints the bytes that were handed out, at most LIMIT
 */
#include "check.h"

struct link {
    struct link *next;
};

int main(int count, char **arguments)
{
    CHECK(count >= 2);
    size_t size = strtoull(arguments[1], NULL, 10);
    size_t limit = count > 2 ? strtoull(arguments[2], NULL, 10) : SIZE_MAX;
    size_t total = 0;
    struct link *first = NULL;

    while (total < limit) {
        struct link *block = malloc(size);
        if (block == NULL)
            break;
        block->next = first;
        first = block;
        total += size;
    }
    if (total < limit)
        CHECK(errno == ENOMEM);
    while (first != NULL) {
        struct link *next = first->next;
        free(first);
        first = next;
    }
    /* All is free again: the half of it must be there once more, in blocks of another size. */
    char *half = malloc(total / 2);
    CHECK(half != NULL);
    half[total / 2 - 1] = 1;
    free(half);
    printf("%zu\n", total);
    return 0;
}
