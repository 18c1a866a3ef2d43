/* The instructions of .eh_frame (DW_CFA_...) make a table with a row for each instruction of the function: where the
 * canonical frame address is, and what became of each register. Only the row of one address is wanted. */
#include "stack/rules.h"

#include "base/bits.h"
#include "stack/expression.h"

#include <string.h>

enum {
    CFA_ADVANCE = 1, /* the upper two bits of the byte; the lower six are a number */
    CFA_OFFSET = 2,
    CFA_RESTORE = 3,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE1 = 0x02,
    CFA_ADVANCE2 = 0x03,
    CFA_ADVANCE4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_NEGATE_RA_STATE = 0x2d, /* AArch64: return addresses are signed from here on; that is removed anyway */
    CFA_ARGS_SIZE = 0x2e,
};

enum kind {
    SAME,
    UNDEFINED,
    AT_OFFSET,     /* of the frame address */
    IS_OFFSET,     /* the same, not what lies there */
    IN_REGISTER,   /* another one */
    AT_EXPRESSION, /* its distance from the entry's own instructions is kept */
    IS_EXPRESSION,
};

enum { REMEMBERED = 3 };

struct program {
    const struct cai_entry *entry;
    uintptr_t left; /* in bytes of the function, until the row that is wanted */
    bool failed, done;
    struct cai_row row;
    struct cai_row initial;
    struct cai_row remembered[REMEMBERED];
    unsigned depth;
};

static void rule(struct program *program, uint64_t number, enum kind kind, int64_t value)
{
    if (number >= CAI_REGISTERS)
        return; /* vector registers: nobody needs them */
    program->row.kind[number] = (unsigned char)kind;
    program->row.value[number] = (int32_t)value;
    program->failed |= value != (int32_t)value;
}

static void restore(struct program *program, uint64_t number)
{
    if (number < CAI_REGISTERS)
        rule(program, number, program->initial.kind[number], program->initial.value[number]);
}

static void advance(struct program *program, uint64_t steps)
{
    uint64_t bytes;

    if (__builtin_mul_overflow(steps, program->entry->code_step, &bytes) || bytes > program->left)
        program->done = true;
    else
        program->left -= bytes;
}

static int64_t scaled(struct program *program, int64_t number)
{
    int64_t result = 0;

    program->failed |= __builtin_mul_overflow(number, program->entry->data_step, &result);
    return result;
}

/* Skips an expression; its distance comes back. */
static int64_t expression(struct program *program, struct cai_cursor *code)
{
    int64_t distance = (int64_t)(code->at - program->entry->own.at);

    cai_cursor_skip(code, cai_cursor_uleb(code));
    return distance;
}

static void remember(struct program *program, bool back)
{
    if (back && program->depth > 0)
        program->row = program->remembered[--program->depth];
    else if (!back && program->depth < REMEMBERED)
        program->remembered[program->depth++] = program->row;
    else
        program->failed = true;
}

static void define_cfa(struct program *program, unsigned code, struct cai_cursor *at)
{
    struct cai_row *row = &program->row;

    if (code == CFA_DEF_CFA_EXPRESSION) {
        row->cfa_computed = true;
        row->cfa_value = expression(program, at);
        return;
    }
    if (code == CFA_DEF_CFA || code == CFA_DEF_CFA_SF || code == CFA_DEF_CFA_REGISTER) {
        row->cfa_computed = row->cfa_computed && code == CFA_DEF_CFA_REGISTER;
        row->cfa_register = (unsigned char)cai_min(cai_cursor_uleb(at), CAI_REGISTERS);
    }
    if (code == CFA_DEF_CFA || code == CFA_DEF_CFA_OFFSET)
        row->cfa_value = (int64_t)cai_cursor_uleb(at);
    else if (code == CFA_DEF_CFA_SF || code == CFA_DEF_CFA_OFFSET_SF)
        row->cfa_value = scaled(program, cai_cursor_sleb(at));
    program->failed |= row->cfa_computed; /* an expression has neither register nor offset that could change */
}

static void set_rule(struct program *program, unsigned code, struct cai_cursor *at)
{
    uint64_t number = cai_cursor_uleb(at);

    switch (code) {
    case CFA_OFFSET_EXTENDED:
    case CFA_VAL_OFFSET:
        rule(program, number, code == CFA_VAL_OFFSET ? IS_OFFSET : AT_OFFSET,
             scaled(program, (int64_t)cai_cursor_uleb(at)));
        break;
    case CFA_OFFSET_EXTENDED_SF:
    case CFA_VAL_OFFSET_SF:
        rule(program, number, code == CFA_VAL_OFFSET_SF ? IS_OFFSET : AT_OFFSET, scaled(program, cai_cursor_sleb(at)));
        break;
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
        rule(program, number, code == CFA_EXPRESSION ? AT_EXPRESSION : IS_EXPRESSION, expression(program, at));
        break;
    case CFA_REGISTER:
        rule(program, number, IN_REGISTER, (int64_t)(cai_cursor_uleb(at) & INT32_MAX));
        break;
    case CFA_RESTORE_EXTENDED:
        restore(program, number);
        break;
    default:
        rule(program, number, code == CFA_UNDEFINED ? UNDEFINED : SAME, 0);
    }
}

