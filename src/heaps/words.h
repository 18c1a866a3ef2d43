/* Words that look like pointers: where they stand, and what they point to. For the audit of memory that was promised to
 * hold none.
 *
 * The walk takes one zone's lock for a short while at a time. Under it a run in use stays mapped and stays what it is;
 * blocks come and go all the same, so each is looked at while its state byte says live. Between two steps everything
 * may change: the walk remembers a position only, and finds the run that is there when it goes on.
 */
#ifndef CAI_HEAPS_WORDS_H
#define CAI_HEAPS_WORDS_H

#include "pages/place.h"

struct cai_words_at {
    unsigned zone; /* index into the zones that are walked */
    size_t offset; /* from the zone's origin: the next byte to look at */
};

/* An aligned word of a live block of nocaps or secret whose value is an address in the estate. */
struct cai_word {
    enum cai_place place;
    uintptr_t block;
    size_t bytes; /* of the block, exact; 16 for the shortest ones that no ca_ function handed out */
    size_t offset;
    uintptr_t value;
};

/* The next such words, at most `most` of them; *at begins all zero. Returns how many, and 0 only at the end. */
size_t cai_words_next(struct cai_words_at *at, struct cai_word *words, size_t most);

/* The live block that an address lies in. */
struct cai_target {
    enum cai_place place;
    uintptr_t block;
    size_t bytes; /* exact, but in the ordinary place: small blocks count as long as their slots */
};

/* False: in none, or behind its end. */
bool cai_words_target(uintptr_t value, struct cai_target *target);

#endif
