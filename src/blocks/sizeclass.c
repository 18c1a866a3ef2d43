/* The class table, and what is derived from a class off the fast path. */
#include "blocks/sizeclass.h"

/* clang-format off */
const uint8_t cai_class_table[CAI_FINE_BYTES_MAX / 16 + 1] = {
    1, 1, 2, 3, 4, 5, 6, 7, 8,                                      /* to 128 by 16 */
    9, 10, 11, 12, 13, 14, 15, 16,                                  /* to 256 by 16 */
    17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24, /* to 512 by 32 */
    25, 25, 25, 25, 26, 26, 26, 26, 27, 27, 27, 27, 28, 28, 28, 28, /* to 1024 by 64 */
    29, 29, 29, 29, 30, 30, 30, 30, 31, 31, 31, 31, 32, 32, 32, 32,
};

#define TIMES1(n) n
#define TIMES2(n) n, n
#define TIMES4(n) TIMES2(n), TIMES2(n)
#define TIMES8(n) TIMES4(n), TIMES4(n)
#define TIMES16(n) TIMES8(n), TIMES8(n)
#define EACH(times, n)                                                                                                 \
    times(n), times(n + 1), times(n + 2), times(n + 3), times(n + 4), times(n + 5), times(n + 6), times(n + 7)
const uint8_t cai_class_table_coarse[CAI_SMALL_BYTES_MAX / 128 + 1] = {
    TIMES8(0), 0, /* to 1024: in the other one */
    EACH(TIMES1, 33), EACH(TIMES2, 41), EACH(TIMES4, 49), EACH(TIMES8, 57), EACH(TIMES16, 65),
};

#define EIGHT(first, step)                                                                                             \
    first, first + step, first + 2 * step, first + 3 * step, first + 4 * step, first + 5 * step, first + 6 * step,     \
        first + 7 * step
const uint16_t cai_class_sizes[CAI_CLASSES] = {
    0, EIGHT(16, 16), EIGHT(144, 16), EIGHT(288, 32), EIGHT(576, 64), EIGHT(1152, 128),
    EIGHT(2304, 256), EIGHT(4608, 512), EIGHT(9216, 1024), EIGHT(18432, 2048),
};
/* clang-format on */

/* Slabs are 32 KiB long, where units are no longer, or as many units as eight slots need; with a lead, as many as that
 * takes, too. */
#define SLAB_BYTES_MIN cai_max(32 * CAI_KIB, CAI_UNIT_BYTES)
enum { SLAB_SLOTS_MIN = 8 };

uint32_t cai_class_slab_units(unsigned size_class)
{
    size_t bytes = cai_max(SLAB_SLOTS_MIN * cai_class_bytes(size_class), SLAB_BYTES_MIN);
    size_t lead = size_class < CAI_CLASS_LED ? 0 : CAI_LEAD_BYTES_MAX;

    return (uint32_t)(cai_round_up(bytes + lead, CAI_UNIT_BYTES) >> CAI_UNIT_SHIFT);
}
