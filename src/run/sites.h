/* The sites of sampled heap profiles, as `capalloc run` leaves them in files and as `capalloc stats` and `top` show
 * them. */
#ifndef CAI_RUN_SITES_H
#define CAI_RUN_SITES_H

#include "run/channel_host.h"

#include <stdio.h>
#include <sys/types.h>

/* Files of this prefix can be made: the folder is there and may be written to. False: errno says why not. */
bool cai_sites_can_write(const char *prefix);

/* What was measured in each process of the table: PREFIX.PID.live.folded, .peak.folded, .all.folded, and
 * PREFIX.PID.pb.gz for pprof. Says on stderr how much the largest process holds,
 * which calls held most at its peak, and what cannot be written. */
void cai_sites_write(const struct cai_channel_host *host, const char *prefix);

/* The sites of a process that runs that hold most; nothing when it has none, or may not be looked at. */
void cai_sites_text(FILE *to, pid_t pid);

#endif
