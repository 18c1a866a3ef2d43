/* Addresses that no simple rule can tell are computed by a small stack machine: in tables of procedure linkage, in
 * functions that align their stack, in what signal handlers return to. */
#ifndef CAI_STACK_EXPRESSION_H
#define CAI_STACK_EXPRESSION_H

#include "stack/reader.h"
#include "stack/registers.h"

/* `first`, if there is one, is on the stack at the start. False: an operation of the kind that nobody uses here, or one
 * that reads where nothing can be read. */
bool cai_expression_evaluate(const struct cai_cursor *code, struct cai_reader *reader, const struct cai_frame *frame,
                             const uintptr_t *first, uintptr_t *result);

#endif
