/* What the tests of the processor's tags share: how the library is started, and what a pointer says. */
#ifndef TESTS_HARDEN_TAGS_H
#define TESTS_HARDEN_TAGS_H

#include "unit/unit.h"

#include "base/mte.h"
#include "heaps/heaps.h"
#include "support/child.h"

#include <capalloc/capalloc.h>
#include <capalloc/malloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

static const size_t sizes[] = {1,   15,  16,   17,   31,   32,   48,   100,   500,
                               511, 512, 1000, 1023, 1024, 1025, 4000, 16384, 32000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static inline bool processor_has_tags(void)
{
    return CAI_MTE && (getauxval(AT_HWCAP2) & 1 << 18) != 0;
}

static inline void start(const char *checks)
{
    char options[100];

    snprintf(options, sizeof options, "harden=%s", checks);
    setenv("CAPALLOC_OPTIONS", options, 1);
    require(cai_life_start());
}

static inline uintptr_t address_of(const void *pointer)
{
    return cai_mte_untagged((uintptr_t)pointer);
}

static inline unsigned tag_of(const void *pointer)
{
    return (uintptr_t)pointer >> 56;
}

static inline size_t in_granules(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static inline int by_address(const void *one, const void *other)
{
    uintptr_t a = address_of(*(char *const *)one), b = address_of(*(char *const *)other);

    return a < b ? -1 : a > b;
}

static inline char *take(size_t bytes)
{
    char *block = ca_malloc(bytes);

    require(block != NULL);
    memset(block, 'x', bytes);
    return block;
}

/* The compiler must not know what is done. */
static inline void touch(volatile char *at, bool write)
{
    if (write)
        *at = 1;
    else
        (void)*at;
    __asm__ volatile("" : : : "memory");
}

#endif
