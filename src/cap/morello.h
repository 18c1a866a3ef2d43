/* The bounds of Arm's Morello: the same compression as in concentrate.h with mantissas of 16 bits.
 *
 * What differs: the words lie in memory as they are drawn, with the exponent and its flag inverted, so that NULL is all
 * zero too; the upper eight bits of an address are not part of it, bit 55 is repeated there; exponent 63 means the
 * whole address space. Permissions and types are not here: nothing needs them yet.
 * Source: "Arm Architecture Reference Manual Supplement: Morello" (DDI 0606), functions whose names begin with Cap.
 */
#ifndef CAI_CAP_MORELLO_H
#define CAI_CAP_MORELLO_H

#include "cap/concentrate.h"

/* The high word with every permission, unsealed, bounds [0, 2^64). */
#define CAI_MORELLO_ROOT UINT64_C(0xffffc00000010005)

struct cai_bounds cai_morello_decode(uint64_t high, uint64_t address);

/* As cai_concentrate_set_bounds. From bounds so large that addresses are not cut (ROOT's are), the new ones may lie
 * elsewhere when the upper eight bits of `address` are no repetition of bit 55; hardware clears the tag then.
 */
uint64_t cai_morello_set_bounds(uint64_t high, uint64_t address, cai_u128 length, bool *exact);

bool cai_morello_representable(uint64_t high, uint64_t address, uint64_t new_address);
bool cai_morello_well_formed(uint64_t high);

/* RRLEN and RRMASK. The mask is that of the worst base, and so for a few lengths twice as coarse as exactness needs. */
uint64_t cai_morello_crrl(uint64_t length);
uint64_t cai_morello_cram(uint64_t length);

#endif
