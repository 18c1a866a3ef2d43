/* Signals that interrupt malloc and free at a high rate. The handler allocates nothing, as it must not; that it runs in
 * the middle of anything must not matter.
 */
#include "check.h"

#include <signal.h>
#include <sys/time.h>

enum { BLOCKS = 4000, SIGNALS = 3000 };
static volatile sig_atomic_t ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

int main(void)
{
    static unsigned char *blocks[BLOCKS];
    struct itimerval interval = {{0, 200}, {0, 200}};
    uint64_t random = 7;
    double end = seconds() + 20;

    CHECK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = tick, .sa_flags = SA_RESTART}, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &interval, NULL) == 0);
    while (ticks < SIGNALS && seconds() < end) {
        size_t i = next_random(&random) % BLOCKS;
        size_t size = next_random(&random) % (i % 50 == 0 ? 300000 : 3000) + 1;
        if (blocks[i] != NULL)
            CHECK(*blocks[i] == (unsigned char)i);
        free(blocks[i]);
        CHECK((blocks[i] = malloc(size)) != NULL);
        blocks[i][size - 1] = 0;
        blocks[i][0] = (unsigned char)i;
    }
    CHECK(ticks > 100);
    return 0;
}
