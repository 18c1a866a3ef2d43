/* Rows that were found before, so that a frame of a function that calls again and again need not be searched and
 * interpreted anew. Threads, signal handlers and forked children share it without a lock. */
#ifndef CAI_STACK_MEMO_H
#define CAI_STACK_MEMO_H

#include "stack/rules.h"

/* `reader` may read the segment with the tables of the module that the address is in. What is found is what
 * cai_table_find and cai_rules_find would find: a module that was loaded where another one was does not get the
 * other's rows. */
bool cai_memo_find(struct cai_row *row, const struct cai_reader *reader, uintptr_t address);

void cai_memo_keep(const struct cai_row *row, const struct cai_entry *entry, const struct cai_reader *reader,
                   uintptr_t address);

#endif
