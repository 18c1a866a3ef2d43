/* The sizes of a block, and the only place where they are written and read. Three words:
 *
 *   slot    what the block was cut from: a slot of its class, or a large block's run; an overflow may reach its end
 *   usable  what malloc's callers may use: the slot; of a large block, the exact size in whole pages
 *   exact   what was asked for, recorded out of line where a door wants it back
 *
 * The exact size of a small block stands in state bytes that nobody uses: a slot's all but its first. What the block
 * lacks to its slot is written there in bytes from 0x80 to 0xbf, which no block starts with: five bits each, lowest
 * first, and a bit that says another follows. No such byte: the block is as long as its slot. A slot of 16 bytes has
 * one state byte only: shorter blocks in it are live states of their own. Blocks of malloc have no record: what an
 * earlier block left there means nothing. A large block has its exact size in its descriptor.
 */
#ifndef CAI_BLOCKS_EXACT_H
#define CAI_BLOCKS_EXACT_H

#include "blocks/find.h"
#include "core/settings.h"

#include <string.h>

enum { CAI_RECORD = 0x80, CAI_RECORD_END = 0xc0, CAI_RECORD_MORE = 0x20, CAI_RECORD_BITS = 5 };

/* --- small blocks, by their state bytes --- */

/* state: the live block's first state byte. bytes <= the class's. Writes the record and the state. */
CAI_INLINE void cai_exact_record(uint8_t *state, unsigned size_class, size_t bytes)
{
    if (size_class == 1) {
        cai_store_relaxed(state, cai_state_of_short(bytes));
        return;
    }
    size_t lacks = cai_class_sizes[size_class] - bytes;
    for (uint8_t *record = state + 1;; record++) {
        uint8_t low = (uint8_t)(lacks & ((1 << CAI_RECORD_BITS) - 1));
        lacks >>= CAI_RECORD_BITS;
        cai_store_relaxed(record, (uint8_t)(CAI_RECORD | (lacks != 0 ? CAI_RECORD_MORE : 0) | low));
        if (CAI_LIKELY(lacks == 0))
            break;
    }
}

/* `live` is the block's first state byte. */
CAI_INLINE size_t cai_exact_recorded(const uint8_t *state, uint8_t live, unsigned size_class)
{
    if (size_class == 1)
        return cai_state_short_bytes(live);
    size_t slot = cai_class_sizes[size_class];
    size_t lacks = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t record = cai_load_relaxed(&state[1 + i]);
        if (record < CAI_RECORD || record >= CAI_RECORD_END)
            break;
        lacks |= (size_t)(record & ((1 << CAI_RECORD_BITS) - 1)) << (i * CAI_RECORD_BITS);
        if ((record & CAI_RECORD_MORE) == 0)
            break;
    }
    return lacks < slot ? slot - lacks : 0;
}

/* True when a live block of a class but the first is exactly this long: one comparison for most blocks. */
CAI_INLINE bool cai_exact_is(const uint8_t *state, uint8_t size_class, size_t bytes)
{
    size_t lacks = cai_class_sizes[size_class] - bytes;

    if (CAI_LIKELY(lacks < 1 << CAI_RECORD_BITS && cai_load_relaxed(&state[1]) == (CAI_RECORD | lacks)))
        return true;
    return cai_exact_recorded(state, size_class, size_class) == bytes;
}

/* --- stamps ---
 * State and record of a block of 17 to 512 bytes in the shortest slot for it, as one number: the state is the lower
 * byte, and so comes first in memory. One store writes both, and one comparison says on the way back that a live block
 * of exactly this size starts there. */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lower byte of a stamp comes first");

#define CAI_STAMP_BYTES_MIN ((size_t)17)
#define CAI_STAMP_BYTES_MAX ((size_t)512) /* longer slots may lack more than one record byte tells */

CAI_INLINE bool cai_has_stamp(size_t bytes)
{
    return bytes - CAI_STAMP_BYTES_MIN <= CAI_STAMP_BYTES_MAX - CAI_STAMP_BYTES_MIN;
}

/* The stamp of a block as long as its slot, for every size by (size + 15) / 16. */
extern const uint16_t cai_stamps[CAI_STAMP_BYTES_MAX / 16 + 1];

/* cai_has_stamp(bytes) */
CAI_INLINE uint16_t cai_stamp_of(size_t bytes)
{
    return (uint16_t)(cai_stamps[(bytes + 15) / 16] - (bytes << 8));
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
    return live.size_class == 0 ? cai_load_relaxed(&cai_live_run(live)->bytes)
                                : cai_exact_recorded(live.state, live.byte, live.size_class);
}

CAI_INLINE void cai_exact_set(struct cai_live live, size_t bytes)
{
    if (live.size_class == 0)
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
    return live.size_class == 0 ? cai_round_up(cai_load_relaxed(&cai_live_run(live)->bytes), cai_settings->page_bytes)
                                : cai_class_sizes[live.size_class];
}

#endif
