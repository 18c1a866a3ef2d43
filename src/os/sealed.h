/* Sealed storage: written at the start, or between opening and closing, and read-only memory otherwise, so that no
 * stray write and no attacker changes it.
 *
 *     struct views { ... } CAI_SEALED;         behind the brace of the type: of a variable it would align, not fill
 *
 * The kernel protects whole pages. A type marked so begins with one and, as the size of any type is a multiple of its
 * alignment, ends with one: nothing else is sealed with it.
 */
#ifndef CAI_OS_SEALED_H
#define CAI_OS_SEALED_H

#include "os/os.h"

/* The largest page that a kernel of this architecture may have. Tests choose another. */
#if !defined(CAI_SEALED_BYTES)
#if defined(__x86_64__)
#define CAI_SEALED_BYTES 4096
#else
#define CAI_SEALED_BYTES 65536
#endif
#endif

#define CAI_SEALED __attribute__((aligned(CAI_SEALED_BYTES)))

/* The bytes of *object: whole pages. Does not compile when its type is not marked. */
#define CAI_SEALED_SIZE(object)                                                                                        \
    sizeof(char[_Alignof(__typeof__(*(object))) == CAI_SEALED_BYTES ? (ptrdiff_t)sizeof *(object) : -1])

/* Both tell success and change nothing else. Storage is open until it is closed for the first time. */
#define cai_sealed_open(object) cai_os_read_write((object), CAI_SEALED_SIZE(object))
#define cai_sealed_close(object) cai_os_read_only((object), CAI_SEALED_SIZE(object))

#endif
