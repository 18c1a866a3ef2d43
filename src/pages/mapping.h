/* How many mappings of the process are ours. The kernel lets a process have only so many, and when they are used up no
 * thread starts and no library loads; so this library keeps to an eighth of them. Beyond it what is free is discarded
 * in place rather than cut out of its mapping, and blocks are copied rather than moved.
 *
 * The number is an upper estimate, of all that keeps neighbours from being one mapping:
 *   holes   free runs without memory, and addresses that somebody else has
 *   guards  units protected otherwise than the one before (policy.h)
 *   apart   ranges whose pages the kernel keeps under another record (anon_vma, or the offset of a move) than those of
 *           their neighbours: they stay mappings of their own for as long as they are mapped
 *
 * Of a zone's ranges only the holder of its lock writes; the number is read without it.
 */
#ifndef CAI_PAGES_MAPPING_H
#define CAI_PAGES_MAPPING_H

#include "pages/zone.h"

/* Not more than so many, tables included. */
size_t cai_mappings(void);

/* There may be so many more. */
bool cai_mappings_allow(size_t more);

/* The free or busy run may be unmapped: there may be one more hole, or the run is at the edge of one. */
bool cai_mappings_allow_hole(const struct cai_zone *zone, uint32_t head, uint32_t units);

/* One more range of the zone may be apart. */
bool cai_mappings_allow_apart(const struct cai_zone *zone);

/* These units have been mapped; have got pages from elsewhere, or were mapped with a hole before them; have been
 * unmapped. */
void cai_mappings_begin(struct cai_zone *zone, uint32_t head, uint32_t units);
void cai_mappings_set_apart(struct cai_zone *zone, uint32_t head, uint32_t units);
void cai_mappings_end(struct cai_zone *zone, uint32_t head, uint32_t units);

/* So many more, or fewer, units are protected otherwise than the one before them. */
void cai_mappings_guarded(int more);

/* In the child of a fork, before memory is mapped there: it will not join what was inherited. A list that a thread
 * which is not there was changing may count a range twice. */
void cai_mappings_after_fork_in_child(void);

#endif
