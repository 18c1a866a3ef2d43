/* Which instructions may change memory that a child sees.
 *
 * A child has the victim's memory but not the victim: two stops are alike for it when nothing was stored in between.
 * The victim's own stack is of no interest to anybody else, so pushes and calls are no stores.
 */
#ifndef TESTS_STOP_STORES_H
#define TESTS_STOP_STORES_H

#include <stdbool.h>
#include <stdint.h>

/* The instruction that begins here. True where it is not known. */
bool stores_anything(const uint8_t *code);

#endif
