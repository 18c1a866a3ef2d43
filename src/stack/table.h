/* What a module says of the function at an address: a record of .eh_frame, found by the sorted index .eh_frame_hdr. */
#ifndef CAI_STACK_TABLE_H
#define CAI_STACK_TABLE_H

#include "stack/module.h"

struct cai_entry {
    uintptr_t start;                         /* of the function, or of a part of it */
    struct cai_cursor common;                /* the instructions of rules that several functions share */
    struct cai_cursor own;                   /* and those of this one */
    uint64_t code_step;                      /* factors of the numbers in them */
    int64_t data_step;                       /* */
    unsigned return_register;                /* where the return address is, once the rules are applied */
    bool signal;                             /* it is what a signal handler returns to */
    struct cai_cursor common_record, record; /* the two, whole, as they lie in the module */
};

/* False: the module says nothing of this address, or in a way that is not understood. */
bool cai_table_find(struct cai_entry *entry, const struct cai_module *module, struct cai_reader *reader,
                    uintptr_t address);

#endif
