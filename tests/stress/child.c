/* Forking while the other lanes go on: the child has their memory but not their threads. It must find the blocks of its
 * own lane and of the shelf unharmed, and be able to go on with all of them.
 */
#include "lane.h"

#include <capalloc/capalloc.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that hangs is ended by SIGALRM. */
enum { CHILD_SECONDS = 120, CHILD_BLOCKS = 500 };

static void live_on(struct lane *lane)
{
    for (unsigned i = 0; i < LIVE_BLOCKS; i++)
        if (lane->live[i].at != NULL)
            block_verify(&lane->live[i], lane->live[i].size);
    for (unsigned i = 0; i < SHELF_BLOCKS; i++)
        lane_free(&shelf.blocks[i]);
    for (unsigned i = 0; i < LIVE_BLOCKS; i += 2)
        lane_free(&lane->live[i]);
    for (unsigned i = 0; i < CHILD_BLOCKS && i < LIVE_BLOCKS; i++)
        if (lane->live[i].at == NULL)
            lane_allocate(lane, &lane->live[i]);
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    ca_trim();
    for (unsigned i = 0; i < LIVE_BLOCKS; i++)
        lane_free(&lane->live[i]);
}

void lane_fork(struct lane *lane)
{
    int status;

    pthread_mutex_lock(&shelf.lock); /* nobody is at the shelf when the copy is made */
    heaps_before_fork();
    fflush(NULL);
    pid_t child = fork();
    heaps_after_fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        /* Now and then, a child of the child. */
        if (lane_random(lane) % 4 == 0) {
            pid_t grandchild = fork();
            if (grandchild > 0 && (waitpid(grandchild, &status, 0) != grandchild || status != 0))
                fail("the forked grandchild ended with status %#x", (unsigned)status);
        }
        live_on(lane);
        _exit(0);
    }
    pthread_mutex_unlock(&shelf.lock);
    if (child < 0)
        return;
    if (waitpid(child, &status, 0) != child || status != 0)
        fail("the forked child ended with status %#x", (unsigned)status);
    lane->forks++;
}
