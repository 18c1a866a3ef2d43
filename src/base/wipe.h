/* Clearing that happens: by stores which the compiler may not leave out although nobody here reads them again.
 */
#ifndef CAI_BASE_WIPE_H
#define CAI_BASE_WIPE_H

#include <stddef.h>

/* Returns when every byte is zero, for this processor and, through whatever synchronisation follows, for all others. */
void cai_wipe(void *address, size_t bytes);

#endif
