/* Which of the builds this is, for what several of them share: cases of which each takes its own. */
#ifndef TESTS_SUPPORT_BUILD_H
#define TESTS_SUPPORT_BUILD_H

#if defined(CAI_DEBUG) && CAI_DEBUG
enum { BUILD_DEBUG = 1, BUILD_CLANG = 0 }; /* the presets dev, asan-ubsan, tsan */
#elif defined(__clang__)
enum { BUILD_DEBUG = 0, BUILD_CLANG = 1 };
#else
enum { BUILD_DEBUG = 0, BUILD_CLANG = 0 };
#endif

#endif
