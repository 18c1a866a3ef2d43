/* Debug assertions: for our own bugs, never for callers' mistakes (those are violations, checked in every build). */
#ifndef CAI_BASE_CHECK_H
#define CAI_BASE_CHECK_H

#if defined(CAI_DEBUG) && CAI_DEBUG
#define CAI_CHECK(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define CAI_CHECK(condition) ((void)0)
#endif

#endif
