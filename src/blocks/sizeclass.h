/* Size classes: 16-byte steps up to 128 bytes, then eight per doubling up to 32 KiB, so that above 128 bytes no slot
 * wastes more than 12.5 %. Class 0 does not exist: 0 in a state byte means that nothing lives there.
 */
#ifndef CAI_BLOCKS_SIZECLASS_H
#define CAI_BLOCKS_SIZECLASS_H

#include "base/bits.h"
#include "base/check.h"
#include "pages/zone.h"

enum {
    CAI_CLASS_FINE_LAST = 32, /* 1 KiB: the largest in a fine zone */
    CAI_CLASS_LAST = 72,      /* 32 KiB: beyond are large blocks */
    CAI_CLASSES = CAI_CLASS_LAST + 1,
};
#define CAI_FINE_BYTES_MAX CAI_KIB
#define CAI_SMALL_BYTES_MAX (32 * CAI_KIB)

/* The class of every size up to 1 KiB, by (size + 15) / 16. */
extern const uint8_t cai_class_table[CAI_FINE_BYTES_MAX / 16 + 1];

/* bytes <= CAI_FINE_BYTES_MAX */
CAI_INLINE size_t cai_class_of_fine(size_t bytes)
{
    return cai_class_table[(bytes + 15) / 16];
}

/* The class of every size from there to 32 KiB, by (size + 127) / 128. Computing it took seven instructions more, each
 * of which waited for the one before. */
extern const uint8_t cai_class_table_coarse[CAI_SMALL_BYTES_MAX / 128 + 1];

/* CAI_FINE_BYTES_MAX < bytes <= CAI_SMALL_BYTES_MAX */
CAI_INLINE size_t cai_class_of_coarse(size_t bytes)
{
    return cai_class_table_coarse[(bytes + 127) / 128];
}

/* bytes <= CAI_SMALL_BYTES_MAX */
CAI_INLINE size_t cai_class_of(size_t bytes)
{
    return bytes <= CAI_FINE_BYTES_MAX ? cai_class_of_fine(bytes) : cai_class_of_coarse(bytes);
}

CAI_INLINE size_t cai_class_bytes(unsigned size_class)
{
    if (size_class <= 8)
        return size_class * 16;
    return (size_t)((size_class - 1) % 8 + 9) << ((size_class - 1) / 8 + 3);
}

/* The same from a table: what the paths that compare sizes use. */
extern const uint16_t cai_class_sizes[CAI_CLASSES];

CAI_INLINE enum cai_grain cai_class_grain(unsigned size_class)
{
    return size_class <= CAI_CLASS_FINE_LAST ? CAI_FINE : CAI_COARSE;
}

/* Length in units of a slab of this class. */
uint32_t cai_class_slab_units(unsigned size_class);

/* Classes from here on, above 16 KiB, have slots that begin somewhere in a page, in each slab elsewhere: the end of one
 * slot and the start of the next share a page, and the starts of many slots do not share one set of the caches. */
enum { CAI_CLASS_LED = 65, CAI_LEAD_STEP = 128, CAI_LEAD_BYTES_MAX = 4096 };

/* How far from its start the slots of the slab begin whose first unit has this number. */
CAI_INLINE size_t cai_class_lead(unsigned size_class, uint32_t number)
{
    return size_class < CAI_CLASS_LED ? 0
                                      : (number % (CAI_LEAD_BYTES_MAX / CAI_LEAD_STEP - 1) + 1) * (size_t)CAI_LEAD_STEP;
}

/* Whether slots of this many bytes, a multiple of align, are aligned to it: slabs are aligned to units and no more. */
CAI_INLINE bool cai_class_is_aligned(size_t bytes, size_t align)
{
    return align <= CAI_LEAD_STEP || (bytes <= CAI_SMALL_BYTES_MAX / 2 && align <= CAI_UNIT_BYTES);
}

/* The smallest class whose slots are at least `bytes` long and multiples of align, a power of two; 0: none is. A slot
 * of the class of the next multiple of align is one: classes are multiples of an eighth of their doubling, and a longer
 * align is a multiple of that, so that there it is the class itself. */
CAI_INLINE unsigned cai_class_for(size_t bytes, size_t align)
{
    size_t rounded = cai_round_up(bytes + (bytes == 0), align);

    return rounded >= bytes && rounded <= CAI_SMALL_BYTES_MAX && cai_class_is_aligned(rounded, align)
               ? (unsigned)cai_class_of(rounded)
               : 0;
}

#endif
