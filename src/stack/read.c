/* The walk: each frame is left by the rules of its module's tables, by what a signal left on the stack, or by its
 * frame pointer. The stack grows downwards, so each caller's frame lies above; only a signal may have come on another
 * stack. */
#include "stack/stack.h"

#include "base/compiler.h"
#include "stack/memo.h"

#include <string.h>

/* Below this address the kernel maps nothing for programs. */
enum { LOWEST_CODE = 4096 };

/* A handler returns to these instructions, and above them lies what the kernel saved. */
static bool leave_signal(struct cai_frame *frame, struct cai_reader *reader)
{
#ifdef CAI_SIGNAL_RETURN
    static const char code[] = CAI_SIGNAL_RETURN;
    struct cai_frame interrupted = {.exact = true};
    struct cai_cursor cursor;
    uintptr_t saved = frame->value[CAI_REGISTER_SP] + CAI_SIGNAL_OFFSET;

    if (!cai_cursor_open(&cursor, reader, frame->pc, sizeof code - 1))
        return false;
    for (size_t i = 0; i < sizeof code - 1; i++)
        if (cai_cursor_number(&cursor, 1) != (unsigned char)code[i])
            return false;
    for (unsigned i = 0; i < CAI_SIGNAL_REGISTERS; i++) {
        unsigned number = cai_signal_register(i);
        uintptr_t value;
        if (!cai_reader_word(reader, saved + i * sizeof value, &value))
            return false;
        if (i == CAI_SIGNAL_REGISTERS - 1)
            interrupted.pc = value;
        else
            cai_frame_set(&interrupted, number, value);
    }
    *frame = interrupted;
    return true;
#else
    (void)frame;
    (void)reader;
    return false;
#endif
}

/* The caller's frame pointer and the return address, one above the other. What else the function saved is lost. */
static bool leave_by_pointer(struct cai_frame *frame, struct cai_reader *reader)
{
    uintptr_t pointer = frame->value[CAI_REGISTER_FP];
    struct cai_frame caller = {.exact = false};
    struct cai_module module;
    uintptr_t outer;

    if ((frame->known >> CAI_REGISTER_FP & 1) == 0 || pointer < frame->value[CAI_REGISTER_SP] ||
        !cai_frame_holds(frame, pointer) || !cai_reader_word(reader, pointer, &outer) ||
        !cai_reader_word(reader, pointer + sizeof outer, &caller.pc))
        return false;
    caller.pc = cai_return_address(caller.pc);
    cai_frame_set(&caller, CAI_REGISTER_FP, outer);
    cai_frame_set(&caller, CAI_REGISTER_SP, pointer + 2 * sizeof outer);
    if (!cai_module_find(&module, caller.pc) && !cai_reader_may(reader, caller.pc, 1))
        return false;
    *frame = caller;
    return true;
}

/* What the module of the address says of it; false: nothing. */
static bool find_row(struct cai_row *row, struct cai_reader *reader, uintptr_t address)
{
    struct cai_module module;
    struct cai_entry entry;

    if (!cai_module_find(&module, address))
        return false;
    if (module.index < reader->low || module.index >= reader->high)
        cai_module_open(&module, reader);
    if (cai_memo_find(row, reader, address))
        return true;
    if (!cai_table_find(&entry, &module, reader, address) || !cai_rules_find(row, &entry, address))
        return false;
    cai_memo_keep(row, &entry, reader, address);
    return true;
}

/* Leaves the frame for its caller's. */
static bool leave(struct cai_frame *frame, struct cai_reader *reader)
{
    uintptr_t sp = frame->value[CAI_REGISTER_SP];
    bool leaf = frame->exact;
    struct cai_row row;

    bool found = find_row(&row, reader, frame->pc - !frame->exact);
    if ((!found || row.signal) && leave_signal(frame, reader))
        return true; /* to another stack, perhaps */
    if (found && cai_rules_follow(frame, &row, reader) == CAI_LEFT) {
        if (row.signal)
            return true;
    } else if (!leave_by_pointer(frame, reader)) {
        return false;
    }
    /* Of a function that calls nobody the frame may be empty. */
    return frame->value[CAI_REGISTER_SP] > sp || (leaf && frame->value[CAI_REGISTER_SP] == sp);
}

CAI_NOINLINE size_t cai_stack_read(uintptr_t *frames, size_t room, size_t skip)
{
    struct cai_reader reader;
    struct cai_frame frame = {.pc = 0};
    size_t count = 0;

    CAI_FRAME_TAKE(&frame);
    cai_reader_start(&reader);
    while (count < room && leave(&frame, &reader) && frame.pc >= LOWEST_CODE) {
        if (skip > 0)
            skip--;
        else
            frames[count++] = frame.pc + frame.exact;
    }
    return count;
}
