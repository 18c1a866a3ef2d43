/* What a capability is in this program: its type, its numbers, and which of three models stands behind them.
 *
 *     soft     the default: a capability of CHERI-RISC-V version 9 in software, faithful bit for bit
 *     plain    CA_CAP_PLAIN is defined before inclusion: a pointer, and nothing is checked
 *     native   on a CHERI machine in pure-capability mode: the machine's own
 *
 * A program is compiled unchanged for any of them: cap.h has the operations. Contract: K1, K8.
 */
#ifndef CAPALLOC_CAP_MODEL_H
#define CAPALLOC_CAP_MODEL_H

#include <capalloc/attributes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CA_CAP_MODEL_SOFT 0
#define CA_CAP_MODEL_PLAIN 1
#define CA_CAP_MODEL_NATIVE 2

#if defined(__CHERI_PURE_CAPABILITY__)
#include <cheriintrin.h>
#define CA_CAP_MODEL CA_CAP_MODEL_NATIVE
#elif defined(CA_CAP_PLAIN)
#define CA_CAP_MODEL CA_CAP_MODEL_PLAIN
#else
#define CA_CAP_MODEL CA_CAP_MODEL_SOFT
#endif

#if CA_CAP_MODEL == CA_CAP_MODEL_NATIVE

#ifndef CHERI_INTRIN_POINTER
#define CHERI_INTRIN_POINTER void *
#endif
/* The machine's pointer. A cheriintrin.h of a test has another type that behaves like one. */
typedef CHERI_INTRIN_POINTER ca_cap;
#define CA_CAP_BYTES 16

#elif CA_CAP_MODEL == CA_CAP_MODEL_PLAIN

/* A pointer, in a struct so that it is not mistaken for one. */
typedef struct ca_cap {
    char *pointer;
} ca_cap;
#define CA_CAP_BYTES 8

#else

/* A capability in software, as a register would hold it: two words and a tag. Its members are for debuggers; writing
 * them makes a capability out of nothing, which no software can prevent. In memory it is 16 bytes long, stored and
 * loaded by ca_cap_store_cap and ca_cap_load_cap only, its tag apart. Passed by value: 24 bytes, on the stack.
 * Contract: K1. */
typedef struct ca_cap {
    size_t address;
    size_t high; /* permissions, type and bounds, as in memory: NULL is all zero */
    size_t tag;  /* 1 or 0 */
} ca_cap;
#define CA_CAP_BYTES 16

#endif

/* Sets of permissions, types of sealed capabilities, flags: what the functions of cap.h take and return as size_t and
 * long, under names that say which is meant. */
typedef size_t ca_cap_perms;
typedef long ca_cap_type;
typedef size_t ca_cap_flags;

/* Permissions, as ca_cap_perms_get returns them. On a machine whose capabilities have them elsewhere, the numbers are
 * the machine's. Do not rely on LOAD_CAP and STORE_CAP being two: newer formats have one bit for both. */
#if CA_CAP_MODEL == CA_CAP_MODEL_NATIVE
#define CA_CAP_PERM_GLOBAL CA_CAST_(size_t, CHERI_PERM_GLOBAL)
#define CA_CAP_PERM_EXECUTE CA_CAST_(size_t, CHERI_PERM_EXECUTE)
#define CA_CAP_PERM_LOAD CA_CAST_(size_t, CHERI_PERM_LOAD)
#define CA_CAP_PERM_STORE CA_CAST_(size_t, CHERI_PERM_STORE)
#define CA_CAP_PERM_LOAD_CAP CA_CAST_(size_t, CHERI_PERM_LOAD_CAP)
#define CA_CAP_PERM_STORE_CAP CA_CAST_(size_t, CHERI_PERM_STORE_CAP)
#define CA_CAP_PERM_STORE_LOCAL CA_CAST_(size_t, CHERI_PERM_STORE_LOCAL_CAP)
#define CA_CAP_PERM_SEAL CA_CAST_(size_t, CHERI_PERM_SEAL)
#define CA_CAP_PERM_UNSEAL CA_CAST_(size_t, CHERI_PERM_UNSEAL)
#define CA_CAP_PERM_INVOKE CA_CAST_(size_t, CHERI_PERM_INVOKE)
#define CA_CAP_PERM_SYSTEM_REGS CA_CAST_(size_t, CHERI_PERM_SYSTEM_REGS)
#else
#define CA_CAP_PERM_GLOBAL (CA_CAST_(size_t, 1) << 0)
#define CA_CAP_PERM_EXECUTE (CA_CAST_(size_t, 1) << 1)
#define CA_CAP_PERM_LOAD (CA_CAST_(size_t, 1) << 2)
#define CA_CAP_PERM_STORE (CA_CAST_(size_t, 1) << 3)
#define CA_CAP_PERM_LOAD_CAP (CA_CAST_(size_t, 1) << 4)
#define CA_CAP_PERM_STORE_CAP (CA_CAST_(size_t, 1) << 5)
#define CA_CAP_PERM_STORE_LOCAL (CA_CAST_(size_t, 1) << 6)
#define CA_CAP_PERM_SEAL (CA_CAST_(size_t, 1) << 7)
#define CA_CAP_PERM_UNSEAL (CA_CAST_(size_t, 1) << 9)
#define CA_CAP_PERM_INVOKE (CA_CAST_(size_t, 1) << 8)
#define CA_CAP_PERM_SYSTEM_REGS (CA_CAST_(size_t, 1) << 10)
#endif
/* Everything that has to do with capabilities in memory: what memory without pointers lacks. */
#define CA_CAP_PERMS_CAPS (CA_CAP_PERM_LOAD_CAP | CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL)

