/* Memory that cannot be touched: guards inside what is mapped, and addresses that stand for nothing. As os.h says of
 * its functions.
 */
#ifndef CAI_OS_GUARD_H
#define CAI_OS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel has guards. Where it has none the next function does nothing. */
bool cai_os_guards_work(void);

/* Gives the pages back and has every access to them fault, without another mapping (Linux 6.13); not locked memory. */
bool cai_os_guard(uintptr_t address, size_t length);

/* They can be used again, and read as zero. */
bool cai_os_unguard(uintptr_t address, size_t length);

/* The same on any kernel, and of locked memory: by a guard or, at the price of mappings, by protecting the pages. They
 * must be nobody's: what they held is gone. Returns by which; 0: they can still be touched, and are zero. */
enum { CAI_SHUT_BY_GUARD = 1, CAI_SHUT_BY_MAPPING = 2 };
unsigned cai_os_shut(uintptr_t address, size_t length);

/* They keep what they hold, and every access to them faults, at the price of mappings; opened by cai_os_unshut, as what
 * was shut by mapping is. */
bool cai_os_forbid(uintptr_t address, size_t length);

/* Pages that were shut in these ways can be used again, and read as zero. Both, where nobody knows by which: then what
 * it returns says nothing, as a kernel without guards has none to take away. */
bool cai_os_unshut(uintptr_t address, size_t length, unsigned ways);

/* So many addresses that nothing can be done with; 0: there are none. */
uintptr_t cai_os_reserve(size_t length);

#endif
