/* A memory allocator that checks every pointer given back to it, and can be told what memory is for. This header
 * includes all others but those for C++ (`.hpp`), and conformance.h, which belongs to a library of its own.
 *
 * A program that uses malloc runs on capalloc unchanged:
 *
 *     capalloc run -- program
 *
 * A program that calls the functions of this manual is linked to the library, or to the archive; in CMake,
 * find_package(capalloc) brings the targets capalloc::capalloc and capalloc::static:
 *
 *     cc program.c $(pkg-config --cflags --libs capalloc)
 *
 * The environment variable CAPALLOC_OPTIONS is read once, at the first allocation, and not in a privileged process:
 * words separated by commas. Sizes take K, M, G or T, times ms, s, min or h, both a fraction: 1.5G. What is unknown is
 * reported on stderr and skipped.
 *
 *     limit=SIZE    no more memory than this for blocks; beyond it allocations fail
 *     decay=TIME    free memory goes back to the system when it is about this old; 200ms unless told
 *     delay=SHARE   a freed block waits until so much of the heap was freed after it; in the library of the mode alone
 *     revoke        the same until no word points to it; in that library alone
 *     trace-sweeps  a line for each search for such words; only with revoke
 *     harden=LIST   which checks are on, in the hardened library alone; docs/hardening.md
 *     helper        a thread in the background gives free memory back, so that an idle program does too
 *     strict        a sized delete whose size cannot be right is a violation
 *     audit         at exit, words in memory promised to hold no pointers are listed that look like some: audit.h
 *     visible       `capalloc top`, `stats` and `map` can look at the process; under `capalloc run` they always can
 *     guard-sample=N  one small block in N lies among pages that cannot be touched; without =N
 *                     one in 5000, and at most one in eight milliseconds
 *     profile=SIZE  sample the calls that hold the heap, one in SIZE bytes, 512K unless told
 *     backtrace     behind the line of a violation, the calls that led to it, as files and offsets
 *     names         the library's mappings have names in /proc/self/maps
 *     pagemap       before long must-zero memory is cleared, the kernel is asked what of it was touched: quicker where
 *                   little was, by calls (openat, pread64, close) that a filter of system calls has to allow
 *     mappings=N    what vm.max_map_count says; the library has an eighth of it at most; 65530 unless told
 *     no-deepbind   dlopen takes no notice of RTLD_DEEPBIND
 *     tokens=N      the program was compiled with clang's -fsanitize=alloc-token and -falloc-token-max=N
 *     trust-tokens  that such a token says "no pointers" is a promise, not a guess
 *
 * Pointers that are wrong are found when they are given back, and reported with a line on stderr before the program
 * aborts: violation.h.
 */
#ifndef CAPALLOC_CAPALLOC_H
#define CAPALLOC_CAPALLOC_H

#include <capalloc/adapters.h>
#include <capalloc/allocator.h>
#include <capalloc/arena.h>
#include <capalloc/attributes.h>
#include <capalloc/audit.h>
#include <capalloc/authority.h>
#include <capalloc/block.h>
#include <capalloc/box.h>
#include <capalloc/cap.h>
#include <capalloc/cap_derived.h>
#include <capalloc/cap_model.h>
#include <capalloc/describe.h>
#include <capalloc/error.h>
#include <capalloc/fixed.h>
#include <capalloc/global.h>
#include <capalloc/heap.h>
#include <capalloc/layout.h>
#include <capalloc/libc.h>
#include <capalloc/malloc.h>
#include <capalloc/protect.h>
#include <capalloc/rc.h>
#include <capalloc/stats.h>
#include <capalloc/violation.h>
#include <capalloc/walk.h>

#endif
