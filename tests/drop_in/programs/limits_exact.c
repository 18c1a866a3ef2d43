/* A block that grows gets no room to spare when there is none, and grows all the same.
 *
 *     limits_exact large    under a limit of 64 MiB
 *     limits_exact stays    the same
 *     limits_exact small    under any limit
 */
#include "check.h"

static const size_t mib = (size_t)1 << 20;

/* Both blocks fit, but not with an eighth more. What stands in the way is of another size each time, and so no block
 * that was kept elsewhere. */
static void move(size_t from, size_t to)
{
    char *block = malloc(from);
    char *wall = malloc(to / 512);

    CHECK(block != NULL && wall > block && wall < block + to);
    block[0] = 7;
    block[from - 1] = 7;
    block = realloc(block, to);
    CHECK(block != NULL && block[0] == 7 && block[from - 1] == 7);
    free(block);
    free(wall);
}

/* By more than half, and by less. */
static void large(void)
{
    move(20 * mib, 42 * mib);
    move(28 * mib, 34 * mib);
}

/* There is no room for a second block, and what stands in the way of the first is only kept for the next. */
static void stays(void)
{
    char *block = malloc(30 * mib);
    char *after = malloc(mib);
    char *rest = malloc(20 * mib);

    CHECK(block != NULL && after != NULL && rest != NULL);
    block[0] = 7;
    block[30 * mib - 1] = 7;
    free(after);
    block = realloc(block, 30 * mib + mib / 2);
    CHECK(block != NULL && block[0] == 7 && block[30 * mib - 1] == 7);
    block[30 * mib + mib / 2 - 1] = 7;
    free(block);
    free(rest);
}

/* There is a place for what is asked for, and none for a quarter more. */
static void small(void)
{
    char *block = malloc(8100);
    char *others[20];

    CHECK(block != NULL);
    block[0] = 7;
    for (unsigned i = 0; i < 20; i++)
        CHECK((others[i] = malloc(8400)) != NULL);
    while (malloc(10000) != NULL) {
    }
    free(others[10]);
    CHECK(malloc(10000) == NULL);
    block = realloc(block, 8400);
    CHECK(block != NULL && block[0] == 7);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    if (strcmp(arguments[1], "large") == 0)
        large();
    else if (strcmp(arguments[1], "stays") == 0)
        stays();
    else
        small();
    return 0;
}
