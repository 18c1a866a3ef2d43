/* Canaries: what stands between the end of a block and the end of its slot, or of its last page. Bytes that only this
 * process can know, of the block's address and a secret; none is below 0x80, as most of what is written by mistake is.
 * Of long slack only the first and the last part are written and looked at.
 */
#ifndef CAI_HARDEN_CANARY_H
#define CAI_HARDEN_CANARY_H

#include "base/sixteen.h"
#include "blocks/exact.h"

/* The word that the canary of this block is made of. */
CAI_INLINE uint64_t cai_canary_of(const void *block)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)block ^ cai_settings->secret) * UINT64_C(0x9e3779b97f4a7c15);

    return (mixed ^ mixed >> 32) | UINT64_C(0x8080808080808080);
}

/* So many bytes of slack there are at least: what is written over a single one is missed once in 128 times. With two
 * behind longer blocks some would have more than CAI_CANARY_SHORT. */
CAI_INLINE size_t cai_canary_least(size_t bytes)
{
    enum { TWO_MAX = 254 };

    return 1 + (size_t)(bytes <= TWO_MAX);
}

/* The bytes between block and canary's end; a large block's in its last page. */
size_t cai_canary_slack(struct cai_live live, size_t bytes);

/* block: of so many bytes, with so much slack behind it. */
void cai_canary_write(char *block, size_t bytes, size_t slack);

/* How far behind the block something was written; 0: nothing was. */
size_t cai_canary_overflow(const char *block, size_t bytes, size_t slack);

/* The same of a block that nobody has written to yet: what of it lies in the same words is zero afterwards. Nothing is
 * read, which would bring each page in twice. */
void cai_canary_begin(char *block, size_t bytes, size_t slack);

/* --- the same of short slack, without a loop: the bytes before its end --- */

enum { CAI_CANARY_SHORT = 32 };

/* As many bytes from the slack's length on say which of them are the canary's. */
extern const uint8_t cai_canary_window[2 * CAI_CANARY_SHORT];

CAI_INLINE cai_words2 cai_canary_words_at(const void *address)
{
    cai_words2 there;

    memcpy(&there, address, sizeof there);
    return there;
}

/* 0 < slack <= CAI_CANARY_SHORT, in a slot of as many bytes at least, which ends at `end`. */
CAI_INLINE void cai_canary_begin_short(char *end, size_t slack, uint64_t canary)
{
    cai_words2 low = cai_canary_words_at(cai_canary_window + slack) & canary;
    cai_words2 high = cai_canary_words_at(cai_canary_window + slack + sizeof low) & canary;

    memcpy(end - CAI_CANARY_SHORT, &low, sizeof low);
    memcpy(end - CAI_CANARY_SHORT / 2, &high, sizeof high);
}

CAI_INLINE bool cai_canary_is_whole_short(const char *end, size_t slack, uint64_t canary)
{
    cai_words2 low = cai_canary_words_at(end - CAI_CANARY_SHORT) ^ canary;
    cai_words2 high = cai_canary_words_at(end - CAI_CANARY_SHORT / 2) ^ canary;

    low &= cai_canary_words_at(cai_canary_window + slack);
    high &= cai_canary_words_at(cai_canary_window + slack + sizeof low);
    low |= high;
    return (low[0] | low[1]) == 0;
}

#endif
