/* Records: the exact size of a block whose door asks for it, kept out of line.
 *
 * A slot has state bytes that nobody uses: all but its first. What the block lacks to its slot stands there, in bytes
 * from 0x80 to 0xbf (which no block starts with): five bits each, lowest first, and a bit that says another follows. No
 * record means that the block is as long as its slot. A slot of 16 bytes has one state byte only: shorter blocks in it
 * are live states of their own. Blocks of malloc have no record: what an earlier block left there means nothing.
 */
#ifndef CAI_HEAP_RECORD_H
#define CAI_HEAP_RECORD_H

#include "heap/state.h"

#include <string.h>

enum { CAI_RECORD = 0x80, CAI_RECORD_MORE = 0x20, CAI_RECORD_BITS = 5 };

/* state: the live block's first state byte. bytes <= the class's. Writes the record and the state. */
CAI_INLINE void cai_record_set(uint8_t *state, unsigned size_class, size_t bytes)
{
    if (size_class == 1) {
        cai_store_relaxed(state, (uint8_t)(bytes == 16 ? 1 : CAI_STATE_SHORT + bytes));
        return;
    }
    size_t lacks = cai_class_sizes[size_class] - bytes;
    if (CAI_LIKELY(lacks < 1 << CAI_RECORD_BITS)) {
        cai_store_relaxed(state + 1, (uint8_t)(CAI_RECORD | lacks));
        return;
    }
    for (uint8_t *record = state + 1;; record++) {
        uint8_t low = (uint8_t)(lacks & ((1 << CAI_RECORD_BITS) - 1));
        lacks >>= CAI_RECORD_BITS;
        uint8_t more = lacks != 0 ? CAI_RECORD_MORE : 0;
        cai_store_relaxed(record, (uint8_t)(CAI_RECORD | more | low));
        if (more == 0)
            break;
    }
}

/* --- stamps ---
 * State and record of a block of 17 to 512 bytes in the shortest slot for it, as one number: the state is the lower
 * byte, and so comes first in memory. One store writes both, and one comparison says on the way back that a live block
 * of exactly this size starts there. */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lower byte of a stamp comes first");

enum { CAI_STAMP_BYTES_MIN = 17 };

CAI_INLINE bool cai_has_stamp(size_t bytes)
{
    return bytes - CAI_STAMP_BYTES_MIN <= CAI_FINE_BYTES_MAX - CAI_STAMP_BYTES_MIN;
}

/* The stamp of a block as long as its slot, for every size by (size + 15) / 16. */
extern const uint16_t cai_stamps[CAI_FINE_BYTES_MAX / 16 + 1];

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

/* The exact size of a live block of a door that records it; `live` is its first state byte. */
CAI_INLINE size_t cai_record_bytes(const uint8_t *state, uint8_t live, unsigned size_class)
{
    if (size_class == 1)
        return live > CAI_STATE_SHORT && live < CAI_STATE_SHORT + 16 ? (size_t)(live - CAI_STATE_SHORT) : 16;
    size_t lacks = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t record = cai_load_relaxed(&state[1 + i]);
        if (record < CAI_RECORD || record >= 0xc0)
            break;
        lacks |= (size_t)(record & ((1 << CAI_RECORD_BITS) - 1)) << (i * CAI_RECORD_BITS);
        if ((record & CAI_RECORD_MORE) == 0)
            break;
    }
    size_t slot = cai_class_sizes[size_class];
    return lacks < slot ? slot - lacks : 0;
}

/* True when a live block of a class but the first is exactly this long: one comparison for most blocks. */
CAI_INLINE bool cai_record_is(const uint8_t *state, uint8_t size_class, size_t bytes)
{
    size_t lacks = cai_class_sizes[size_class] - bytes;

    if (CAI_LIKELY(lacks < 1 << CAI_RECORD_BITS && cai_load_relaxed(&state[1]) == (CAI_RECORD | lacks)))
        return true;
    return cai_record_bytes(state, size_class, size_class) == bytes;
}

#endif
