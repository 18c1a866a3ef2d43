/* The alignment that new was told, in the hardened library (hardened.h): the way back of such a block is told the same.
 */
#ifndef CAI_HEAPS_TOLD_H
#define CAI_HEAPS_TOLD_H

#include <stdbool.h>
#include <stddef.h>

/* A block that aligned new made, and nobody else has yet, was told this alignment, a power of two. */
void cai_told_alignment(void *block, size_t align);

/* Before it is given back with one: reports another (size-mismatch); of a large block, and in a slot of 32 bytes, one
 * that it does not have. False: a handler refused the call. What is no such block is for others to judge. */
bool cai_told_alignment_is(void *block, size_t align, const char *function);

#endif
