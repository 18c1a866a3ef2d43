/* The sizes of a block, and the only place where they are written and read. Three words:
 *
 *   slot    what the block was cut from: a slot of its class, or a large block's run; an overflow may reach its end
 *   usable  what malloc's callers may use: the slot; of a large block, the exact size in whole pages
 *   exact   what was asked for, recorded out of line where a door wants it back
 *
 * The exact size of a small block stands in state bytes that nobody uses: a slot's all but its first. They are written
 * with bytes from 0x80 to 0xc0, which no block starts with, so each tells six bits:
 *
 *   fine    what the block lacks to its slot, in one byte; from 64 on, 0xc0 and two bytes, lower bits first
 *   coarse  the size itself, in four bytes at once: no branch to write or to compare it
 *
 * No such byte: the block is as long as its slot. A slot of 16 bytes has one state byte only: shorter blocks in it are
 * live states of their own. Blocks of malloc have no record: what an earlier block left there means nothing. A large
 * block has its exact size in its descriptor, and so has a guarded one, of which usable is what was asked for.
 */
#ifndef CAI_BLOCKS_EXACT_H
#define CAI_BLOCKS_EXACT_H

#include "base/tools.h"
#include "blocks/find.h"
#include "core/settings.h"

#include <string.h>

enum { CAI_RECORD = 0x80, CAI_RECORD_MORE = 0xc0, CAI_RECORD_END = CAI_RECORD_MORE + 1, CAI_RECORD_BITS = 6 };
enum { CAI_RECORD_ONE_MAX = (1 << CAI_RECORD_BITS) - 1 }; /* the most that one byte tells */

/* --- small blocks, by their state bytes --- */

CAI_INLINE bool cai_is_record(uint8_t byte)
{
    return byte >= CAI_RECORD && byte < CAI_RECORD_END;
}

/* The four bytes behind the first of a coarse block, as they lie in memory, one multiplication and one mask away from
 * its size. What the mask takes of the product are 64 * a + 16384 * b, each up to 3, and the product is a multiple of
 * 21: what is left tells them, as 64 and 16384 are 1 and 4 there, and a + 4 * b is less than 21. */
#define CAI_RECORD_TIMES 105u
_Static_assert(CAI_RECORD_TIMES % 21 == 0 && CAI_RECORD_TIMES * CAI_SMALL_BYTES_MAX < 1 << 22,
               "three bytes hold the product, and the mask takes four bits of it");
CAI_INLINE uint32_t cai_record_of_coarse(size_t bytes)
{
    return ((uint32_t)bytes * CAI_RECORD_TIMES & 0x3f3f3f3fu) | 0x80808080u;
}

/* How long the coarse block is that has this record; 0: none has. */
CAI_INLINE size_t cai_record_coarse_bytes(uint32_t record)
{
    uint32_t left = record & 0x3f3f3f3fu;
    uint32_t taken = (21 - left % 21) % 21;
    size_t bytes = (left + taken % 4 * 64 + taken / 4 * 16384) / CAI_RECORD_TIMES;

    return cai_record_of_coarse(bytes) == record ? bytes : 0;
}

CAI_INLINE uint32_t cai_record_at(const uint8_t *state)
{
    uint32_t there = 0;

    if (CAI_TSAN)
        for (unsigned i = 0; i < sizeof there; i++)
            there |= (uint32_t)cai_load_relaxed(&state[1 + i]) << 8 * i;
    else
        memcpy(&there, state + 1, sizeof there);
    return there;
}

CAI_INLINE void cai_record_coarse(uint8_t *state, size_t bytes)
{
    uint32_t record = cai_record_of_coarse(bytes);

    if (CAI_TSAN)
        for (unsigned i = 0; i < sizeof record; i++)
            cai_store_relaxed(&state[1 + i], (uint8_t)(record >> 8 * i));
    else
        memcpy(state + 1, &record, sizeof record);
}