/* The type of a capability that is not sealed, as ca_cap_type_get returns it: -1, but 0 on Morello. That of a sealed
 * entry point (ca_cap_seal_entry): -2, but 1 on Morello. */
#if CA_CAP_MODEL == CA_CAP_MODEL_NATIVE
#define CA_CAP_UNSEALED CA_CAST_(long, CHERI_OTYPE_UNSEALED)
#define CA_CAP_SENTRY CA_CAST_(long, CHERI_OTYPE_SENTRY)
#else
#define CA_CAP_UNSEALED (-1L)
#define CA_CAP_SENTRY (-2L)
#endif

/* Why an access was refused. The numbers up to 31 are the cause codes of CHERI-RISC-V. */
typedef enum ca_cap_fault {
    CA_CAP_FAULT_NONE = 0,
    CA_CAP_FAULT_BOUNDS = 0x01,                  /* bounds: not all of it lies inside */
    CA_CAP_FAULT_TAG = 0x02,                     /* tag: no capability */
    CA_CAP_FAULT_SEAL = 0x03,                    /* seal: sealed */
    CA_CAP_FAULT_TYPE = 0x04,                    /* type: of a jump through two sealed capabilities; hardware only */
    CA_CAP_FAULT_PERMIT_EXECUTE = 0x11,          /* permit-execute: of ca_cap_jump_check only */
    CA_CAP_FAULT_PERMIT_LOAD = 0x12,             /* permit-load */
    CA_CAP_FAULT_PERMIT_STORE = 0x13,            /* permit-store */
    CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY = 0x14,  /* permit-load-capability: of ca_cap_tags_load and _range only */
    CA_CAP_FAULT_PERMIT_STORE_CAPABILITY = 0x15, /* permit-store-capability: the value has a tag */
    CA_CAP_FAULT_PERMIT_STORE_LOCAL = 0x16,      /* permit-store-local: the value is tagged and not global */
    CA_CAP_FAULT_ALIGNMENT = 0x20,               /* alignment: a capability in memory is aligned to its size */
    CA_CAP_FAULT_TAG_MEMORY = 0x21,              /* tag-memory: soft only: out of memory for the tag */
    CA_CAP_FAULT_OTHER = 0x3f,                   /* other: hardware said something else */
    CA_CAP_FAULT_MAKE_32_BITS = 0x7fffffff
} ca_cap_fault;

/* The cause that lacking these permissions is: which of several is told. Not for calling by hand. */
static inline ca_cap_fault ca_cap_lacking_(size_t perms)
{
    return (perms & CA_CAP_PERM_LOAD) != 0          ? CA_CAP_FAULT_PERMIT_LOAD
           : (perms & CA_CAP_PERM_STORE) != 0       ? CA_CAP_FAULT_PERMIT_STORE
           : (perms & CA_CAP_PERM_LOAD_CAP) != 0    ? CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY
           : (perms & CA_CAP_PERM_STORE_CAP) != 0   ? CA_CAP_FAULT_PERMIT_STORE_CAPABILITY
           : (perms & CA_CAP_PERM_STORE_LOCAL) != 0 ? CA_CAP_FAULT_PERMIT_STORE_LOCAL
                                                    : CA_CAP_FAULT_NONE;
}

#ifdef __cplusplus
}
#endif
#endif
