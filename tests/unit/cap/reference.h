/* The slow reference of CHERI Concentrate: the published formulas, symbol by symbol, on bit strings.
 *
 * Nothing is shared with src/cap/: no code, no type, no simplification. A bit string is a 128-bit number and a width;
 * what the documents write as a slice, a concatenation or an addition modulo 2^width is one call. Sources: the appendix
 * of "CHERI Concentrate" (IEEE Trans. Computers 68(10)) and section "CHERI Concentrate" of version 9 of the CHERI
 * architecture (UCAM-CL-TR-951) with the correction of the topmost bit; fastRepCheck and CBuildCap as in the Sail model
 * of CHERI-RISC-V; for Morello, DDI 0606.
 */
#ifndef TESTS_UNIT_CAP_REFERENCE_H
#define TESTS_UNIT_CAP_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 ref_wide;

struct ref_format {
    int mantissa_width;     /* MW */
    int address_bits;       /* fewer than 64: the upper ones repeat the last of these */
    bool inverted_exponent; /* in memory, with its flag; otherwise the field is xor-ed with that of NULL */
    bool worst_base;        /* what CRAM assumes of the base; otherwise 0 */
    uint64_t null_field;
};

static const struct ref_format ref_v9 = {.mantissa_width = 14, .address_bits = 64, .null_field = 0x4018004};
static const struct ref_format ref_morello = {
    .mantissa_width = 16, .address_bits = 56, .inverted_exponent = true, .worst_base = true};

struct ref_result {
    uint64_t base;
    ref_wide top;   /* 65 bits */
    bool exact;     /* of setting bounds */
    uint64_t field; /* the bounds field in memory, 2 * MW - 1 bits */
};

/* The bounds of a capability with this field (other bits of the word are ignored) and address. */
struct ref_result ref_decode(const struct ref_format *format, uint64_t field, uint64_t address);
/* `old`: the field of the capability that is narrowed. */
struct ref_result ref_set_bounds(const struct ref_format *format, uint64_t old, uint64_t address, ref_wide length);
bool ref_set_address(const struct ref_format *format, uint64_t field, uint64_t address, uint64_t new_address);
/* What CIncOffset asks, fastRepCheck; version 9 only. */
bool ref_increment(const struct ref_format *format, uint64_t field, uint64_t address, uint64_t increment);
/* What CBuildCap asks, of bounds with base <= top <= 2^64: does setting them give this field? Version 9 only. */
bool ref_canonical(const struct ref_format *format, uint64_t field, uint64_t address);
uint64_t ref_cram(const struct ref_format *format, uint64_t length);
uint64_t ref_crrl(const struct ref_format *format, uint64_t length);

#endif