static void execute_one(struct program *program, unsigned code, struct cai_cursor *at)
{
    switch (code) {
    case CFA_NOP:
    case CFA_NEGATE_RA_STATE:
        break;
    case CFA_ADVANCE1:
    case CFA_ADVANCE2:
    case CFA_ADVANCE4:
        advance(program, cai_cursor_number(at, (size_t)1 << (code - CFA_ADVANCE1)));
        break;
    case CFA_REMEMBER_STATE:
    case CFA_RESTORE_STATE:
        remember(program, code == CFA_RESTORE_STATE);
        break;
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF:
    case CFA_DEF_CFA_REGISTER:
    case CFA_DEF_CFA_OFFSET:
    case CFA_DEF_CFA_OFFSET_SF:
    case CFA_DEF_CFA_EXPRESSION:
        define_cfa(program, code, at);
        break;
    case CFA_ARGS_SIZE:
        cai_cursor_uleb(at);
        break;
    case CFA_SET_LOC:
        program->failed = true;
        break;
    default:
        if (code > CFA_VAL_EXPRESSION)
            program->failed = true;
        else
            set_rule(program, code, at);
    }
}

static void execute(struct program *program, struct cai_cursor at)
{
    while (at.at < at.end && !program->failed && !program->done) {
        unsigned byte = (unsigned)cai_cursor_number(&at, 1);
        unsigned low = byte & 0x3f;
        switch (byte >> 6) {
        case CFA_ADVANCE:
            advance(program, low);
            break;
        case CFA_OFFSET:
            rule(program, low, AT_OFFSET, scaled(program, (int64_t)cai_cursor_uleb(&at)));
            break;
        case CFA_RESTORE:
            restore(program, low);
            break;
        default:
            execute_one(program, byte, &at);
        }
        program->failed |= at.failed;
    }
}

bool cai_rules_find(struct cai_row *row, const struct cai_entry *entry, uintptr_t address)
{
    struct program program;

    if (entry->return_register >= CAI_REGISTERS)
        return false;
    program.entry = entry;
    program.left = UINTPTR_MAX;
    program.failed = program.done = false;
    program.depth = 0;
    program.row = (struct cai_row){.base = entry->own.at,
                                   .cfa_register = CAI_REGISTERS,
                                   .return_register = (unsigned char)entry->return_register,
                                   .signal = entry->signal};
    program.initial = program.row;
    execute(&program, entry->common);
    program.initial = program.row;
    program.left = address - entry->start;
    execute(&program, entry->own);
    *row = program.row;
    return !program.failed;
}

/* --- what the row says --- */

static bool evaluate(const struct cai_row *row, int64_t distance, struct cai_reader *reader,
                     const struct cai_frame *frame, const uintptr_t *first, uintptr_t *result)
{
    struct cai_cursor head;
    struct cai_cursor code;
    uintptr_t at = row->base + (uintptr_t)distance;

    if (!cai_cursor_open(&head, reader, at, 2)) /* a length of two bytes is more than the depth allows */
        return false;
    uint64_t bytes = cai_cursor_uleb(&head);
    return !head.failed && cai_cursor_open(&code, reader, head.at, (size_t)bytes) &&
           cai_expression_evaluate(&code, reader, frame, first, result);
}

static bool find_cfa(const struct cai_row *row, struct cai_reader *reader, const struct cai_frame *frame,
                     uintptr_t *cfa)
{
    if (row->cfa_computed)
        return evaluate(row, row->cfa_value, reader, frame, NULL, cfa);
    if (row->cfa_register >= CAI_REGISTERS || (frame->known >> row->cfa_register & 1) == 0)
        return false;
    *cfa = frame->value[row->cfa_register] + (uintptr_t)row->cfa_value;
    return true;
}

static bool find_register(const struct cai_row *row, struct cai_reader *reader, const struct cai_frame *frame,
                          unsigned number, uintptr_t cfa, uintptr_t *value)
{
    int64_t rule_value = row->value[number];
    uintptr_t at = cfa + (uintptr_t)rule_value;

    switch (row->kind[number]) {
    case AT_OFFSET:
        return cai_frame_holds(frame, at) && cai_reader_word(reader, at, value);
    case IS_OFFSET:
        *value = at;
        return true;
    case IN_REGISTER:
        if (rule_value >= CAI_REGISTERS || (frame->known >> rule_value & 1) == 0)
            return false;
        *value = frame->value[rule_value];
        return true;
    case AT_EXPRESSION:
        return evaluate(row, rule_value, reader, frame, &cfa, &at) && cai_reader_word(reader, at, value);
    case IS_EXPRESSION:
        return evaluate(row, rule_value, reader, frame, &cfa, value);
    default:
        return false;
    }
}

enum cai_left cai_rules_follow(struct cai_frame *frame, const struct cai_row *row, struct cai_reader *reader)
{
    struct cai_frame caller = *frame;
    uintptr_t cfa;

    if (!find_cfa(row, reader, frame, &cfa))
        return CAI_LEFT_UNKNOWN;
    cai_frame_set(&caller, CAI_REGISTER_SP, cfa);
    for (unsigned i = 0; i < CAI_REGISTERS; i++)
        if (row->kind[i] != SAME) {
            caller.known &= ~(UINT32_C(1) << i);
            if (find_register(row, reader, frame, i, cfa, &caller.value[i]))
                caller.known |= UINT32_C(1) << i;
        }
    caller.pc = 0;
    caller.exact = row->signal;
    if (row->kind[row->return_register] != UNDEFINED) {
        if ((caller.known >> row->return_register & 1) == 0 || (caller.known >> CAI_REGISTER_SP & 1) == 0)
            return CAI_LEFT_UNKNOWN;
        caller.pc = cai_return_address(caller.value[row->return_register]);
    }
    *frame = caller;
    return CAI_LEFT;
}
