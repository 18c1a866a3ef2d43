/* How one frame is left: where its caller's registers are. */
#ifndef CAI_STACK_RULES_H
#define CAI_STACK_RULES_H

#include "stack/registers.h"
#include "stack/table.h"

enum cai_left {
    CAI_LEFT,         /* *frame is the caller's; its pc is 0 at the outermost one */
    CAI_LEFT_UNKNOWN, /* the rules cannot be followed; *frame is as it was */
};

/* `address` is the one at which the function was left or interrupted. */
enum cai_left cai_rules_apply(struct cai_frame *frame, const struct cai_entry *entry, struct cai_reader *reader,
                              uintptr_t address);

#endif
