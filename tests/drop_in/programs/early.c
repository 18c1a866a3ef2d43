/* Preloaded in front of the drop-in library: uses malloc as early and as late as a library can, and hooks fork before
 * malloc was ever called.
 */
#include "check.h"

#include <pthread.h>

enum { BLOCKS = 2000 };
static void *blocks[BLOCKS];
static void *across_fork[BLOCKS];

static void use(void **where, size_t unit)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK((where[i] = malloc(i * unit + 1)) != NULL);
        memset(where[i], (int)i, i * unit + 1);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        CHECK(((unsigned char *)where[i])[i * unit] == (unsigned char)i);
}

static void drop(void **where)
{
    for (size_t i = 0; i < BLOCKS; i++)
        free(where[i]);
}

/* A library may allocate in its fork handlers: glibc's own does, for its streams. */
static void before_fork(void)
{
    use(across_fork, 40);
}

static void after_fork(void)
{
    drop(across_fork);
}

static void at_exit(void)
{
    drop(blocks);
    use(blocks, 30);
    drop(blocks);
}

__attribute__((constructor(101))) static void first(void)
{
    if (getenv("EARLY_FORK_HANDLERS") != NULL)
        CHECK(pthread_atfork(before_fork, after_fork, after_fork) == 0);
    use(blocks, 17);
    CHECK(atexit(at_exit) == 0);
}

__attribute__((destructor(101))) static void last(void)
{
    use(blocks, 5);
    drop(blocks);
}