/* state: the live block's first state byte. bytes <= the class's. Writes the record and the state. */
CAI_INLINE void cai_exact_record(uint8_t *state, unsigned size_class, size_t bytes)
{
    if (size_class == 1) {
        cai_store_relaxed(state, cai_state_of_short(bytes));
        return;
    }
    if (size_class > CAI_CLASS_FINE_LAST) {
        cai_record_coarse(state, bytes);
        return;
    }
    size_t lacks = cai_class_sizes[size_class] - bytes;
    if (CAI_LIKELY(lacks <= CAI_RECORD_ONE_MAX)) {
        cai_store_relaxed(&state[1], (uint8_t)(CAI_RECORD | lacks));
        return;
    }
    cai_store_relaxed(&state[1], CAI_RECORD_MORE);
    cai_store_relaxed(&state[2], (uint8_t)(CAI_RECORD | (lacks & CAI_RECORD_ONE_MAX)));
    cai_store_relaxed(&state[3], (uint8_t)(CAI_RECORD | lacks >> CAI_RECORD_BITS));
}

/* How long a live block of these classes is; 0: the record says more than there is, and is none. */
CAI_INLINE size_t cai_exact_recorded_fine(const uint8_t *state, unsigned size_class)
{
    size_t slot = cai_class_sizes[size_class];
    uint8_t record = cai_load_relaxed(&state[1]);

    if (!cai_is_record(record))
        return slot;
    size_t lacks = record & CAI_RECORD_ONE_MAX;
    if (CAI_UNLIKELY(record == CAI_RECORD_MORE))
        lacks = (cai_load_relaxed(&state[2]) & CAI_RECORD_ONE_MAX) |
                (size_t)(cai_load_relaxed(&state[3]) & CAI_RECORD_ONE_MAX) << CAI_RECORD_BITS;
    return lacks < slot ? slot - lacks : 0;
}

CAI_INLINE size_t cai_exact_recorded_coarse(const uint8_t *state, unsigned size_class)
{
    size_t slot = cai_class_sizes[size_class];
    uint32_t record = cai_record_at(state);

    if ((record & 0xc0c0c0c0u) != 0x80808080u)
        return slot;
    size_t bytes = cai_record_coarse_bytes(record);
    return bytes <= slot ? bytes : 0;
}

/* `live` is the block's first state byte. */
CAI_INLINE size_t cai_exact_recorded(const uint8_t *state, uint8_t live, unsigned size_class)
{
    if (size_class == 1)
        return cai_state_short_bytes(live);
    return size_class <= CAI_CLASS_FINE_LAST ? cai_exact_recorded_fine(state, size_class)
                                             : cai_exact_recorded_coarse(state, size_class);
}

/* What the two bytes of a block with a record of one byte tell: by its state, how long its slot is; by its record, 256
 * behind, what it lacks, and one more. Of other states nothing, of other records too much. And 512 behind, how long a
 * block in a slot of 16 is by its state alone; 0: no such state. */
extern const uint32_t cai_exact_told[768];

/* A block of this grain, whose first state byte says `live`, is exactly so long and of the class that this is. False:
 * it is not, or only a longer look can tell. */
CAI_INLINE bool cai_exact_is(enum cai_grain grain, const uint8_t *state, size_t live, size_t bytes)
{
    uint32_t exact;

    if (grain == CAI_COARSE)
        return live - 1 < CAI_CLASS_LAST && bytes <= CAI_SMALL_BYTES_MAX &&
               cai_record_at(state) == cai_record_of_coarse(bytes);
    return !__builtin_sub_overflow(cai_exact_told[live], cai_exact_told[256 + cai_load_relaxed(&state[1])], &exact) &&
           exact + 1 == bytes;
}

/* The same of a block in a slot of 16 bytes. */
CAI_INLINE bool cai_exact_is_short(size_t live, size_t bytes)
{
    return bytes != 0 && cai_exact_told[512 + live] == bytes;
}

