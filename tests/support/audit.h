/* Audits: each walks a whole structure of the engine and compares every number with every other that must agree with
 * it.
 *
 * They take no locks and want a quiet process: no other thread inside the allocator. An audit returns NULL when all is
 * well and otherwise what is wrong, in static storage. Called by unit, fault and stress tests.
 */
#ifndef TESTS_SUPPORT_AUDIT_H
#define TESTS_SUPPORT_AUDIT_H

#include "pages/zone.h"

#include <stdbool.h>
#include <stddef.h>

/* The runs of one zone: lengths add up, no two free neighbours of one kind, bins hold exactly the free runs, the age
 * list exactly the dirty ones, counters say what is there, state bytes fit the kind of the run. */
const char *audit_zone(unsigned number);

/* Every slab, large block and thread cache: state bytes, counters, owners and lists tell one story, nothing is lost. */
const char *audit_heap(void);

/* All zones, committed memory, and the heap. */
const char *audit_all(void);

/* Every byte of every free run and of every cached large block in places where free means zero is zero. With `slots`,
 * likewise all of a slab there that is not a live slot, and in other places the slots whose state byte says zero. */
const char *audit_zeros(bool slots);

/* The free run with this head is in the bin it belongs to. */
bool audit_is_binned(unsigned number, uint32_t head);

#endif
