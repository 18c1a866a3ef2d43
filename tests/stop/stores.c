/* See stores.h. x86-64: prefixes, opcode, and the mode of the operand; what is not listed is taken for a store. */
#include "stores.h"

#include <stddef.h>

/* The operand that the byte behind the opcode describes is memory. */
static bool is_memory(uint8_t mode)
{
    return mode >> 6 != 3;
}

/* Which of eight operations the same byte selects. */
static unsigned operation(uint8_t mode)
{
    return mode >> 3 & 7;
}

static bool is_one_of(uint8_t byte, const uint8_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == byte)
            return true;
    return false;
}

/* Behind 0x0f. */
static bool long_opcode_stores(const uint8_t *code)
{
    /* Stores of SSE registers, exchanges, shifts and bits in memory. */
    static const uint8_t to_memory[] = {0x11, 0x13, 0x17, 0x29, 0x2b, 0x7e, 0x7f, 0xa4, 0xa5, 0xab, 0xac, 0xad,
                                        0xb0, 0xb1, 0xb3, 0xba, 0xbb, 0xc0, 0xc1, 0xc3, 0xc7, 0xd6, 0xe7};
    uint8_t opcode = code[0];

    if (is_one_of(opcode, to_memory, sizeof to_memory) || (opcode >= 0x90 && opcode <= 0x9f))
        return is_memory(code[1]);
    /* Loads and arithmetic of SSE registers, prefetches and longer no-ops, conditional moves and jumps, bit tests,
     * extensions, multiplication. */
    bool harmless = (opcode >= 0x10 && opcode <= 0x1f) || (opcode >= 0x28 && opcode <= 0x2f) ||
                    (opcode >= 0x40 && opcode <= 0x8f) || opcode == 0xa3 || opcode == 0xaf ||
                    (opcode >= 0xb6 && opcode <= 0xbf) || (opcode >= 0xc8 && opcode != 0xf7 && opcode != 0xff);
    return !harmless;
}

/* The first half: arithmetic, eight opcodes for each of eight operations. */
static bool arithmetic_stores(const uint8_t *code)
{
    bool is_comparison = code[0] >> 3 == 7;

    return (code[0] & 7) <= 1 && !is_comparison && is_memory(code[1]);
}

static bool opcode_stores(const uint8_t *code)
{
    uint8_t opcode = code[0];
    uint8_t mode = code[1];

    if (opcode < 0x40)
        return (opcode & 7) <= 5 ? arithmetic_stores(code) : true;
    if ((opcode >= 0x50 && opcode <= 0x5f) || opcode == 0x63 || (opcode >= 0x68 && opcode <= 0x6b) ||
        (opcode >= 0x70 && opcode <= 0x7f))
        return false;
    if (opcode >= 0x80 && opcode <= 0x83)
        return is_memory(mode) && operation(mode) != 7;
    switch (opcode) {
    case 0x84: /* tests, loads, addresses */
    case 0x85:
    case 0x8a:
    case 0x8b:
    case 0x8d:
    case 0x90:
    case 0x98:
    case 0x99:
    case 0xa8:
    case 0xa9:
    case 0xc2: /* returns, calls, jumps */
    case 0xc3:
    case 0xc9:
    case 0xe8:
    case 0xe9:
    case 0xeb:
        return false;
    case 0xf6: /* test, not, neg, multiplications */
    case 0xf7:
        return is_memory(mode) && (operation(mode) == 2 || operation(mode) == 3);
    case 0xff: /* inc, dec; else calls, jumps and pushes */
        return is_memory(mode) && operation(mode) <= 1;
    default:
        break;
    }
    if (opcode >= 0xb0 && opcode <= 0xbf)
        return false;
    if (opcode == 0x86 || opcode == 0x87 || opcode == 0x88 || opcode == 0x89 || opcode == 0xc0 || opcode == 0xc1 ||
        opcode == 0xc6 || opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3) || opcode == 0xfe)
        return is_memory(mode);
    return true;
}

bool stores_anything(const uint8_t *code)
{
    static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf2, 0xf3};

    while (is_one_of(*code, prefixes, sizeof prefixes))
        code++;
    if (*code >= 0x40 && *code <= 0x4f)
        code++;
    return *code == 0x0f ? long_opcode_stores(code + 1) : opcode_stores(code);
}
