/* See canary.h. */
#include "harden/canary.h"

#include "base/compiler.h"
#include "core/settings.h"

#include <string.h>

enum { PART = 128 };

static uint64_t canary_of(const char *block)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)block ^ cai_settings->secret) * UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (mixed ^ mixed >> 29) | UINT64_C(0x8080808080808080);
}

size_t cai_canary_slack(struct cai_live live, size_t bytes)
{
    return (live.size_class == 0 ? cai_round_up(bytes, cai_settings->page_bytes) : cai_class_sizes[live.size_class]) -
           bytes;
}

static void write_part(char *to, size_t bytes, uint64_t canary)
{
    for (; bytes >= sizeof canary; bytes -= sizeof canary, to += sizeof canary)
        memcpy(to, &canary, sizeof canary);
    memcpy(to, &canary, bytes);
}

void cai_canary_write(char *block, size_t bytes, size_t slack)
{
    uint64_t canary = canary_of(block);

    write_part(block + bytes, cai_min(slack, PART), canary);
    if (CAI_UNLIKELY(slack > PART))
        write_part(block + bytes + slack - cai_min(slack - PART, PART), cai_min(slack - PART, PART), canary);
}

/* How much of the part, up to its last byte that is another. */
CAI_NO_TSAN static size_t changed(const char *from, size_t bytes, uint64_t canary)
{
    uint64_t there;
    size_t last = 0;

    for (size_t at = 0; at < bytes; at += sizeof canary) {
        size_t length = cai_min(bytes - at, sizeof canary);
        there = canary;
        memcpy(&there, from + at, length);
        if (CAI_UNLIKELY((there ^= canary) != 0))
            last = at + 8 - (size_t)__builtin_clzll(there) / 8;
    }
    return last;
}

size_t cai_canary_overflow(const char *block, size_t bytes, size_t slack)
{
    uint64_t canary = canary_of(block);
    size_t front = cai_min(slack, PART);
    size_t back = cai_min(slack - front, PART);
    size_t last = CAI_UNLIKELY(back != 0) ? changed(block + bytes + slack - back, back, canary) : 0;

    return last != 0 ? slack - back + last : changed(block + bytes, front, canary);
}
