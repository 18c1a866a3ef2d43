/* How sizes fit into slots, from the same formulas that the public header gives to the compiler. */
#include "blocks/exact.h"

/* clang-format off */
#define FIT(size_class, slot) (uint16_t)((size_class) | (CAI_RECORD + (slot)) << 8)
#define FOUR(size_class, slot, step)                                                                                   \
    FIT(size_class, slot), FIT((size_class) + 1, (slot) + (step)), FIT((size_class) + 2, (slot) + 2 * (step)),         \
        FIT((size_class) + 3, (slot) + 3 * (step))
#define TWICE(size_class, slot) FIT(size_class, slot), FIT(size_class, slot)
#define FOUR_TIMES(size_class, slot) TWICE(size_class, slot), TWICE(size_class, slot)
const uint16_t cai_full_stamps[CAI_FINE_BYTES_MAX / 16] = {
    FOUR(1, 16, 16), FOUR(5, 80, 16), FOUR(9, 144, 16), FOUR(13, 208, 16),
    TWICE(17, 288), TWICE(18, 320), TWICE(19, 352), TWICE(20, 384),
    TWICE(21, 416), TWICE(22, 448), TWICE(23, 480), TWICE(24, 512),
    FOUR_TIMES(25, 576), FOUR_TIMES(26, 640), FOUR_TIMES(27, 704), FOUR_TIMES(28, 768),
    FOUR_TIMES(29, 832), FOUR_TIMES(30, 896), FOUR_TIMES(31, 960), FOUR_TIMES(32, 1024),
};

#define SHORT(bytes) CAI_STATE_SHORT + (bytes)
const uint8_t cai_short_states[17] = {0,         SHORT(1),  SHORT(2),  SHORT(3),  SHORT(4),  SHORT(5),
                                      SHORT(6),  SHORT(7),  SHORT(8),  SHORT(9),  SHORT(10), SHORT(11),
                                      SHORT(12), SHORT(13), SHORT(14), SHORT(15), 1};

#define EIGHT(first, step)                                                                                             \
    first, (first) + (step), (first) + 2 * (step), (first) + 3 * (step), (first) + 4 * (step), (first) + 5 * (step),   \
        (first) + 6 * (step), (first) + 7 * (step)
#define EIGHTS(first) EIGHT(first, 1), EIGHT((first) + 8, 1), EIGHT((first) + 16, 1), EIGHT((first) + 24, 1)
#define UP_TO_15 EIGHT(1, 1), 9, 10, 11, 12, 13, 14, 15
#define TOO_MUCH UINT32_MAX
const uint32_t cai_exact_told[768] = {
    0, 0, 32, 48, 64, 80, 96, 112, 128, EIGHT(144, 16), EIGHT(288, 32), EIGHT(576, 64),
    [256 ... 256 + CAI_RECORD - 1] = TOO_MUCH,
    [256 + CAI_RECORD] = EIGHTS(1), EIGHTS(33),
    [256 + CAI_RECORD_MORE ... 511] = TOO_MUCH,
    [512 + 1] = 16,
    [512 + CAI_STATE_SHORT + 1] = UP_TO_15,
};
/* clang-format on */
