/* Capabilities as the instructions of CHERI-RISC-V version 9 have them, for a compiler that has never heard of them.
 *
 * Capabilities share the registers of integers, and the compiler saves and restores only 64 bits of those. Invariant:
 * between two operations every capability lies in memory, in a struct aligned to 16; each operation is one asm block
 * that loads its operands, works in t0 and t1, and stores. Addresses go through DDC, as in code without capabilities.
 *
 * An instruction that traps is skipped: while t2 holds CAI_RISCV_ARMED, the trap handler of the program puts the cause
 * there and goes on behind it. Accesses to memory return that cause. Any other instruction clears the tag of its result
 * where an older core traps; so does the block here.
 */
#ifndef CAI_CAP_RISCV_H
#define CAI_CAP_RISCV_H

#include "base/compiler.h"

#include <capalloc/cap_model.h>

/* In memory its tag is the hardware's. */
typedef struct cai_riscv_cap {
    uint64_t words[2];
} __attribute__((aligned(16))) cai_cap;

/* --- instructions: opcode 0x5b, function 0; the numbers are those of report 951, chapter "CHERI-RISC-V" --- */

#define CAI_RISCV_3(funct7, rd, rs1, rs2) ".insn r 0x5b, 0, " funct7 ", " rd ", " rs1 ", " rs2 "\n\t"
/* One operand: the register field of the second says which instruction. */
#define CAI_RISCV_2(number, rd, rs1) CAI_RISCV_3("0x7f", rd, rs1, "x" number)
#define CAI_RISCV_LOAD(number, rd, address) CAI_RISCV_3("0x7d", rd, address, "x" number)
#define CAI_RISCV_STORE(number, address, rs2) CAI_RISCV_3("0x7c", "x" number, address, rs2)

/* Whole capabilities, at an address. */
#define CAI_RISCV_GET(rd, address) CAI_RISCV_LOAD("23", rd, address)
#define CAI_RISCV_PUT(address, rs2) CAI_RISCV_STORE("4", address, rs2)
#define CAI_RISCV_CLEAR_TAG(rd, rs1) CAI_RISCV_2("11", rd, rs1)

/* --- traps --- */

#define CAI_RISCV_ARMED 0x5ca1ab1e
#define CAI_RISCV_TEXT_(x) #x
#define CAI_RISCV_TEXT(x) CAI_RISCV_TEXT_(x)
#define CAI_RISCV_ARM "li t2, " CAI_RISCV_TEXT(CAI_RISCV_ARMED) "\n\t"
/* What is in t0 loses its tag if an instruction has trapped. */
#define CAI_RISCV_SETTLE                                                                                               \
    "li t3, " CAI_RISCV_TEXT(CAI_RISCV_ARMED) "\n\tbeq t2, t3, 1f\n\t" CAI_RISCV_CLEAR_TAG("t0", "t0") "1:\n\t"
#define CAI_RISCV_USED "t0", "t1", "t2", "t3", "memory"

CAI_INLINE ca_cap_fault cai_riscv_cause(uint64_t t2)
{
    return t2 == CAI_RISCV_ARMED ? CA_CAP_FAULT_NONE : (ca_cap_fault)t2;
}

/* --- the root and NULL --- */

/* DDC, from which the processor starts: special register 1. */
CAI_INLINE void cai_cap_root(cai_cap *out)
{
    __asm__ volatile(CAI_RISCV_3("0x01", "t0", "x0", "x1") /* CSpecialRW */
                     CAI_RISCV_3("0x10", "t0", "t0", "x0") /* CSetAddr */
                     CAI_RISCV_PUT("%0", "t0")
                     :
                     : "r"(out)
                     : CAI_RISCV_USED);
}

CAI_INLINE void cai_cap_null(cai_cap *out)
{
    __asm__ volatile(CAI_RISCV_2("10", "t0", "x0") /* CMove */
                     CAI_RISCV_PUT("%0", "t0")
                     :
                     : "r"(out)
                     : CAI_RISCV_USED);
}

CAI_INLINE void cai_cap_copy(cai_cap *out, const cai_cap *cap)
{
    __asm__ volatile(CAI_RISCV_GET("t0", "%1") CAI_RISCV_PUT("%0", "t0") : : "r"(out), "r"(cap) : CAI_RISCV_USED);
}

/* --- the operations of ops.def --- */

#define CAI_RISCV_DEFINE_GET(type, name, number)                                                                       \
    CAI_INLINE type cai_cap_##name(const cai_cap *cap)                                                                 \
    {                                                                                                                  \
        uint64_t got;                                                                                                  \
        __asm__ volatile(CAI_RISCV_GET("t0", "%1") CAI_RISCV_2(number, "%0", "t0")                                     \
                         : "=r"(got)                                                                                   \
                         : "r"(cap)                                                                                    \
                         : CAI_RISCV_USED);                                                                            \
        return (type)got;                                                                                              \
    }

