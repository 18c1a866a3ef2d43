/* A block that grows gets no room to spare when there is none, and grows all the same.
 *
 *     limits_exact large    under a limit of 64 MiB
 *     limits_exact stays    the same
 *     limits_exact slides   the same, or under any limit that lets it have 61 MiB
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

/* There is no room for both at once; and then none for the longer one. */
static void slides(void)
{
    char *block = malloc(40 * mib);
    char *wall = malloc(mib);

    CHECK(block != NULL && wall > block && wall < block + 41 * mib);
    for (size_t i = 0; i < 40 * mib; i += 4096)
        block[i] = (char)(i >> 12);
    for (size_t size = 41 * mib; size <= 60 * mib; size += 19 * mib) {
        CHECK((block = realloc(block, size)) != NULL);
        for (size_t i = 0; i < 40 * mib; i += 4096)
            CHECK(block[i] == (char)(i >> 12));
        CHECK(block[size - 1] == 0);
        block[size - 1] = 7;
        CHECK((wall = malloc(64 << 10)) != NULL); /* behind it */
        block[size - 1] = 0;
        CHECK(realloc(block, 400 * mib) == NULL);
        CHECK(block[39 * mib] == (char)(39 * mib >> 12));
    }
    free(block);
    CHECK((block = malloc(55 * mib)) != NULL);
    memset(block, 1, 55 * mib);
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
    else if (strcmp(arguments[1], "slides") == 0)
        slides();
    else
        small();
    return 0;
}
