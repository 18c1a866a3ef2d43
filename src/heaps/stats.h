/* Counting what is there: a walk over all runs and their state bytes, when somebody asks. */
#ifndef CAI_HEAPS_STATS_H
#define CAI_HEAPS_STATS_H

#include "heaps/zone_map.h"

#include <capalloc/stats.h>
#include <stdbool.h>

/* Fills every field; live blocks are counted by their state bytes. Waits for locks. */
void cai_stats_collect(ca_stats *stats);

/* The same, a map of each zone and what each class holds, from what slabs and bins say of themselves: some fifty times
 * as quick, and with other threads at work off by what they have in hand. Waits for no lock for long, so that it may be
 * called wherever a signal handler may be. False: a lock was not to be had; what was filled in is worth nothing.
 * `exactly`: live blocks are counted as above. */
bool cai_stats_sample(ca_stats *stats, struct cai_zone_map maps[CAI_MAP_ZONES],
                      struct cai_class_held held[CA_STATS_CLASSES_MAX], bool exactly);

#endif
