/* A program whose heap test_sites.py knows: what its functions hold, let go and inherit. Each kind of memory has a
 * function of its own, whose name the profile must tell. The last word says how it ends. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, BLOCK = 1000, COUNT = 20 * MIB / BLOCK };

static void *kept[COUNT];

__attribute__((noinline)) void hold_small(void)
{
    for (int i = 0; i < COUNT; i++)
        kept[i] = memset(malloc(BLOCK), 1, BLOCK);
}

__attribute__((noinline)) void let_go(void)
{
    for (int i = 0; i < COUNT; i++) {
        void *volatile block = malloc(2 * BLOCK);
        free(block);
    }
}

__attribute__((noinline)) void *grow_large(void)
{
    char *block = malloc(MIB);

    for (int i = 2; i <= 16; i++)
        block = realloc(block, (size_t)i * MIB);
    return block;
}

static void *in_thread(void *unused)
{
    let_go();
    return unused;
}

static void *free_half(void *unused)
{
    for (int i = 0; i < COUNT; i += 2)
        free(kept[i]);
    return unused;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "exit";
    pthread_t thread;

    hold_small();
    pthread_create(&thread, NULL, in_thread, NULL);
    let_go();
    pthread_join(thread, NULL);
    void *volatile large = grow_large();
    if (strcmp(how, "half") == 0) {
        pthread_create(&thread, NULL, free_half, NULL);
        pthread_join(thread, NULL);
    } else if (strcmp(how, "kill") == 0) {
        raise(SIGKILL);
    } else if (strcmp(how, "fork") == 0) {
        pid_t child = fork();
        if (child == 0) {
            free(large);
            free_half(NULL);
            exit(0);
        }
        waitpid(child, NULL, 0);
    } else if (strcmp(how, "wait") == 0) {
        puts("ready");
        fflush(stdout);
        getchar();
    }
    return 0;
}