CAI_RISCV_DEFINE_GET(size_t, perms_get, "0")
CAI_RISCV_DEFINE_GET(long, type_get, "1")
CAI_RISCV_DEFINE_GET(size_t, base_get, "2")
CAI_RISCV_DEFINE_GET(size_t, length_get, "3")
CAI_RISCV_DEFINE_GET(bool, tag_get, "4")
CAI_RISCV_DEFINE_GET(bool, is_sealed, "5")
CAI_RISCV_DEFINE_GET(size_t, offset_get, "6")
CAI_RISCV_DEFINE_GET(size_t, flags_get, "7")
CAI_RISCV_DEFINE_GET(size_t, address_get, "15")

#define CAI_RISCV_DEFINE_WITH(type, name, funct7)                                                                      \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, type value)                                       \
    {                                                                                                                  \
        __asm__ volatile(CAI_RISCV_ARM CAI_RISCV_GET("t0", "%1") CAI_RISCV_3(funct7, "t0", "t0", "%2")                 \
                             CAI_RISCV_SETTLE CAI_RISCV_PUT("%0", "t0")                                                \
                         :                                                                                             \
                         : "r"(out), "r"(cap), "r"(value)                                                              \
                         : CAI_RISCV_USED);                                                                            \
    }

CAI_RISCV_DEFINE_WITH(size_t, bounds_set, "0x08")
CAI_RISCV_DEFINE_WITH(size_t, bounds_set_exact, "0x09")
CAI_RISCV_DEFINE_WITH(size_t, perms_and, "0x0d")
CAI_RISCV_DEFINE_WITH(size_t, flags_set, "0x0e")
CAI_RISCV_DEFINE_WITH(size_t, offset_set, "0x0f")
CAI_RISCV_DEFINE_WITH(size_t, address_set, "0x10")
CAI_RISCV_DEFINE_WITH(ptrdiff_t, increment, "0x11")

CAI_INLINE void cai_cap_tag_clear(cai_cap *out, const cai_cap *cap)
{
    __asm__ volatile(CAI_RISCV_GET("t0", "%1") CAI_RISCV_CLEAR_TAG("t0", "t0") CAI_RISCV_PUT("%0", "t0")
                     :
                     : "r"(out), "r"(cap)
                     : CAI_RISCV_USED);
}

#define CAI_RISCV_DEFINE_TWO(name, funct7)                                                                             \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, const cai_cap *other)                             \
    {                                                                                                                  \
        __asm__ volatile(CAI_RISCV_ARM CAI_RISCV_GET("t0", "%1") CAI_RISCV_GET("t1", "%2")                             \
                             CAI_RISCV_3(funct7, "t0", "t0", "t1") CAI_RISCV_SETTLE CAI_RISCV_PUT("%0", "t0")          \
                         :                                                                                             \
                         : "r"(out), "r"(cap), "r"(other)                                                              \
                         : CAI_RISCV_USED);                                                                            \
    }

CAI_RISCV_DEFINE_TWO(seal, "0x0b")
CAI_RISCV_DEFINE_TWO(unseal, "0x0c")
CAI_RISCV_DEFINE_TWO(build, "0x1d")

#define CAI_RISCV_DEFINE_COMPARE(name, funct7)                                                                         \
    CAI_INLINE bool cai_cap_##name(const cai_cap *cap, const cai_cap *other)                                           \
    {                                                                                                                  \
        uint64_t got;                                                                                                  \
        __asm__ volatile(CAI_RISCV_GET("t0", "%1") CAI_RISCV_GET("t1", "%2") CAI_RISCV_3(funct7, "%0", "t0", "t1")     \
                         : "=r"(got)                                                                                   \
                         : "r"(cap), "r"(other)                                                                        \
                         : CAI_RISCV_USED);                                                                            \
        return got != 0;                                                                                               \
    }

CAI_RISCV_DEFINE_COMPARE(is_subset, "0x20")
CAI_RISCV_DEFINE_COMPARE(is_equal_exact, "0x21")

#define CAI_RISCV_DEFINE_LENGTH(name, number)                                                                          \
    CAI_INLINE size_t cai_cap_##name(size_t length)                                                                    \
    {                                                                                                                  \
        size_t got;                                                                                                    \
        __asm__ volatile(CAI_RISCV_2(number, "%0", "%1") : "=r"(got) : "r"(length) : CAI_RISCV_USED);                  \
        return got;                                                                                                    \
    }

CAI_RISCV_DEFINE_LENGTH(representable_length, "8")
CAI_RISCV_DEFINE_LENGTH(representable_alignment_mask, "9")

