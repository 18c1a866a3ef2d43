/* Writing sites (sites.h): which one a call belongs to, and what it gains and loses. By any thread at any time.
 */
#ifndef CAI_HEAPS_SITE_H
#define CAI_HEAPS_SITE_H

#include "heaps/sites.h"

/* What one sample stands for. */
struct cai_weight {
    uint64_t blocks; /* in parts of CAI_SITE_BLOCK */
    uint64_t bytes;
};

/* Before the first: where the program lies, which the C library does not say, and what belongs to the library. */
void cai_site_start(void);

/* The number of the site of whoever called the library. */
uint32_t cai_site_find(struct cai_sites *sites);

void cai_site_gain(struct cai_sites *sites, uint32_t number, struct cai_weight weight);
void cai_site_lose(struct cai_sites *sites, uint32_t number, struct cai_weight weight);

/* It is as if it had never been. */
void cai_site_forget(struct cai_sites *sites, uint32_t number, struct cai_weight weight);

/* Modules and sites of the parent's, without its numbers. */
void cai_site_inherit(struct cai_sites *sites, const struct cai_sites *parents);

#endif
