/* Clearing that happens: by stores which the compiler may not leave out although nobody here reads them again, counted.
 */
#ifndef CAI_HEAP_CLEAR_H
#define CAI_HEAP_CLEAR_H

#include <stddef.h>

/* Returns when every byte is zero, for this processor and, through whatever synchronisation follows, for all others. */
void cai_clear(void *address, size_t bytes);

#endif
