/* CHERI instructions on a processor without them: each traps as illegal, and is done here on the software capabilities
 * of src/cap/soft.h. So the image runs on any RISC-V emulator, and what riscv.h does with registers, operands and
 * memory is tested where no CHERI emulator is at hand. What the instructions mean is soft's word here, not hardware's.
 *
 * A register holds a capability while its 64 bits are those that an instruction put there. A tag in memory counts while
 * the 16 bytes are those that were stored with it: ordinary stores do not come by here. With EMULATE_OLDER it is a core
 * that traps instead of clearing tags.
 */
#include "cap/cap.h"
#include "cap/riscv/numbers.h"

enum { OPCODE = 0x5b, GRANULE = 16, CAUSE_ILLEGAL = 2, CAUSE_CHERI = 28, DDC = 1 };
enum { CAUSE_LOAD_MISALIGNED = 4, CAUSE_STORE_MISALIGNED = 6 };

#ifndef EMULATE_OLDER
#define EMULATE_OLDER 0
#endif

#define MEMORY 0x80000000
#define MEMORY_BYTES 0x420000

/* What was stored with a tag. */
__attribute__((section(".table"))) static cai_cap stored[MEMORY_BYTES / GRANULE];
static cai_cap registers[32];
static uint64_t *x;

unsigned emulate(uint64_t *frame);

static cai_cap integer(uint64_t value)
{
    return (cai_cap){.address = value, .high = CAI_CONCENTRATE_NULL, .tag = 0};
}

static cai_cap get(unsigned number)
{
    if (number == 0)
        return integer(0);
    return registers[number].address == x[number] ? registers[number] : integer(x[number]);
}

static void put(unsigned number, cai_cap cap)
{
    if (number != 0) {
        registers[number] = cap;
        x[number] = cap.address;
    }
}

static void put_integer(unsigned number, uint64_t value)
{
    put(number, integer(value));
}

static cai_cap *granule(uint64_t address)
{
    return address - MEMORY < MEMORY_BYTES ? &stored[(address - MEMORY) / GRANULE] : NULL;
}

static cai_cap fetch(uint64_t address)
{
    const volatile uint64_t *words = (const volatile uint64_t *)address;
    const cai_cap *with_tag = granule(address);
    cai_cap cap = {.address = words[0], .high = words[1], .tag = 0};

    cap.tag = with_tag != NULL && with_tag->tag && with_tag->address == cap.address && with_tag->high == cap.high;
    return cap;
}

static void keep(uint64_t address, cai_cap cap)
{
    volatile uint64_t *words = (volatile uint64_t *)address;
    cai_cap *with_tag = granule(address);

    words[0] = cap.address;
    words[1] = cap.high;
    if (with_tag != NULL)
        *with_tag = cap;
}

/* The ordinary handler finds in mcause and mtval what hardware would have put there. */
static unsigned raise(uint64_t cause, uint64_t value)
{
    __asm__ volatile("csrw mcause, %0\n\tcsrw mtval, %1" : : "r"(cause), "r"(value));
    return 1;
}

static unsigned done(uint64_t pc)
{
    __asm__ volatile("csrw mepc, %0" : : "r"(pc + 4));
    return 0;
}

struct instruction {
    uint64_t pc;
    unsigned function;
    unsigned rd;
    unsigned rs1;
    unsigned rs2;
};

/* The cause of the fault that this access through register rs1 raises, if any. */
static unsigned refused(struct instruction i, cai_cap via, unsigned bytes, size_t perms)
{
    ca_cap_fault fault = cai_soft_why_not(&via, via.address, bytes, perms);
    bool is_store = (perms & CA_CAP_PERM_STORE) != 0;

    if (fault != CA_CAP_FAULT_NONE)
        return raise(CAUSE_CHERI, (uint64_t)fault | i.rs1 << 5);
    if (via.address % bytes != 0)
        return raise(is_store ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED, via.address);
    return 0;
}

/* Loads: a capability through DDC or through rs1, data (8 to 14) through rs1. */
static unsigned load(struct instruction i)
{
    cai_cap via = get(i.rs1);
    unsigned bytes = i.rs2 == RISCV_lc ? GRANULE : 1u << (i.rs2 & 3);
    uint64_t value = 0;
    cai_cap cap;

    if (i.rs2 == RISCV_lc_ddc) {
        put(i.rd, fetch(x[i.rs1]));
        return done(i.pc);
    }
    if (i.rs2 != RISCV_lc && (i.rs2 < 8 || i.rs2 > RISCV_lwu))
        return raise(CAUSE_ILLEGAL, 0);
    if (refused(i, via, bytes, CA_CAP_PERM_LOAD))
        return 1;
    if (i.rs2 == RISCV_lc) {
        cap = fetch(via.address);
        cap.tag = cap.tag && (cai_cap_perms_get(&via) & CA_CAP_PERM_LOAD_CAP) != 0;
        put(i.rd, cap);
        return done(i.pc);
    }
    for (unsigned at = 0; at < bytes; at++)
        value |= (uint64_t)((const volatile unsigned char *)via.address)[at] << (8 * at);
    if (i.rs2 < RISCV_ld)
        value = (uint64_t)((int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes));
    put_integer(i.rd, value);
    return done(i.pc);
}

