/* Counting what is there: a walk over all runs and their state bytes, when somebody asks. */
#ifndef CAI_HEAPS_STATS_H
#define CAI_HEAPS_STATS_H

#include <capalloc/stats.h>

/* Fills every field. */
void cai_stats_collect(ca_stats *stats);

#endif
