/* The model of src/cap/cap.h as instructions of CHERI-RISC-V version 9, for a compiler that has never heard of them.
 *
 * Capabilities share the registers of integers, and the compiler saves and restores only 64 bits of those. Invariant:
 * between two operations every capability lies in memory, in a struct aligned to 16; each operation is one asm block
 * that loads its operands, works in t0 and t1, and stores. Addresses go through DDC, as in code without capabilities.
 *
 * An instruction that traps is skipped: while t2 holds RISCV_ARMED, the trap handler of the program puts the cause
 * there and goes on behind it. Accesses to memory return that cause. Any other instruction clears the tag of its result
 * where an older core traps; so does the block here.
 */
#ifndef TESTS_CAP_RISCV_RISCV_H
#define TESTS_CAP_RISCV_RISCV_H

#include "cap/riscv/numbers.h"

#include "base/compiler.h"

#include <capalloc/cap_model.h>

/* In memory its tag is the hardware's. */
typedef struct riscv_cap {
    uint64_t words[2];
} __attribute__((aligned(16))) cai_cap;

#define RISCV_TEXT_(x) #x
#define RISCV_TEXT(x) RISCV_TEXT_(x)

/* An instruction, by the number of its function or by what distinguishes it from others of one operand. */
#define RISCV_3(number, rd, rs1, rs2) ".insn r 0x5b, 0, " RISCV_TEXT(number) ", " rd ", " rs1 ", " rs2 "\n\t"
#define RISCV_2(number, rd, rs1) RISCV_3(RISCV_ONE_OPERAND, rd, rs1, "x" RISCV_TEXT(number))
#define RISCV_LOAD(number, rd, address) RISCV_3(RISCV_LOADS, rd, address, "x" RISCV_TEXT(number))
#define RISCV_STORE(number, address, rs2) RISCV_3(RISCV_STORES, "x" RISCV_TEXT(number), address, rs2)

/* Whole capabilities, at an address. */
#define RISCV_GET(rd, address) RISCV_LOAD(RISCV_lc_ddc, rd, address)
#define RISCV_PUT(address, rs2) RISCV_STORE(RISCV_sc_ddc, address, rs2)

#define RISCV_BLOCK(text, ...) __asm__ volatile(text:__VA_ARGS__ : "t0", "t1", "t2", "t3", "memory")

#define RISCV_ARM "li t2, " RISCV_TEXT(RISCV_ARMED) "\n\t"
/* What follows, up to label 1, happens if an instruction has trapped, or if none has. */
#define RISCV_IF(trapped) "li t3, " RISCV_TEXT(RISCV_ARMED) "\n\t" trapped " t2, t3, 1f\n\t"
#define RISCV_TRAPPED "beq"
#define RISCV_NOT_TRAPPED "bne"
#define RISCV_SETTLE RISCV_IF(RISCV_TRAPPED) RISCV_2(RISCV_tag_clear, "t0", "t0") "1:\n\t"

CAI_INLINE ca_cap_fault riscv_cause(uint64_t t2)
{
    return t2 == RISCV_ARMED ? CA_CAP_FAULT_NONE : (ca_cap_fault)t2;
}

/* --- the root, NULL, copies --- */

/* DDC, from which the processor starts. */
CAI_INLINE void cai_cap_root(cai_cap *out)
{
    RISCV_BLOCK(RISCV_3(RISCV_special, "t0", "x0", "x1") RISCV_3(RISCV_address_set, "t0", "t0", "x0")
                    RISCV_PUT("%0", "t0"),
                : "r"(out));
}

CAI_INLINE void cai_cap_null(cai_cap *out)
{
    RISCV_BLOCK(RISCV_2(RISCV_move, "t0", "x0") RISCV_PUT("%0", "t0"), : "r"(out));
}

CAI_INLINE void cai_cap_copy(cai_cap *out, const cai_cap *cap)
{
    RISCV_BLOCK(RISCV_GET("t0", "%1") RISCV_PUT("%0", "t0"), : "r"(out), "r"(cap));
}

/* --- the operations of ops.def --- */

/* A number from the capability in t0 and a second one in t1, or from an integer. */
#define RISCV_ANSWER(type, operands, instruction, ...)                                                                 \
    {                                                                                                                  \
        uint64_t got;                                                                                                  \
        RISCV_BLOCK(operands instruction, "=r"(got) : __VA_ARGS__);                                                    \
        return (type)got;                                                                                              \
    }