/* Stores: a capability through DDC or through rs1, data through rs1. */
static unsigned store(struct instruction i)
{
    cai_cap via = get(i.rs1);
    cai_cap value = get(i.rs2);
    unsigned bytes = i.rd == RISCV_sc ? GRANULE : 1u << (i.rd & 3);
    cai_cap *with_tag;

    if (i.rd == RISCV_sc_ddc) {
        keep(x[i.rs1], value);
        return done(i.pc);
    }
    if (i.rd < RISCV_sb || i.rd > RISCV_sc)
        return raise(CAUSE_ILLEGAL, 0);
    if (refused(i, via, bytes, i.rd == RISCV_sc ? cai_soft_perms_to_store(&value) : CA_CAP_PERM_STORE))
        return 1;
    if (i.rd == RISCV_sc) {
        keep(via.address, value);
        return done(i.pc);
    }
    with_tag = granule(via.address);
    if (with_tag != NULL)
        with_tag->tag = 0;
    for (unsigned at = 0; at < bytes; at++)
        ((volatile unsigned char *)via.address)[at] = (unsigned char)(x[i.rs2] >> (8 * at));
    return done(i.pc);
}

static unsigned load_tags(struct instruction i)
{
    cai_cap via = get(i.rs1);
    uint64_t tags = 0;

    if (refused(i, via, 4 * GRANULE, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP))
        return 1;
    for (unsigned n = 0; n < 4; n++)
        tags |= (uint64_t)fetch(via.address + n * GRANULE).tag << n;
    put_integer(i.rd, tags);
    return done(i.pc);
}

/* Those of one operand; rs2 is the number. */
static unsigned one_operand(struct instruction i)
{
    cai_cap cap = get(i.rs1);

    switch (i.rs2) {
#define CAP_GET(type, name)                                                                                            \
    case RISCV_##name:                                                                                                 \
        put_integer(i.rd, (uint64_t)cai_cap_##name(&cap));                                                             \
        return done(i.pc);
#define CAP_LENGTH(name)                                                                                               \
    case RISCV_##name:                                                                                                 \
        put_integer(i.rd, cai_cap_##name(x[i.rs1]));                                                                   \
        return done(i.pc);
#define CAP_ONE(name)                                                                                                  \
    case RISCV_##name:                                                                                                 \
        cai_cap_##name(&cap, &cap);                                                                                    \
        break;
#define CAP_WITH(type, name)
#define CAP_TWO(name)
#define CAP_COMPARE(name)
#include "cap/ops.def"
    case RISCV_move:
        break;
    case RISCV_tags_load:
        return load_tags(i);
    default:
        return raise(CAUSE_ILLEGAL, 0);
    }
    put(i.rd, cap);
    return done(i.pc);
}

/* Older cores trap where newer ones clear the tag, except where an address cannot be represented; raw words are no
 * capability on either. */
static bool traps_on_older(unsigned function, const cai_cap *before, const cai_cap *after)
{
    bool moves = function >= RISCV_flags_set && function <= RISCV_increment;
    bool derives = function < RISCV_is_subset && function != RISCV_high_set;

    return EMULATE_OLDER && derives && (moves ? before->tag && cai_cap_is_sealed(before) : !after->tag);
}

static unsigned two_operands(struct instruction i)
{
    const cai_cap cap = get(i.rs1);
    const cai_cap other = get(i.rs2);
    cai_cap result = cap;

    switch (i.function) {
#define CAP_WITH(type, name)                                                                                           \
    case RISCV_##name:                                                                                                 \
        cai_cap_##name(&result, &cap, (type)x[i.rs2]);                                                                 \
        break;
#define CAP_TWO(name)                                                                                                  \
    case RISCV_##name:                                                                                                 \
        cai_cap_##name(&result, &cap, &other);                                                                         \
        break;
#define CAP_COMPARE(name)                                                                                              \
    case RISCV_##name:                                                                                                 \
        result = integer(cai_cap_##name(&cap, &other));                                                                \
        break;
#define CAP_GET(type, name)
#define CAP_LENGTH(name)
#define CAP_ONE(name)
#include "cap/ops.def"
    case RISCV_special:
        if (i.rs1 != 0 || i.rs2 != DDC)
            return raise(CAUSE_ILLEGAL, 0);
        cai_cap_root(&result); /* reading it is all that happens here */
        break;
    default:
        return raise(CAUSE_ILLEGAL, 0);
    }
    if (traps_on_older(i.function, &cap, &result))
        return raise(CAUSE_CHERI, CA_CAP_FAULT_TAG | i.rs1 << 5);
    put(i.rd, result);
    return done(i.pc);
}

/* x registers in `frame`; 0: done, 1: the trap is in the registers of the processor. */
unsigned emulate(uint64_t *frame)
{
    struct instruction i;
    uint64_t cause;
    uint32_t word;

    __asm__ volatile("csrr %0, mcause\n\tcsrr %1, mepc" : "=r"(cause), "=r"(i.pc));
    if (cause != CAUSE_ILLEGAL)
        return 1;
    word = ((const uint16_t *)i.pc)[0] | (uint32_t)((const uint16_t *)i.pc)[1] << 16;
    if ((word & 0x7f) != OPCODE || (word >> 12 & 7) != 0)
        return 1;
    x = frame;
    i.rd = word >> 7 & 31;
    i.rs1 = word >> 15 & 31;
    i.rs2 = word >> 20 & 31;
    i.function = word >> 25;
    switch (i.function) {
    case RISCV_STORES:
        return store(i);
    case RISCV_LOADS:
        return load(i);
    case RISCV_ONE_OPERAND:
        return one_operand(i);
    default:
        return two_operands(i);
    }
}
