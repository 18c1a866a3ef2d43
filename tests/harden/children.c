/* Children of a program whose threads are in the midst of giving large blocks back and making them longer: each child
 * uses memory and ends by exit. Ends with how many of them did not end well. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 40, KEPT = 50, THREADS = 2, BLOCKS = 100, STEP = 500, SECONDS = 30 };

static void *work(void *seed)
{
    unsigned random = (unsigned)(size_t)seed;
    void *kept[KEPT] = {0};

    for (;;) {
        unsigned drawn = (unsigned)rand_r(&random);
        void **one = &kept[drawn % KEPT];
        if (drawn & 0x100) {
            *one = realloc(*one, 1000 + (drawn >> 9 & 0xfffff));
        } else {
            free(*one);
            *one = malloc(drawn >> 9 & 0x7ffff);
        }
    }
    return NULL;
}

static void child(void)
{
    char *block[BLOCKS];

    alarm(SECONDS);
    for (size_t i = 0; i < BLOCKS; i++)
        if ((block[i] = malloc((i + 1) * STEP)) != NULL)
            memset(block[i], 1, (i + 1) * STEP);
    for (size_t i = 0; i < BLOCKS; i++)
        free(block[i]);
    exit(0);
}

int main(void)
{
    pthread_t thread;
    int bad = 0;

    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, work, (void *)(i + 1)) != 0)
            return 99;
    for (int i = 0; i < CHILDREN; i++) {
        int status = 1;
        usleep(1000);
        pid_t pid = fork();
        if (pid == 0)
            child();
        waitpid(pid, &status, 0);
        bad += status != 0;
    }
    _exit(bad);
}