/* A capability from the one in t0 and a second operand. */
#define RISCV_RESULT(operand, instruction, ...)                                                                        \
    {                                                                                                                  \
        RISCV_BLOCK(RISCV_ARM RISCV_GET("t0", "%1") operand instruction RISCV_SETTLE RISCV_PUT("%0", "t0"),            \
                    : "r"(out), "r"(cap), ##__VA_ARGS__);                                                              \
    }

#define CAP_GET(type, name)                                                                                            \
    CAI_INLINE type cai_cap_##name(const cai_cap *cap)                                                                 \
        RISCV_ANSWER(type, RISCV_GET("t0", "%1"), RISCV_2(RISCV_##name, "%0", "t0"), "r"(cap))
#define CAP_WITH(type, name)                                                                                           \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, type value)                                       \
        RISCV_RESULT("", RISCV_3(RISCV_##name, "t0", "t0", "%2"), "r"(value))
#define CAP_ONE(name)                                                                                                  \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap) RISCV_RESULT("", RISCV_2(RISCV_##name, "t0", "t0"))
#define CAP_TWO(name)                                                                                                  \
    CAI_INLINE void cai_cap_##name(cai_cap *out, const cai_cap *cap, const cai_cap *other)                             \
        RISCV_RESULT(RISCV_GET("t1", "%2"), RISCV_3(RISCV_##name, "t0", "t0", "t1"), "r"(other))
#define CAP_COMPARE(name)                                                                                              \
    CAI_INLINE bool cai_cap_##name(const cai_cap *cap, const cai_cap *other)                                           \
        RISCV_ANSWER(bool, RISCV_GET("t0", "%1") RISCV_GET("t1", "%2"), RISCV_3(RISCV_##name, "%0", "t0", "t1"),       \
                     "r"(cap), "r"(other))
#define CAP_LENGTH(name)                                                                                               \
    CAI_INLINE size_t cai_cap_##name(size_t length)                                                                    \
        RISCV_ANSWER(size_t, "", RISCV_2(RISCV_##name, "%0", "%1"), "r"(length))
#include "cap/ops.def"

/* --- accesses --- */

/* t0 = the capability at `via`, moved by `by`: the offset that an instruction would have as a constant. A sealed one
 * stays as it is, since moving it would take the tag before the access can tell the cause; its address is set, since an
 * increment would take it near the borders of what can be represented. */
/* clang-format off */
#define RISCV_VIA(via, by)                                                                                             \
    RISCV_GET("t0", via) RISCV_2(RISCV_is_sealed, "t3", "t0") "bnez t3, 1f\n\t"                                        \
    RISCV_2(RISCV_address_get, "t3", "t0") "add t3, t3, " by "\n\t"                                                    \
    RISCV_3(RISCV_address_set, "t0", "t0", "t3") "1:\n\t"
/* clang-format on */

#define RISCV_LOAD_FROM(number)                                                                                        \
    RISCV_BLOCK(RISCV_VIA("%2", "%3") RISCV_ARM                                                                        \
                "li t1, 0\n\t" RISCV_LOAD(number, "t1", "t0") "mv %0, t1\n\tmv %1, t2\n\t",                            \
                "=&r"(got), "=&r"(cause)                                                                               \
                : "r"(via), "r"(offset))

CAI_INLINE ca_cap_fault cai_cap_load(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t *value)
{
    uint64_t got = 0;
    uint64_t cause = 0;

    if (bytes == 1)
        RISCV_LOAD_FROM(RISCV_lbu);
    else if (bytes == 2)
        RISCV_LOAD_FROM(RISCV_lhu);
    else if (bytes == 4)
        RISCV_LOAD_FROM(RISCV_lwu);
    else
        RISCV_LOAD_FROM(RISCV_ld);
    if (riscv_cause(cause) == CA_CAP_FAULT_NONE)
        *value = got;
    return riscv_cause(cause);
}

/* `value` is loaded by the text `get` into the register `from`. */
#define RISCV_STORE_TO(number, get, from)                                                                              \
    RISCV_BLOCK(RISCV_VIA("%1", "%2") get RISCV_ARM RISCV_STORE(number, "t0", from) "mv %0, t2\n\t", "=&r"(cause)      \
                : "r"(via), "r"(offset), "r"(value))

CAI_INLINE ca_cap_fault cai_cap_store(const cai_cap *via, ptrdiff_t offset, unsigned bytes, uint64_t value)
{
    uint64_t cause = 0;

    if (bytes == 1)
        RISCV_STORE_TO(RISCV_sb, "", "%3");
    else if (bytes == 2)
        RISCV_STORE_TO(RISCV_sh, "", "%3");
    else if (bytes == 4)
        RISCV_STORE_TO(RISCV_sw, "", "%3");
    else
        RISCV_STORE_TO(RISCV_sd, "", "%3");
    return riscv_cause(cause);
}

CAI_INLINE ca_cap_fault cai_cap_store_cap(const cai_cap *via, ptrdiff_t offset, const cai_cap *value)
{
    uint64_t cause;

    RISCV_STORE_TO(RISCV_sc, RISCV_GET("t1", "%3"), "t1");
    return riscv_cause(cause);
}

/* *out stays as it was when the load faults. */
CAI_INLINE ca_cap_fault cai_cap_load_cap(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    uint64_t cause;

    RISCV_BLOCK(RISCV_VIA("%2", "%3")
                    RISCV_ARM RISCV_LOAD(RISCV_lc, "t1", "t0") "mv %0, t2\n\t" RISCV_IF(RISCV_NOT_TRAPPED)
                        RISCV_PUT("%1", "t1") "1:\n\t",
                "=&r"(cause)
                : "r"(out), "r"(via), "r"(offset));
    return riscv_cause(cause);
}

CAI_INLINE ca_cap_fault cai_cap_tags_load(const cai_cap *via, size_t *tags)
{
    uint64_t got;
    uint64_t cause;

    RISCV_BLOCK(RISCV_GET("t0", "%2") RISCV_ARM
                "li t1, 0\n\t" RISCV_2(RISCV_tags_load, "t1", "t0") "mv %0, t1\n\tmv %1, t2\n\t",
                "=&r"(got), "=&r"(cause)
                : "r"(via));
    if (riscv_cause(cause) == CA_CAP_FAULT_NONE)
        *tags = got;
    return riscv_cause(cause);
}

#endif
