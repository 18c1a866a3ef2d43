/* Looking for pointers into the places in a range of memory: every word that could be one is marked. */
#ifndef CAI_REVOKE_SCAN_H
#define CAI_REVOKE_SCAN_H

#include "revoke/region.h"

/* Aligned words of [begin, begin + bytes), by the widest registers the processor has. */
void cai_scan(const void *begin, size_t bytes);

/* The same; returns the regions that they point to. */
struct cai_regions cai_scan_noting(const void *begin, size_t bytes);

/* Words at any byte. */
void cai_scan_bytes(const void *begin, size_t bytes);

#endif
