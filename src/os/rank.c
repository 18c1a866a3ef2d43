/* Debug builds only: the ranks that each thread holds. A wrong order ends the process, as any mistake of our own. */
#include "os/rank.h"

#if CAI_RANK_CHECKED

#include "base/check.h"
#include "os/os.h"

#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

static const char *const names[] = {
    [CAI_RANK_NONE] = "NONE",
    [CAI_RANK_START] = "START",
    [CAI_RANK_ACCOUNTS] = "ACCOUNTS",
    [CAI_RANK_ACCOUNT] = "ACCOUNT",
    [CAI_RANK_SHARED] = "SHARED",
    [CAI_RANK_REGISTRY] = "REGISTRY",
    [CAI_RANK_QUARANTINE] = "QUARANTINE",
    [CAI_RANK_HEAP] = "HEAP",
    [CAI_RANK_ZONE] = "ZONE",
    [CAI_RANK_SEAL] = "SEAL",
    [CAI_RANK_TREE] = "TREE",
    [CAI_RANK_META] = "META",
    [CAI_RANK_TAGS] = "TAGS",
    [CAI_RANK_GRANULE] = "GRANULE",
};

_Static_assert(sizeof names / sizeof *names == CAI_RANKS, "every rank has a name");

/* How many locks of each rank this thread holds. */
static _Thread_local unsigned held[CAI_RANKS];

static enum cai_lock_rank highest(void)
{
    unsigned rank = CAI_RANKS - 1;

    while (rank > CAI_RANK_NONE && held[rank] == 0)
        rank--;
    return (enum cai_lock_rank)rank;
}

static void say(const char *text)
{
    cai_os_write_error(text, strlen(text));
}

static noreturn void refuse(enum cai_lock_rank wanted, enum cai_lock_rank holding)
{
    say("capalloc: locks out of order: ");
    say(names[wanted]);
    say(" after ");
    say(names[holding]);
    say("\n");
    abort();
}

void cai_rank_enter(enum cai_lock_rank rank)
{
    if (rank <= highest())
        refuse(rank, highest());
    held[rank]++;
}

void cai_rank_enter_beside(enum cai_lock_rank rank)
{
    if (rank < highest())
        refuse(rank, highest());
    held[rank]++;
}

void cai_rank_enter_without_waiting(enum cai_lock_rank rank)
{
    held[rank]++;
}

void cai_rank_leave(enum cai_lock_rank rank)
{
    CAI_CHECK(held[rank] > 0);
    held[rank]--;
}

#endif
