/* Threads that allocate to their very end.
 *
 *     threads destructors   allocate and free in destructors of thread-specific data, after ours has run, too
 *     threads churn         1000 threads, 20 at a time, leave half their blocks to others: what stays is bounded
 */
#include "check.h"

#include <limits.h>
#include <pthread.h>

enum { KEYS = 40, ROUNDS = 3 };
static pthread_key_t keys[KEYS];

struct last_words {
    int rounds;
    char *text;
    unsigned key;
};

/* Comes back in later rounds, as the standard allows: some come before the allocator's own destructor, some after. */
static void speak(void *value)
{
    struct last_words *words = value;

    for (size_t i = 1; i < 300; i++) {
        char *block = malloc(i * 7);
        CHECK(block != NULL);
        memset(block, 1, i * 7);
        free(block);
    }
    CHECK(strcmp(words->text, "last words") == 0);
    free(words->text);
    words->text = strdup("last words");
    if (++words->rounds < ROUNDS) {
        CHECK(pthread_setspecific(keys[words->key], words) == 0);
        return;
    }
    free(words->text);
    free(words);
}

static void *with_destructors(void *unused)
{
    for (unsigned i = 0; i < KEYS; i++) {
        struct last_words *words = malloc(sizeof *words);
        *words = (struct last_words){.rounds = 0, .text = strdup("last words"), .key = i};
        CHECK(pthread_setspecific(keys[i], words) == 0);
    }
    return unused;
}

static void destructors(void)
{
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(pthread_key_create(&keys[i], speak) == 0);
    for (int round = 0; round < 200; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, with_destructors, NULL) == 0);
        for (int i = 0; i < 4; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

enum { CHURN_THREADS = 1000, AT_ONCE = 20, LEFT = 256 };
static char *left[AT_ONCE][LEFT];

/* Uses some 400 KiB, frees what its predecessor left and leaves as much. */
static void *churn_one(void *argument)
{
    char **mine = argument;
    char *blocks[LEFT];

    for (size_t i = 0; i < LEFT; i++) {
        CHECK((blocks[i] = malloc(i * 11 + 1)) != NULL);
        memset(blocks[i], 1, i * 11 + 1);
    }
    for (size_t i = 0; i < LEFT; i++) {
        free(mine[i]);
        mine[i] = NULL;
        if (i % 2 == 0)
            mine[i] = blocks[i];
        else
            free(blocks[i]);
    }
    return NULL;
}

/* How many heaps are in use at once is chance, and so is what is resident after a round: the most of the first ten
 * against the least of the last ten. */
static void churn(void)
{
    enum { LOOKS = 10 };
    long early = 0, late = LONG_MAX;

    for (int round = 0; round < CHURN_THREADS / AT_ONCE; round++) {
        pthread_t threads[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++)
            CHECK(pthread_create(&threads[i], NULL, churn_one, left[i]) == 0);
        for (int i = 0; i < AT_ONCE; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        long now = status_kib("VmRSS:");
        if (round < LOOKS && now > early)
            early = now;
        if (round >= CHURN_THREADS / AT_ONCE - LOOKS && now < late)
            late = now;
    }
    printf("%ld %ld\n", early, late);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    if (strcmp(arguments[1], "destructors") == 0)
        destructors();
    else
        churn();
    return 0;
}
