/* See order.h. A shuffle whose every exchange reaches no further than a window. */
#include "blocks/order.h"

#include "base/bits.h"
#include "core/chance.h"

/* Slots that each is drawn from: three bits, as many as all of the smallest refill. */
enum { WINDOW_BITS = 3, WINDOW = 1 << WINDOW_BITS };

static void exchange(void **slot, uint64_t away)
{
    void *first = *slot;

    *slot = *(slot - away);
    *(slot - away) = first;
}

/* So many, behind which a whole window follows. */
static void mix_most(void **end, uint32_t count)
{
    while (count != 0) {
        uint64_t drawn = cai_chance_bits();
        uint32_t now = (uint32_t)cai_min(count, 64 / WINDOW_BITS);
        count -= now;
        for (void **const last = end - now; end != last; drawn >>= WINDOW_BITS)
            exchange(--end, drawn % WINDOW);
    }
}

/* The last ones, of which fewer and fewer are left. */
static void mix_last(void **end, uint32_t count)
{
    enum { DRAWN_BITS = 8 };
    uint64_t drawn = cai_chance_bits();

    for (; count > 1; count--, drawn >>= DRAWN_BITS)
        exchange(--end, (drawn & ((1 << DRAWN_BITS) - 1)) * count >> DRAWN_BITS);
}

void cai_order_mix(void **end, uint32_t count)
{
    uint32_t last = (uint32_t)cai_min(count, WINDOW);

    mix_most(end, count - last);
    mix_last(end - (count - last), last);
}
