/* What is told of the hardened library's guards (blocks/fence.h, nothing.h) when one is touched, and of its tags
 * (tag_report.h).
 */
#ifndef CAI_HEAPS_FENCE_REPORT_H
#define CAI_HEAPS_FENCE_REPORT_H

/* From now on who touches a guard, or a guarded sample (guarded.h), is told which block it was meant for, as far as the
 * program leaves us its faults (os/fault.h). Cheap when that is so already. */
void cai_fence_report_start(void);

#endif
