/* Modes: the same sources make other drop-in libraries. In that of the first a freed block waits before it is handed
 * out again; in the hardened one it waits likewise, and blocks are looked at beyond their address.
 * Which of them this is, is known when it is compiled, so that the standard one has nothing of the others: no test, no
 * instruction, no file.
 */
#ifndef CAI_CORE_MODE_H
#define CAI_CORE_MODE_H

#if defined(CAI_MODE_UNKNOWN)
#error "Compiled once for several modes, as it knew of none: configure again (cmake/Library.cmake)"
#endif

#include "base/mte.h"
#include "base/tools.h"

#if defined(CAI_MODE_HARDEN) && CAI_MODE_HARDEN
enum { CAI_QUARANTINES = 1, CAI_HARDENS = 1 };
#elif defined(CAI_MODE_REVOKE) && CAI_MODE_REVOKE
enum { CAI_QUARANTINES = 1, CAI_HARDENS = 0 };
#else
enum { CAI_QUARANTINES = 0, CAI_HARDENS = 0 };
#endif

/* Blocks have tags of the processor's, where it has them and the check is on (core/tagging.h). */
enum { CAI_TAGS = CAI_HARDENS && CAI_MTE };

/* What is freed is more than pushed into a bin: by the slow path, always. */
enum { CAI_FREES_SLOWLY = CAI_QUARANTINES || CAI_TOOLS };

#endif
