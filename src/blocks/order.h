/* In which order the slots that leave a slab are handed out, in the hardened library: each is any of the next few that
 * left it, and those that it passed over come after it. So who knows all earlier ones has to guess, and slots that are
 * handed out one after the other still lie near each other.
 */
#ifndef CAI_BLOCKS_ORDER_H
#define CAI_BLOCKS_ORDER_H

#include <stdint.h>

/* Of the `count` slots below `end`, of which the last is handed out first. */
void cai_order_mix(void **end, uint32_t count);

#endif
