/* What memcheck and AddressSanitizer are told of blocks, in the library that is made for them (cmake/Library.cmake):
 * there each block is known by its exact address and length, with room behind it that belongs to nobody, and what is
 * free cannot be touched. Elsewhere CAI_TOOLS is 0, and nothing of it is compiled.
 *
 * One library serves both: what memcheck is asked is a few instructions that do nothing without it, and the functions
 * of AddressSanitizer are called where the program brings them along.
 */
#ifndef CAI_BASE_TOOLS_H
#define CAI_BASE_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CAI_TOOLS_ROOM: what lies behind each block at least. */
#if defined(CAI_MODE_TOOLS) && CAI_MODE_TOOLS
enum { CAI_TOOLS = 1, CAI_TOOLS_ROOM = 16 };
#else
enum { CAI_TOOLS = 0, CAI_TOOLS_ROOM = 0 };
#endif

/* Memory that may hold pointers begins there: the leak check of AddressSanitizer reads it. */
void cai_tools_root(uintptr_t address, size_t bytes);

/* A block was handed out; `zeroed`: its content is known. */
void cai_tools_taken(const void *block, size_t bytes, size_t slot_bytes, bool zeroed);

/* It has become shorter where it is. */
void cai_tools_shrunk(const void *block, size_t before, size_t bytes);

/* It goes back: nobody may touch its slot, before it can be handed out again. */
void cai_tools_given(const void *block, size_t slot_bytes);

/* The library itself clears memory that may be nobody's. */
void *cai_tools_zero(void *address, size_t bytes);

/* The library itself reads: from here on, or not any more, memcheck says nothing to this thread. */
void cai_tools_quiet(bool on);

/* What was read there may be anything, and that is known. */
void cai_tools_known(const void *value, size_t bytes);

#endif
