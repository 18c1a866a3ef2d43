/* Modes: the same sources make a second drop-in library, in which a freed block waits before it is handed out again.
 * Which of the two this is, is known when it is compiled, so that the standard one has nothing of the other: no test,
 * no instruction, no file.
 */
#ifndef CAI_CORE_MODE_H
#define CAI_CORE_MODE_H

#if defined(CAI_MODE_REVOKE) && CAI_MODE_REVOKE
enum { CAI_QUARANTINES = 1 };
#else
enum { CAI_QUARANTINES = 0 };
#endif

#endif
