/* See canary.h. */
#include "harden/canary.h"

#include "base/compiler.h"
#include "core/tagging.h"

#include <string.h>

enum { PART = 128 };

const uint8_t cai_canary_window[2 * CAI_CANARY_SHORT] = {[CAI_CANARY_SHORT... 2 * CAI_CANARY_SHORT - 1] = 0xff};

size_t cai_canary_slack(struct cai_live live, size_t bytes)
{
    return (live.size_class == 0 ? cai_round_up(bytes, cai_settings->page_bytes) : cai_class_sizes[live.size_class]) -
           bytes;
}

/* The canary stands in words that end where the slack ends; the first of them may begin inside the block. So many of a
 * word's bytes are the canary's, the last ones. */
static uint64_t mask_of(size_t slack)
{
    return slack >= sizeof(uint64_t) ? UINT64_MAX : ~(UINT64_MAX >> 8 * slack);
}

/* Of `slack` bytes before `end` the last `bytes`, or all: whole words, and what is left of one, which keeps what it
 * held, or becomes zero. */
CAI_INLINE void write_part(char *end, size_t slack, size_t bytes, uint64_t canary, bool keeps)
{
    const cai_words2 both = {canary, canary};
    size_t part = cai_min(slack, bytes);
    char *words = end - cai_round_down(part, sizeof canary);

    if (part >= PART) {
        end -= PART;
#pragma GCC unroll 8
        for (size_t at = 0; at < PART; at += sizeof both)
            memcpy(end + at, &both, sizeof both);
    }
    while ((size_t)(end - words) >= sizeof both)
        memcpy(end -= sizeof both, &both, sizeof both);
    if (end != words)
        memcpy(words, &canary, sizeof canary);
    if (part % sizeof canary != 0) {
        uint64_t mask = mask_of(part % sizeof canary);
        uint64_t word = 0;
        if (keeps)
            memcpy(&word, words - sizeof word, sizeof word);
        word = (word & ~mask) | (canary & mask);
        memcpy(words - sizeof word, &word, sizeof word);
    }
}

/* What write_part writes is there. */
CAI_NO_TSAN static bool is_whole(const char *end, size_t slack, size_t bytes, uint64_t canary)
{
    const cai_words2 both = {canary, canary};
    size_t part = cai_min(slack, bytes);
    const char *words = end - cai_round_down(part, sizeof canary);
    cai_words2 differ = {0};
    cai_words2 two;
    uint64_t word = canary;

    if (part >= PART) {
        end -= PART;
#pragma GCC unroll 8
        for (size_t at = 0; at < PART; at += sizeof two) {
            memcpy(&two, end + at, sizeof two);
            differ |= two ^ both;
        }
    }
    while ((size_t)(end - words) >= sizeof two) {
        memcpy(&two, end -= sizeof two, sizeof two);
        differ |= two ^ both;
    }
    if (end != words)
        memcpy(&word, words, sizeof word);
    uint64_t changed = differ[0] | differ[1] | (word ^ canary);
    if (part % sizeof canary != 0) {
        memcpy(&word, words - sizeof word, sizeof word);
        changed |= (word ^ canary) & mask_of(part % sizeof canary);
    }
    return changed == 0;
}

/* How far before `end` the last byte ends that is another; `slack`: none is. */
CAI_NO_TSAN static size_t unchanged(const char *end, size_t slack, size_t bytes, uint64_t canary)
{
    if (CAI_LIKELY(is_whole(end, slack, bytes, canary)))
        return slack;
    for (size_t done = 0; done < cai_min(slack, bytes); done += sizeof canary) {
        uint64_t word;
        end -= sizeof canary;
        memcpy(&word, end, sizeof word);
        word = (word ^ canary) & mask_of(slack - done);
        if (CAI_UNLIKELY(word != 0))
            return done + (size_t)__builtin_clzll(word) / 8;
    }
    return slack;
}

/* Where the first part ends, when it is not the last as well: whole words before the end of the slack. */
static size_t behind_first(size_t slack)
{
    return (slack - PART) & ~(sizeof(uint64_t) - 1);
}

CAI_INLINE void write_all(char *block, size_t bytes, size_t slack, bool keeps)
{
    uint64_t canary = cai_canary_of(block);
    char *end = block + bytes + slack;

    write_part(end, slack, PART, canary, keeps);
    if (CAI_UNLIKELY(slack > PART))
        write_part(end - behind_first(slack), slack - behind_first(slack), 2 * PART, canary, keeps);
}

void cai_canary_write(char *block, size_t bytes, size_t slack)
{
    cai_tags_pass();
    write_all(block, bytes, slack, true);
    cai_tags_mind();
}

void cai_canary_begin(char *block, size_t bytes, size_t slack)
{
    write_all(block, bytes, slack, false);
}

static size_t overflow(const char *block, size_t bytes, size_t slack)
{
    uint64_t canary = cai_canary_of(block);
    const char *end = block + bytes + slack;
    size_t same = unchanged(end, slack, PART, canary);

    if (CAI_UNLIKELY(slack > PART) && same == slack)
        same =
            behind_first(slack) + unchanged(end - behind_first(slack), slack - behind_first(slack), 2 * PART, canary);
    return slack - same;
}

size_t cai_canary_overflow(const char *block, size_t bytes, size_t slack)
{
    cai_tags_pass();
    size_t over = overflow(block, bytes, slack);
    cai_tags_mind();
    return over;
}
