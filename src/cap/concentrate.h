/* CHERI Concentrate: capabilities of 128 bits whose two bounds share the high word with permissions and type.
 *
 * This is the format of CHERI-RISC-V, version 9 of the CHERI instruction-set architecture (technical report 951 of the
 * University of Cambridge). Everything here is arithmetic on two words, without a tag and without memory: `high` is the
 * high word as it lies in memory, where it is xor-ed so that NULL is all zero; the low word is the address.
 * Formulas: J. Woodruff et al., "CHERI Concentrate: Practical Compressed Capabilities", IEEE Trans. Computers 68(10).
 */
#ifndef CAI_CAP_CONCENTRATE_H
#define CAI_CAP_CONCENTRATE_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 cai_u128;

/* base <= top <= 2^64 in every capability that is derived from the root; other bit patterns give any 64 and 65 bits. */
struct cai_bounds {
    uint64_t base;
    cai_u128 top;
};

#define CAI_CONCENTRATE_NULL UINT64_C(0)
/* The almighty capability: every permission, unsealed, bounds [0, 2^64). */
#define CAI_CONCENTRATE_ROOT UINT64_C(0xffff000000000000)
/* high ^ this is the word as the architecture document draws it. */
#define CAI_CONCENTRATE_XOR UINT64_C(0x00001ffffc018004)
#define CAI_CONCENTRATE_UNSEALED UINT32_C(0x3ffff)

struct cai_bounds cai_concentrate_decode(uint64_t high, uint64_t address);

/* `high` with the smallest bounds that hold [address, address + length) and can be encoded, as CSetBounds does;
 * length <= 2^64. *exact: nothing was rounded. Permissions, type and flag stay. Whether the old bounds allow the new
 * ones, and whether address + length is above 2^64, the caller checks.
 */
uint64_t cai_concentrate_set_bounds(uint64_t high, uint64_t address, cai_u128 length, bool *exact);

/* Does a capability keep its bounds when its address is replaced, as CSetAddr asks? Sealed or not is not looked at. */
bool cai_concentrate_representable(uint64_t high, uint64_t address, uint64_t new_address);

/* Does it keep its tag when its address moves by this much, up or (as a signed number) down, as CIncOffset and
 * CSetOffset ask? They find out from a few bits, without adding (fastRepCheck in the Sail model of CHERI-RISC-V): where
 * this says yes, so does the question above, but not the other way round.
 */
bool cai_concentrate_may_move(uint64_t high, uint64_t address, uint64_t by);

/* False for bit patterns that no setting of bounds within [0, 2^64) produces, whatever the address: exponents that are
 * too large, and mantissas with which base may lie above top.
 */
bool cai_concentrate_well_formed(uint64_t high);

/* The length of the block to allocate so that bounds of this length are exact (CRRL), and the mask that its base must
 * satisfy, base & mask == base (CRAM). CRRL is 0 where the result would be 2^64.
 */
uint64_t cai_concentrate_crrl(uint64_t length);
uint64_t cai_concentrate_cram(uint64_t length);

/* Permissions as instructions show them: hardware's in bits 0 to 11, software's in bits 15 to 18. */
uint32_t cai_concentrate_perms(uint64_t high);
uint64_t cai_concentrate_with_perms(uint64_t high, uint32_t perms);

/* 18 bits; all ones is unsealed. */
uint32_t cai_concentrate_otype(uint64_t high);
uint64_t cai_concentrate_with_otype(uint64_t high, uint32_t otype);

/* The mode bit of capabilities to code. */
bool cai_concentrate_flag(uint64_t high);
uint64_t cai_concentrate_with_flag(uint64_t high, bool flag);

#endif
