/* The stack of calls of whoever asks, as addresses. */
#ifndef CAI_STACK_STACK_H
#define CAI_STACK_STACK_H

#include <stddef.h>
#include <stdint.h>

/* Writes up to `room` return addresses, innermost first, and returns how many there were; the first is where the
 * caller of this function goes on, and the first `skip` are left out. Code that a signal interrupted is given by its
 * address and 1, so that one less always lies in the instruction that was executed.
 *
 * Takes nothing but some KiB of stack: no allocation, no lock, errno is kept. The walk ends early at a frame that
 * neither its module's tables nor its frame pointer explain. Modules of frames must not be unloaded meanwhile, as
 * their code is still to be returned to. */
size_t cai_stack_read(uintptr_t *frames, size_t room, size_t skip);

#endif
