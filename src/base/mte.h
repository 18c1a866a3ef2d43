/* The processor's memory tags (AArch64, MTE): four bits for every granule of 16 bytes, and four in a pointer, which
 * otherwise says nothing by its top byte. An access whose pointer has another tag than the memory faults, where the
 * process asked for that (os/mte.h). Elsewhere there are none: CAI_MTE is 0, and nothing is compiled.
 *
 * The instructions stand here as numbers, with their registers: an assembler that is to know them by name takes the
 * whole file for one that may be run by such processors only.
 */
#ifndef CAI_BASE_MTE_H
#define CAI_BASE_MTE_H

#include "base/compiler.h"

#include <stdint.h>

#if defined(__aarch64__)
enum { CAI_MTE = 1 };
#else
enum { CAI_MTE = 0 };
#endif
enum { CAI_MTE_GRANULE = 16 };

/* An address without what the top byte says. */
CAI_INLINE uintptr_t cai_mte_untagged(uintptr_t pointer)
{
    return CAI_MTE ? pointer & UINTPTR_MAX >> 8 : pointer;
}

#if defined(__aarch64__)
/* The address with the tag that the memory there has, which must be mapped; 0 where it has none: LDG. */
CAI_INLINE uintptr_t cai_mte_load(uintptr_t address)
{
    register uintptr_t x16 __asm__("x16") = address;

    __asm__ volatile(".inst 0xd9600210 /* ldg x16, [x16] */" : "+r"(x16) : : "memory");
    return x16;
}

/* The granule gets the pointer's tag: STG. Memory that has no tags keeps none. */
CAI_INLINE void cai_mte_store(uintptr_t pointer)
{
    register uintptr_t x16 __asm__("x16") = pointer;

    __asm__ volatile(".inst 0xd9200a10 /* stg x16, [x16] */" : : "r"(x16) : "memory");
}

/* The pointer with any tag whose bit is not set in `but`: IRG. */
CAI_INLINE uintptr_t cai_mte_random(uintptr_t pointer, uint64_t but)
{
    register uintptr_t x16 __asm__("x16") = pointer;
    register uint64_t x17 __asm__("x17") = but;

    __asm__ volatile(".inst 0x9ad11210 /* irg x16, x16, x17 */" : "+r"(x16) : "r"(x17));
    return x16;
}

/* From here on this thread's accesses are not checked, or again: TCO. A signal's handler begins with checks. */
CAI_INLINE void cai_mte_unchecked(void)
{
    __asm__ volatile(".inst 0xd503419f /* msr tco, #1 */" : : : "memory");
}

CAI_INLINE void cai_mte_checked(void)
{
    __asm__ volatile(".inst 0xd503409f /* msr tco, #0 */" : : : "memory");
}
#else
CAI_INLINE uintptr_t cai_mte_load(uintptr_t address)
{
    return address;
}

CAI_INLINE void cai_mte_store(uintptr_t pointer)
{
    (void)pointer;
}

CAI_INLINE uintptr_t cai_mte_random(uintptr_t pointer, uint64_t but)
{
    (void)but;
    return pointer;
}

CAI_INLINE void cai_mte_unchecked(void) {}

CAI_INLINE void cai_mte_checked(void) {}
#endif

#endif
