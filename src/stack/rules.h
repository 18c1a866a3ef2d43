/* How one frame is left: where its caller's registers are. */
#ifndef CAI_STACK_RULES_H
#define CAI_STACK_RULES_H

#include "stack/registers.h"
#include "stack/table.h"

/* What holds at one address of a function. */
struct cai_row {
    uintptr_t base;    /* of the distances at which expressions lie */
    int64_t cfa_value; /* of the canonical frame address: its distance from a register, or that of an expression */
    int32_t value[CAI_REGISTERS];
    unsigned char kind[CAI_REGISTERS]; /* what `value` says of each */
    unsigned char cfa_register;
    bool cfa_computed;
    unsigned char return_register;
    bool signal; /* the function is what a signal handler returns to */
};

enum cai_left {
    CAI_LEFT,         /* *frame is the caller's; its pc is 0 at the outermost one */
    CAI_LEFT_UNKNOWN, /* the rules cannot be followed; *frame is as it was */
};

/* The row of the address at which the function was left or interrupted. False: it is not understood. */
bool cai_rules_find(struct cai_row *row, const struct cai_entry *entry, uintptr_t address);

enum cai_left cai_rules_follow(struct cai_frame *frame, const struct cai_row *row, struct cai_reader *reader);

#endif