/* --- accesses --- */

/* t0 = the capability at `via`, moved by `by`: the offset that an instruction would have as a constant. A sealed one
 * stays as it is, since moving it would take the tag before the access can tell the cause; its address is set, since an
 * increment would take it near the borders of what can be represented. */
#define CAI_RISCV_VIA(via, by)                                                                                         \
    CAI_RISCV_GET("t0", via)                                                                                           \
    CAI_RISCV_2("5", "t3", "t0")                                                                                       \
    "bnez t3, 1f\n\t" CAI_RISCV_2("15", "t3", "t0") "add t3, t3, " by                                                  \
                                                    "\n\t" CAI_RISCV_3("0x10", "t0", "t0", "t3") "1:\n\t"

#define CAI_RISCV_LOAD_FROM(number)                                                                                    \
    __asm__ volatile(CAI_RISCV_VIA("%2", "%3") CAI_RISCV_ARM                                                           \
                     "li t1, 0\n\t" CAI_RISCV_LOAD(number, "t1", "t0") "mv %0, t1\n\tmv %1, t2\n\t"                    \
                     : "=&r"(got), "=&r"(cause)                                                                        \
                     : "r"(via), "r"(offset)                                                                           \
                     : CAI_RISCV_USED)

CAI_INLINE ca_cap_fault cai_cap_load(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    uint64_t got = 0;
    uint64_t cause = 0;

    if (bytes == 1)
        CAI_RISCV_LOAD_FROM("12");
    else if (bytes == 2)
        CAI_RISCV_LOAD_FROM("13");
    else if (bytes == 4)
        CAI_RISCV_LOAD_FROM("14");
    else
        CAI_RISCV_LOAD_FROM("11");
    if (cai_riscv_cause(cause) == CA_CAP_FAULT_NONE)
        *value = got;
    return cai_riscv_cause(cause);
}

#define CAI_RISCV_STORE_TO(number)                                                                                     \
    __asm__ volatile(CAI_RISCV_VIA("%1", "%2") CAI_RISCV_ARM CAI_RISCV_STORE(number, "t0", "%3") "mv %0, t2\n\t"       \
                     : "=&r"(cause)                                                                                    \
                     : "r"(via), "r"(offset), "r"(value)                                                               \
                     : CAI_RISCV_USED)

CAI_INLINE ca_cap_fault cai_cap_store(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    uint64_t cause = 0;

    if (bytes == 1)
        CAI_RISCV_STORE_TO("8");
    else if (bytes == 2)
        CAI_RISCV_STORE_TO("9");
    else if (bytes == 4)
        CAI_RISCV_STORE_TO("10");
    else
        CAI_RISCV_STORE_TO("11");
    return cai_riscv_cause(cause);
}

/* *out stays as it was when the load faults: t1 is stored only without a cause. */
CAI_INLINE ca_cap_fault cai_cap_load_cap(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    uint64_t cause;

    __asm__ volatile(
        CAI_RISCV_VIA("%2", "%3") CAI_RISCV_ARM CAI_RISCV_LOAD("31", "t1", "t0") /* */
        "mv %0, t2\n\tli t3, " CAI_RISCV_TEXT(CAI_RISCV_ARMED) "\n\t"            /* */
                                                               "bne t2, t3, 1f\n\t" CAI_RISCV_PUT("%1", "t1") "1:\n\t"
        : "=&r"(cause)
        : "r"(out), "r"(via), "r"(offset)
        : CAI_RISCV_USED);
    return cai_riscv_cause(cause);
}

CAI_INLINE ca_cap_fault cai_cap_store_cap(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    uint64_t cause;

    __asm__ volatile(CAI_RISCV_VIA("%1", "%2") CAI_RISCV_GET("t1", "%3") CAI_RISCV_ARM /* */
                         CAI_RISCV_STORE("12", "t0", "t1") "mv %0, t2\n\t"
                     : "=&r"(cause)
                     : "r"(via), "r"(offset), "r"(value)
                     : CAI_RISCV_USED);
    return cai_riscv_cause(cause);
}

CAI_INLINE ca_cap_fault cai_cap_tags_load(const cai_cap *via, size_t *tags)
{
    uint64_t got;
    uint64_t cause;

    __asm__ volatile(CAI_RISCV_GET("t0", "%2") CAI_RISCV_ARM "li t1, 0\n\t" CAI_RISCV_2("18", "t1", "t0") /* */
                     "mv %0, t1\n\tmv %1, t2\n\t"
                     : "=&r"(got), "=&r"(cause)
                     : "r"(via)
                     : CAI_RISCV_USED);
    if (cai_riscv_cause(cause) == CA_CAP_FAULT_NONE)
        *tags = got;
    return cai_riscv_cause(cause);
}

#endif
