/* A process that runs, seen through the page that it keeps (heaps/channel.h). */
#ifndef CAI_RUN_LIVE_H
#define CAI_RUN_LIVE_H

#include "heaps/channel.h"

#include <stdbool.h>
#include <sys/types.h>

enum cai_live {
    CAI_LIVE_SEEN,
    CAI_LIVE_GONE,    /* there is no such process */
    CAI_LIVE_DENIED,  /* its memory may not be read: another user's, privileged, or not dumpable */
    CAI_LIVE_NO_PAGE, /* it has no table mapped: not on the library, or not visible */
    CAI_LIVE_NO_TURN, /* it has the table, but no page of its own: there was none left, or it was just forked */
};

/* Looks once, and stops nothing. SEEN: *out is a clean snapshot. */
enum cai_live cai_live_look(pid_t pid, struct cai_channel *out);

/* The sites of its heap profile, as they stand there. False: it has none, or they may not be read. */
bool cai_live_sites(pid_t pid, struct cai_sites *out);

/* The number is, here, that of a process with a table: not of another in a namespace of its own. */
bool cai_live_is_mapped(pid_t pid);

/* What to say of an answer: one clause. */
const char *cai_live_why(enum cai_live answer);

/* Calls `seen` for each process of the machine whose page can be read. */
void cai_live_each(void (*seen)(pid_t pid, const struct cai_channel *page, void *context), void *context);

#endif