/* --- stamps ---
 * State and record of a fine block in the shortest slot for it, as one number: the state is the lower byte, and so
 * comes first in memory. Where the compiler knows the size (17 to 512 bytes) one store writes both, and one comparison
 * says on the way back that a live block of exactly this size starts there. */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lower byte of a stamp comes first");

#define CAI_STAMP_BYTES_MIN ((size_t)17)
#define CAI_STAMP_BYTES_MAX ((size_t)512)

CAI_INLINE bool cai_has_stamp(size_t bytes)
{
    return bytes - CAI_STAMP_BYTES_MIN <= CAI_STAMP_BYTES_MAX - CAI_STAMP_BYTES_MIN;
}

/* The stamp of a block that is as long as its slot, for every fine size by (size - 1) / 16. */
extern const uint16_t cai_full_stamps[CAI_FINE_BYTES_MAX / 16];

/* That of a block of so many bytes in the same slot: the record lacks what the block lacks, modulo 256. */
CAI_INLINE uint16_t cai_stamp_in(uint16_t full, size_t bytes)
{
    return (uint16_t)(full - (bytes << 8));
}

/* 16 < bytes <= CAI_FINE_BYTES_MAX */
CAI_INLINE uint16_t cai_stamp_of(size_t bytes)
{
    return cai_stamp_in(cai_full_stamps[(bytes - 1) / 16], bytes);
}

CAI_INLINE size_t cai_stamp_class(uint16_t stamp)
{
    return stamp & 0xff;
}

/* state: of any granule but the zone's last. */
CAI_INLINE bool cai_stamp_is(const uint8_t *state, uint16_t stamp)
{
    uint16_t there;

    if (CAI_TSAN)
        there = (uint16_t)(cai_load_relaxed(state) | cai_load_relaxed(state + 1) << 8);
    else
        memcpy(&there, state, sizeof there);
    return there == stamp;
}

CAI_INLINE void cai_stamp_set(uint8_t *state, uint16_t stamp)
{
    if (CAI_TSAN) {
        cai_store_relaxed(state + 1, (uint8_t)(stamp >> 8));
        cai_store_relaxed(state, (uint8_t)stamp);
    } else {
        memcpy(state, &stamp, sizeof stamp);
    }
}

/* --- any block --- */

CAI_INLINE size_t cai_exact_bytes(struct cai_live live)
{
    if (cai_live_is_guarded(live))
        return cai_load_relaxed(&cai_live_run(live)->exact);
    return live.size_class == 0 ? cai_load_relaxed(&cai_live_run(live)->bytes)
                                : cai_exact_recorded(live.state, live.byte, live.size_class);
}

CAI_INLINE void cai_exact_set(struct cai_live live, size_t bytes)
{
    if (cai_live_is_guarded(live)) {
        struct cai_unit *run = cai_live_run(live);
        cai_store_relaxed(&run->most, cai_max(run->most, bytes));
        cai_store_relaxed(&run->exact, bytes);
    } else if (live.size_class == 0)
        cai_store_relaxed(&cai_live_run(live)->bytes, bytes);
    else
        cai_exact_record(live.state, live.size_class, bytes);
}

CAI_INLINE size_t cai_slot_bytes(struct cai_live live)
{
    return live.size_class == 0 ? (size_t)cai_load_relaxed(&cai_live_run(live)->units) << CAI_UNIT_SHIFT
                                : cai_class_sizes[live.size_class];
}

CAI_INLINE size_t cai_usable_bytes(struct cai_live live)
{
    if (CAI_TOOLS)
        return cai_exact_bytes(live);
    if (cai_live_is_guarded(live))
        return cai_load_relaxed(&cai_live_run(live)->exact);
    return live.size_class == 0 ? cai_round_up(cai_load_relaxed(&cai_live_run(live)->bytes), cai_settings->page_bytes)
                                : cai_class_sizes[live.size_class];
}

#endif
