/* Children that are made beside three threads that allocate. One that hangs is ended by SIGALRM, and that is a failure.
 *
 *     children raw COUNT       by _Fork and by the bare system call, of which nobody is told: each child allocates, and
 *                              none of its blocks overlaps another or one of its parent's
 *     children locks COUNT     by fork, while other threads hold locks of streams, or a lock that a handler of fork
 *                              takes, and allocate
 *     children spawned COUNT   by vfork and posix_spawn, with no descriptors open
 */
#include "busy.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, BUSY_BLOCKS = 60, SHORT = 200, LONG = 20, KEPT = 50, SECONDS = 60 };
enum { LONGEST = 2 << 20 /* no heap keeps it: locks are held while the system is asked */ };

static size_t short_size(uint64_t *random)
{
    return 3000 + next_random(random) % 10000;
}

static void *allocate(void *number)
{
    uint64_t random = (uintptr_t)number + 1;
    char *blocks[BUSY_BLOCKS] = {0};

    do {
        size_t i = next_random(&random) % BUSY_BLOCKS;
        free(blocks[i]);
        size_t bytes = i % 4 == 0 ? LONGEST : short_size(&random);
        CHECK((blocks[i] = malloc(bytes)) != NULL);
        blocks[i][0] = blocks[i][bytes - 1] = 1;
    } while (busy_goes_on((unsigned)(uintptr_t)number));
    for (size_t i = 0; i < BUSY_BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void wait_for(pid_t child)
{
    int status;

    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- raw --- */

struct block {
    uint64_t *words;
    size_t count;
};

static void fill(struct block *block, size_t bytes, uint64_t mark)
{
    block->words = malloc(bytes);
    block->count = bytes / sizeof *block->words;
    if (block->words == NULL)
        _exit(3);
    for (size_t i = 0; i < block->count; i++)
        block->words[i] = mark;
}

static bool is_filled(const struct block *block, uint64_t mark)
{
    for (size_t i = 0; i < block->count; i++)
        if (block->words[i] != mark)
            return false;
    return true;
}

_Noreturn static void child(uint64_t random, const struct block *parents)
{
    static struct block blocks[SHORT + LONG];

    alarm(SECONDS);
    for (size_t i = 0; i < SHORT + LONG; i++)
        fill(&blocks[i], i % 11 == 10 ? 200000 : short_size(&random), 1000 + i);
    for (size_t i = 0; i < KEPT; i++)
        if (!is_filled(&parents[i], i))
            _exit(4);
    for (size_t i = 0; i < SHORT + LONG; i++) {
        if (!is_filled(&blocks[i], 1000 + i))
            _exit(5);
        free(blocks[i].words);
    }
    for (size_t i = 0; i < KEPT; i++)
        free(parents[i].words);
    _exit(0);
}

static void make_raw(unsigned count)
{
    struct block kept[KEPT];
    uint64_t random = 1;

    for (size_t i = 0; i < KEPT; i++)
        fill(&kept[i], i % 10 == 0 ? 200000 : short_size(&random), i);
    for (unsigned i = 0; i < count; i++) {
        next_random(&random);
        busy_again();
        pid_t made = i % 2 == 0 ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (made == 0)
            child(random, kept);
        busy_rest();
        wait_for(made);
    }
    for (size_t i = 0; i < KEPT; i++)
        free(kept[i].words);
}

/* --- locks --- */

static pthread_mutex_t handled = PTHREAD_MUTEX_INITIALIZER;

static void before_fork(void)
{
    pthread_mutex_lock(&handled);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&handled);
}

/* Before the first allocation of the program: handlers of libraries that came first run last. */
__attribute__((constructor)) static void register_early(void)
{
    CHECK(pthread_atfork(before_fork, after_fork, after_fork) == 0);
}

/* getline allocates with the stream's lock held: a line that is longer each time. */
static char path[] = "/tmp/capalloc-children-XXXXXX";

static void *read_lines(void *number)
{
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    do {
        char *line = NULL;
        size_t bytes = 0;
        if (getline(&line, &bytes, file) < 0)
            rewind(file);
        free(line);
    } while (busy_goes_on((unsigned)(uintptr_t)number));
    fclose(file);
    return NULL;
}

static void *flush_all(void *number)
{
    do
        fflush(NULL);
    while (busy_goes_on((unsigned)(uintptr_t)number));
    return NULL;
}

static void *allocate_locked(void *number)
{
    do {
        pthread_mutex_lock(&handled);
        free(malloc(300000));
        pthread_mutex_unlock(&handled);
    } while (busy_goes_on((unsigned)(uintptr_t)number));
    return NULL;
}

static void make_beside_locks(unsigned count)
{
    void *(*const work[])(void *) = {read_lines, flush_all, allocate_locked};
    int file = mkstemp(path);

    CHECK(file >= 0);
    for (unsigned length = 1; length < 200000; length *= 7)
        CHECK(dprintf(file, "%*d\n", (int)length, 1) > 0);
    close(file);
    for (size_t i = 0; i < sizeof work / sizeof *work; i++)
        busy_start(work[i]);
    for (unsigned i = 0; i < count; i++) {
        pid_t made = fork();
        if (made == 0) {
            free(malloc(100));
            free(malloc(300000));
            _exit(0);
        }
        wait_for(made);
    }
    unlink(path);
}

/* --- spawned --- */

/* A child of vfork is in its parent's memory, and allocates there: it must not be taken for a process of its own. */
static pid_t make_by_vfork(void)
{
    pid_t made = vfork();

    if (made == 0) {
        free(malloc(300000));
        free(malloc(LONGEST));
        _exit(0);
    }
    return made;
}

static pid_t make_by_spawn(void)
{
    static char name[] = "true";
    char *arguments[] = {name, NULL};
    char *environment[] = {NULL};
    pid_t made;

    CHECK(posix_spawn(&made, "/bin/true", NULL, NULL, arguments, environment) == 0);
    return made;
}

static void make_spawned(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char *block = malloc(5000);
        memset(block, 7, 5000);
        wait_for(i % 2 == 0 ? make_by_spawn() : make_by_vfork());
        CHECK(block[0] == 7 && block[4999] == 7);
        free(block);
    }
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    unsigned children = (unsigned)atoi(arguments[2]);
    bool spawned = strcmp(arguments[1], "spawned") == 0;
    alarm(SECONDS * (1 + children / 100));
    if (spawned)
        closefrom(0); /* whatever the library has open, and the streams */
    for (unsigned i = 0; i < THREADS; i++)
        busy_start(allocate);
    if (spawned)
        make_spawned(children);
    else if (strcmp(arguments[1], "locks") == 0)
        make_beside_locks(children);
    else
        make_raw(children);
    busy_end();
    return 0;
}
