/* Memory that cannot be touched, in the hardened library alone: guards inside what is mapped, and addresses that stand
 * for nothing. As os.h says of its functions.
 */
#ifndef CAI_OS_GUARD_H
#define CAI_OS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives the pages back and has every access to them fault, without another mapping (Linux 6.13); not locked memory. */
bool cai_os_guard(uintptr_t address, size_t length);

/* They can be used again, and read as zero. */
bool cai_os_unguard(uintptr_t address, size_t length);

/* So many addresses that nothing can be done with; 0: there are none. */
uintptr_t cai_os_reserve(size_t length);

#endif
