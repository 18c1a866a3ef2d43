/* A sampled heap profile (heaps/sites.h) with the functions of its sites, and the two forms in which other tools read
 * it. */
#ifndef CAI_RUN_PROFILE_H
#define CAI_RUN_PROFILE_H

#include "heaps/sites.h"
#include "run/calls.h"

#include <stdbool.h>
#include <stdio.h>

/* An address of the profile: the functions that go on there, the innermost first. */
struct cai_location {
    uint64_t address; /* a return address */
    uint32_t module;  /* sites->module[it - 1]; 0: none known */
    uint32_t count;
    size_t first; /* in calls.call */
};

/* What sites are called that have no frames. */
#define CAI_PROFILE_OTHER "other"

/* Every value is checked when it is read: the process could write what it liked. */
struct cai_profile {
    const struct cai_sites *sites;
    struct cai_location *location; /* by address and module */
    size_t locations;
    struct cai_calls calls;
};

/* `sites` must stay, and must not change meanwhile. False: no memory. */
bool cai_profile_open(struct cai_profile *profile, const struct cai_sites *sites);
void cai_profile_close(struct cai_profile *profile);

/* How many frames the site has, and where one of them is. */
uint32_t cai_profile_frames(const struct cai_site *site);
const struct cai_location *cai_profile_location(const struct cai_profile *profile, const struct cai_site *site,
                                                uint32_t frame);

/* The calls of one site, appended; none where there is no such site. */
void cai_profile_site(const struct cai_sites *sites, uint32_t number, struct cai_calls *calls);

/* Which of a site's numbers. */
enum cai_profile_kind { CAI_PROFILE_LIVE, CAI_PROFILE_PEAK, CAI_PROFILE_ALL };

uint64_t cai_profile_bytes(const struct cai_site *site, enum cai_profile_kind kind);
uint64_t cai_profile_blocks(const struct cai_site *site, enum cai_profile_kind kind);

/* What pprof reads: a protocol buffer, compressed by gzip, with blocks and bytes, all, live and at the peak. `ns`: when
 * the numbers were taken, since 1970. False: no memory, or `to` has an error. */
bool cai_profile_pprof(const struct cai_profile *profile, uint64_t ns, FILE *to);

/* A function's name, or the file of its code and where in it; to be freed. NULL: no memory. */
char *cai_profile_name(const struct cai_call *call);

/* The functions of a site from the outermost in, with `;` between. */
void cai_profile_names(const struct cai_profile *profile, const struct cai_site *site, FILE *to);

/* What flame graphs are drawn from: a line for each site, its functions from the outermost in, then the bytes. */
void cai_profile_folded(const struct cai_profile *profile, enum cai_profile_kind kind, FILE *to);

#endif
