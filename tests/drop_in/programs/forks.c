/* forks COUNT: forking out of a process whose other threads are in the middle of malloc and free.
 *
 * Each child allocates, frees its parent's blocks, calloc-s, starts a thread, forks again, and ends by exit or exec. A
 * child that hangs is ended by SIGALRM, and that is a failure here.
 */
#include "busy.h"

#include <sys/wait.h>
#include <unistd.h>

enum { BUSY_THREADS = 4, BUSY_BLOCKS = 100, BLOCKS = 600, CHILD_SECONDS = 60, GENERATIONS = 4 };

/* What is not small is mostly a large block: taken and given under a lock, with system calls. */
static size_t random_size(uint64_t *random, unsigned percent_small)
{
    uint64_t dice = next_random(random);

    return dice % 100 < percent_small ? dice / 100 % 2000 : dice / 100 % 1000000;
}

static void *keep_busy(void *number)
{
    uint64_t random = (uintptr_t)number + 1;
    unsigned small = random % 2 == 0 ? 97 : 20;
    void *blocks[BUSY_BLOCKS] = {0};

    do {
        size_t i = next_random(&random) % BUSY_BLOCKS;
        if (next_random(&random) % 4 == 0) {
            blocks[i] = realloc(blocks[i], random_size(&random, small) + 1);
        } else {
            free(blocks[i]);
            blocks[i] = malloc(random_size(&random, small));
        }
    } while (busy_goes_on((unsigned)(uintptr_t)number));
    for (size_t i = 0; i < BUSY_BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void wait_for(pid_t child)
{
    int status;

    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *in_child_thread(void *argument)
{
    uint64_t random = 42;
    void **parents = argument;

    for (size_t i = 0; i < BLOCKS; i += 2) {
        free(parents[i]);
        parents[i] = malloc(random_size(&random, 97) + 1);
    }
    return NULL;
}

/* Goes on with what the parent had: checks it, frees some of it, here and in a thread. */
static void go_on(void **parents)
{
    pthread_t thread;

    for (size_t i = 0; i < BLOCKS; i++) {
        if (parents[i] == NULL)
            continue;
        CHECK(*(unsigned char *)parents[i] == (unsigned char)i);
        if (i % 3 != 0)
            continue;
        free(parents[i]);
        unsigned char *zero = calloc(1, 1000);
        CHECK(zero != NULL && zero[0] == 0 && zero[999] == 0);
        parents[i] = zero;
    }
    CHECK(pthread_create(&thread, NULL, in_child_thread, parents) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < BLOCKS; i++)
        *(unsigned char *)parents[i] = (unsigned char)i;
}

/* One generation after the other, each the parent of the next. */
_Noreturn static void child(void **parents)
{
    uint64_t random = (uint64_t)getpid();
    pid_t next = 0;

    for (int generation = 0; next == 0 && generation < GENERATIONS; generation++) {
        alarm(CHILD_SECONDS);
        go_on(parents);
        if (next_random(&random) % 3 != 0)
            break;
        next = fork();
    }
    if (next != 0)
        wait_for(next);
    for (size_t i = 0; i < BLOCKS; i++)
        free(parents[i]);
    if (next_random(&random) % 8 == 0)
        execl("/bin/true", "true", (char *)NULL);
    exit(0);
}

int main(int count, char **arguments)
{
    void *blocks[BLOCKS];
    uint64_t random = 1;
    long forks = count == 2 ? strtol(arguments[1], NULL, 10) : 0;

    CHECK(forks > 0);

    for (unsigned i = 0; i < BUSY_THREADS; i++)
        busy_start(keep_busy);
    for (long round = 0; round < forks; round++) {
        busy_again();
        for (size_t i = 0; i < BLOCKS; i++) {
            CHECK((blocks[i] = malloc(random_size(&random, 97) + 1)) != NULL);
            *(unsigned char *)blocks[i] = (unsigned char)i;
        }
        pid_t forked = fork();
        if (forked == 0)
            child(blocks);
        for (size_t i = 0; i < BLOCKS; i++)
            free(blocks[i]);
        busy_rest();
        wait_for(forked);
    }
    busy_end();
    return 0;
}
