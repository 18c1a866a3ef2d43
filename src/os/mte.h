/* Whether processor and kernel have memory tags (base/mte.h) for this process, and what it takes to have them.
 */
#ifndef CAI_OS_MTE_H
#define CAI_OS_MTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cai_mte_state {
    CAI_MTE_ABSENT,  /* the processor has none, or the kernel does not show them */
    CAI_MTE_REFUSED, /* the kernel has them, and not for this process: a filter of system calls, say */
    CAI_MTE_STARTED, /* the calling thread's accesses are checked, at once, and so are those of threads it makes */
};

/* Asks for checks, and that the kernel takes pointers with tags. What the process asked for before stays. */
enum cai_mte_state cai_os_mte_start(void);

/* Memory that cai_os_map mapped gets tags, all 0, for good: whatever its protection becomes, and also where its pages
 * are given back. False: it has none. */
bool cai_os_mte_pages(uintptr_t address, size_t length);

#endif
