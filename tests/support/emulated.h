/* Where an emulator runs the tests (CMakeLists.txt says so) all takes ten to sixty times as long. What it alone can
 * show is the other processor, and what the compiler makes for that: each kind of case does so. How many there are of a
 * kind, does not: there some are enough, and the real processors go through all.
 */
#ifndef TESTS_SUPPORT_EMULATED_H
#define TESTS_SUPPORT_EMULATED_H

#ifndef CAPALLOC_EMULATED
#define CAPALLOC_EMULATED 0
#endif

#define FEWER(all, emulated) (CAPALLOC_EMULATED ? (emulated) : (all))

#endif
