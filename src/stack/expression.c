/* The operations (DW_OP_...) that compilers and C libraries use in .eh_frame. */
#include "stack/expression.h"

enum {
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08, /* with OP_CONST8S, pairs of unsigned and signed numbers of 1, 2, 4 and 8 bytes */
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_GE = 0x2a,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
};

enum { DEPTH = 8, STEPS_MAX = 64 };

struct machine {
    uintptr_t stack[DEPTH];
    size_t depth;
    bool failed;
};

static void push(struct machine *machine, uintptr_t value)
{
    if (machine->depth == DEPTH)
        machine->failed = true;
    else
        machine->stack[machine->depth++] = value;
}

static uintptr_t pop(struct machine *machine)
{
    if (machine->depth == 0)
        machine->failed = true;
    return machine->failed ? 0 : machine->stack[--machine->depth];
}

static uintptr_t combine(unsigned operation, uintptr_t left, uintptr_t right)
{
    switch (operation) {
    case OP_AND:
        return left & right;
    case OP_MINUS:
        return left - right;
    case OP_SHL:
        return right < 64 ? left << right : 0;
    case OP_GE:
        return (intptr_t)left >= (intptr_t)right;
    default:
        return left + right;
    }
}

static void step(struct machine *machine, unsigned operation, struct cai_cursor *expression, struct cai_reader *reader)
{
    uintptr_t value = 0;

    if (operation >= OP_LIT0 && operation <= OP_LIT31) {
        push(machine, operation - OP_LIT0);
    } else if (operation >= OP_CONST1U && operation <= OP_CONST8S) {
        size_t bytes = (size_t)1 << (operation - OP_CONST1U) / 2;
        push(machine, operation % 2 == 0 ? (uintptr_t)cai_cursor_number(expression, bytes)
                                         : (uintptr_t)cai_cursor_signed(expression, bytes));
    } else if (operation == OP_DEREF) {
        machine->failed |= !cai_reader_word(reader, pop(machine), &value);
        push(machine, value);
    } else if (operation == OP_CONSTU) {
        push(machine, (uintptr_t)cai_cursor_uleb(expression));
    } else if (operation == OP_CONSTS) {
        push(machine, (uintptr_t)cai_cursor_sleb(expression));
    } else if (operation == OP_DUP) {
        value = pop(machine);
        push(machine, value);
        push(machine, value);
    } else if (operation == OP_PLUS_UCONST) {
        push(machine, pop(machine) + (uintptr_t)cai_cursor_uleb(expression));
    } else if (operation == OP_AND || operation == OP_MINUS || operation == OP_PLUS || operation == OP_SHL ||
               operation == OP_GE) {
        value = pop(machine);
        push(machine, combine(operation, pop(machine), value));
    } else {
        machine->failed = true;
    }
}

bool cai_expression_evaluate(const struct cai_cursor *code, struct cai_reader *reader, const struct cai_frame *frame,
                             const uintptr_t *first, uintptr_t *result)
{
    struct machine machine = {.depth = 0};
    struct cai_cursor expression = *code;

    if (first != NULL)
        push(&machine, *first);
    for (unsigned steps = 0; expression.at < expression.end && !machine.failed; steps++) {
        unsigned operation = (unsigned)cai_cursor_number(&expression, 1);
        if (operation >= OP_BREG0 && operation <= OP_BREG31) {
            unsigned number = operation - OP_BREG0;
            uintptr_t offset = (uintptr_t)cai_cursor_sleb(&expression);
            if (number >= CAI_REGISTERS || (frame->known >> number & 1) == 0)
                return false;
            push(&machine, frame->value[number] + offset);
        } else {
            step(&machine, operation, &expression, reader);
        }
        machine.failed |= expression.failed || steps == STEPS_MAX;
    }
    *result = pop(&machine);
    return !machine.failed;
}
