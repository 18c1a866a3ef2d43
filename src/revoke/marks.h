/* Marks: a bit for each 16 bytes of a zone, set where some word points to. They are made for one sweep.
 *
 * What a mark means is asked of a block: any mark within it keeps it, and so does one in the granule right behind
 * it, as a pointer one past the end may be all that is left; unless a live block begins there, which then is what
 * the word means.
 */
#ifndef CAI_REVOKE_MARKS_H
#define CAI_REVOKE_MARKS_H

#include "pages/zone.h"

struct cai_marks {
    uint64_t *bits;  /* NULL: the zone has no memory */
    size_t count;    /* how many words may be asked for, one more than there are granules */
    uintptr_t begin; /* of the zone's memory, from the first place on */
};

/* By zone, while the zones' locks are held. False: no memory; there are none. */
bool cai_marks_make(void);
void cai_marks_drop(void);

extern struct cai_marks cai_marks[CAI_ZONES];

/* `offset` is from the first place on, less than what four places have. */
CAI_INLINE void cai_mark(uintptr_t offset)
{
    const struct cai_marks *marks = &cai_marks[offset >> (cai_sealed.shift - 1)];
    size_t bit = (offset - marks->begin) >> 4;

    if (CAI_LIKELY(bit < marks->count))
        marks->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The block of this zone is pointed to. */
bool cai_is_marked(unsigned zone, uintptr_t address, size_t bytes);

/* Lies in what holds the marks, or was held by them. */
bool cai_marks_own(uintptr_t begin);

#endif
