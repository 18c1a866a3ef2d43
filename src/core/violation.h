/* Reporting a caller's broken rule: one line, then abort, unless the registered handler refuses the call.
 *
 * Called before anything has changed and with no lock held, so that a handler may allocate. Allocates nothing.
 */
#ifndef CAI_CORE_VIOLATION_H
#define CAI_CORE_VIOLATION_H

#include "core/callers.h"

#include <capalloc/violation.h>

/* Fills in struct_size and code, asks the handler, and returns only when that returned true. */
void cai_violation_report(ca_violation violation);

/* The same, and `write_calls` says, when the line is out, which calls are shown behind it, asked for or not. */
void cai_violation_report_with(ca_violation violation, size_t (*write_calls)(char text[CAI_CALLERS_BYTES]));

/* From now on `seen` is told of every violation when it has been decided: `last` says that the process aborts next,
 * with its line written, and `calls`, where that was asked for, what called (core/callers.h), else "". It answers
 * whether somebody else shows these calls. What V3 asks of a report holds for it, too. */
void cai_violation_watch(bool (*seen)(const ca_violation *violation, bool last, const char *calls));

/* One has ended the process, or is about to. */
bool cai_violation_is_last(void);

/* How many were reported since the start. */
uint64_t cai_violation_count(void);

#endif
