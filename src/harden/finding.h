/* What a look finds under the quarantine's lock: kept until there is none, since a report may call a handler that
 * allocates. Of those that find no room, nothing is told.
 */
#ifndef CAI_HARDEN_FINDING_H
#define CAI_HARDEN_FINDING_H

#include "pages/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cai_finding {
    const char *block;
    size_t bytes, offset; /* of the block, and where in it something else than zero stands */
    enum cai_place place;
    uint8_t value;
};

enum { CAI_FINDINGS_MAX = 8 };

struct cai_findings {
    struct cai_finding kept[CAI_FINDINGS_MAX];
    uint32_t count;
};

/* A freed block of so many bytes, all of which should be zero: where it is not is kept. With the lock. */
void cai_finding_note(enum cai_place place, const char *block, size_t bytes);

/* The same, reported at once: no lock is held. */
void cai_finding_tell(enum cai_place place, const char *block, size_t bytes);

/* There are such; anybody may ask. What was kept, which is kept no more: with the lock. */
bool cai_findings_wait(void);
void cai_findings_take(struct cai_findings *findings);

/* use-after-free-write, without locks. */
void cai_findings_report(const struct cai_findings *findings);

#endif
