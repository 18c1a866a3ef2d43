/* An access that the processor refused (os/fault.h), as reports put it: in words, and with the calls that made it.
 */
#ifndef CAI_HEAPS_ACCESS_H
#define CAI_HEAPS_ACCESS_H

#include "os/fault.h"

#include <stddef.h>

enum { CAI_ACCESS_FRAMES = 44, CAI_ACCESS_TEXT = 48 };

/* "read" */
const char *cai_access_name(enum cai_access access);

/* "a read at offset -3", counted from the start of a block. */
void cai_access_state(char text[CAI_ACCESS_TEXT], const struct cai_fault *fault, uintptr_t block);

/* The calls that made it, innermost first, and returns how many: those from the instruction at `code` on, since what
 * comes before it is the handler of the signal. code: 0, unknown, gives all that led here. */
size_t cai_access_calls(uintptr_t frames[CAI_ACCESS_FRAMES], uintptr_t code);

#endif
