/* Threads that are cancelled: no function of the library is a place where that happens, so what such a thread holds is
 * always whole, and whoever cancelled it can verify it and give it back.
 */
#include "lane.h"

enum { HELD = 16, ROUNDS_MAX = 2000 };

static struct victim {
    struct lane lane; /* of its own: it is only the source of what is random */
    struct block held[HELD];
    sem_t begun;
} victims[LANES_MAX];

static void *be_cancelled(void *argument)
{
    struct victim *victim = argument;

    sem_post(&victim->begun);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct block *block = &victim->held[lane_random(&victim->lane) % HELD];
        /* A record is whole or empty at the only place where it may end. */
        lane_free(block);
        lane_allocate(&victim->lane, block);
        if (round % 64 == 63) {
            ca_stats stats = CA_STATS_INIT;
            ca_stats_read(&stats);
        }
        pthread_testcancel();
    }
    return NULL;
}

/* The address sanitizer takes what it knows of frames that a cancellation has left for the state of the next ones. */
#if defined(__SANITIZE_ADDRESS__)
enum { CAN_CANCEL = 0 };
#else
enum { CAN_CANCEL = 1 };
#endif

void lane_cancel(struct lane *lane)
{
    struct victim *victim = &victims[lane->number];
    pthread_t thread;

    if (!CAN_CANCEL)
        return;
    victim->lane = (struct lane){.number = lane->number, .random = lane_random(lane), .tag = lane->tag};
    if (sem_init(&victim->begun, 0, 0) != 0 || pthread_create(&thread, NULL, be_cancelled, victim) != 0)
        return; /* as it is where memory is scarce */
    sem_wait(&victim->begun);
    for (uint64_t wait = lane_random(lane) % 64; wait > 0; wait--)
        sched_yield();
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    sem_destroy(&victim->begun);
    for (unsigned i = 0; i < HELD; i++)
        lane_free(&victim->held[i]);
    lane->tag = victim->lane.tag;
    lane->failures += victim->lane.failures;
    lane->cancelled++;
}
