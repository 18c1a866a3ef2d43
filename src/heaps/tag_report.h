/* What is told of an access that the processor refused since the memory has another tag (core/tagging.h).
 */
#ifndef CAI_HEAPS_TAG_REPORT_H
#define CAI_HEAPS_TAG_REPORT_H

#include "core/violation.h"
#include "os/fault.h"

/* Which block it was meant for, and what was done to it; without an address: nobody knows. By the pointer's tag, where
 * the kernel told it and a block beside has it; else by what lies there. In a signal handler. */
ca_violation cai_tag_meant(const struct cai_fault *fault);

#endif
