/* The stamps, from the same formulas that the public header gives to the compiler. */
#include "blocks/exact.h"

/* clang-format off */
#define STAMP(size_class, slot) (uint16_t)((size_class) | (CAI_RECORD + (slot)) << 8)
#define FOUR(size_class, slot, step)                                                                                   \
    STAMP(size_class, slot), STAMP((size_class) + 1, (slot) + (step)), STAMP((size_class) + 2, (slot) + 2 * (step)),   \
        STAMP((size_class) + 3, (slot) + 3 * (step))
#define TWICE(size_class, slot) STAMP(size_class, slot), STAMP(size_class, slot)
const uint16_t cai_stamps[CAI_STAMP_BYTES_MAX / 16 + 1] = {
    0, FOUR(1, 16, 16), FOUR(5, 80, 16), FOUR(9, 144, 16), FOUR(13, 208, 16),
    TWICE(17, 288), TWICE(18, 320), TWICE(19, 352), TWICE(20, 384),
    TWICE(21, 416), TWICE(22, 448), TWICE(23, 480), TWICE(24, 512),
};
/* clang-format on */
