/* What the numbers of each process of a tree were while it ran: read now and then, and kept in a bounded number of
 * samples, of which every second goes when there is no more room. */
#ifndef CAI_RUN_HISTORY_H
#define CAI_RUN_HISTORY_H

#include "run/channel_host.h"

#include <sys/types.h>

enum { CAI_HISTORY_SAMPLES = 256, CAI_HISTORY_PROGRAMS = 8 };

struct cai_sample {
    uint64_t ns;         /* CLOCK_MONOTONIC of the look */
    uint64_t numbers_ns; /* of the numbers that were found: all but the resident size */
    uint64_t resident;   /* of the whole process; UINT64_MAX: not known */
    uint64_t live, committed, returned, quarantined, sweeps, allocations, threads, violations;
};

/* One process: a program, or several that replaced each other. */
struct cai_history {
    pid_t pid;
    bool here;         /* the number is one of our namespace, and nobody else's */
    bool ended;        /* there is nothing more to be seen */
    uint32_t turn;     /* of the page, when it was read last */
    uint64_t start_ns; /* of the program that is running now */
    uint64_t every_ns; /* between two samples, doubled when they are too many */
    uint32_t count, programs;
    struct cai_sample sample[CAI_HISTORY_SAMPLES];
    struct {
        uint64_t ns;
        char name[32];
    } program[CAI_HISTORY_PROGRAMS]; /* the first of those that ran under this number */
    struct cai_channel_numbers peak; /* when live bytes were most */
};

struct cai_histories {
    const struct cai_channel_host *host;
    uint64_t due_ns;
    uint32_t count; /* by the index of the page */
    struct cai_history *of[CAI_CHANNEL_PROCESSES];
};

/* Looks at every process if it is time to. Returns after how many milliseconds it wants to be called again. now_ns:
 * CLOCK_MONOTONIC. */
int cai_history_look(struct cai_histories *histories, uint64_t now_ns);

/* The numbers that the processes have left at their end. */
void cai_history_end(struct cai_histories *histories, uint64_t now_ns);

/* NULL: there is none. */
const struct cai_history *cai_history_of(const struct cai_histories *histories, pid_t pid);

void cai_history_free(struct cai_histories *histories);

#endif
