/* Walks over the state bytes of a slab: what there is; a look by age alone, after which a candidate is free and what
 * came since a candidate; and the half of it that is done before a sweep, which makes candidates alone.
 *
 * Other threads store the bytes of other slots meanwhile: nothing is ever written but the bytes that change, one by one
 * or by stores with a mask. To load many, change some and store all would undo what somebody stored in between.
 */
#ifndef CAI_HEAPS_AGE_H
#define CAI_HEAPS_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cai_slots {
    uint32_t live, waiting;
};

/* `count` is a multiple of 64 here and below. */
struct cai_slots cai_count_slots(const uint8_t *states, size_t count);

/* What was there before, and how many slots became free. */
struct cai_aged {
    struct cai_slots slots;
    uint32_t released;
};
struct cai_aged cai_age(uint8_t *states, size_t count);
void cai_gather(uint8_t *states, size_t count);

/* The same of slots that are `step` states long, where that is CAI_AGE_LONG at least: one look at each. */
enum { CAI_AGE_LONG = 64 };
struct cai_aged cai_age_long(uint8_t *states, size_t slots, size_t step);

/* The same on every processor. */
struct cai_slots cai_count_bytewise(const uint8_t *states, size_t count);
struct cai_aged cai_age_bytewise(uint8_t *states, size_t count);
void cai_gather_bytewise(uint8_t *states, size_t count);

/* The same by 32 states at once, where the processor has what that takes and not more. */
#if defined(__x86_64__)
bool cai_has_32(void);
struct cai_slots cai_count_by_32(const uint8_t *states, size_t count);
struct cai_aged cai_age_by_32(uint8_t *states, size_t count);
void cai_gather_by_32(uint8_t *states, size_t count);
#endif

#endif
