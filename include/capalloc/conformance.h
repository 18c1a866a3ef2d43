/* Does an allocator keep the rules of the trait? One suite for all of them, those of the library and yours: a small
 * static library beside capalloc, libcapalloc-conformance.a.
 *
 *     ca_conformance_options options = CA_CONFORMANCE_INIT;
 *     return ca_conformance_check(mine, &options) == 0 ? 0 : 1;
 *
 * What breaks a rule is told by the ID of the rule in docs/contract.md and a sentence. An allocator that passes can
 * still be wrong; one that fails is. Not thread-safe: while it runs the process has a violation handler of the
 * suite's.
 */
#ifndef CAPALLOC_CONFORMANCE_H
#define CAPALLOC_CONFORMANCE_H

#include <capalloc/allocator.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How to run it. All fields but struct_size may be 0, which means what is said there. */
typedef struct ca_conformance_options {
    size_t struct_size;
    size_t bytes;   /* that the allocator can have out at one time; 0: 4 MiB. At least 64 KiB */
    unsigned steps; /* of the random part; 0: 4000 */
    unsigned
        no_peek;   /* 1: do not look at memory that has just been handed out with indeterminate content; for valgrind */
    uint64_t seed; /* of the random part; any number, and the same one gives the same run */

    /* Called for each finding, with the ID of the rule and a sentence, both in static storage. NULL: a line on
     * stderr. */
    void (*report)(void *context, const char *rule, const char *sentence);

    /* Called where no block of the suite's is out, for allocators that take back everything at once. NULL: not
     * needed. */
    void (*reset)(void *context);

    /* What the allocator has out now, in any unit, the same each time nothing is out. Finds leaks. NULL: not known. */
    size_t (*live)(void *context);
    void *context;
} ca_conformance_options;

/* An initializer that sets struct_size, everything else 0. */
/* clang-format off */
#ifdef __cplusplus
#define CA_CONFORMANCE_INIT { sizeof(ca_conformance_options), 0, 0, 0, 0, NULL, NULL, NULL, NULL }
#else
#define CA_CONFORMANCE_INIT { .struct_size = sizeof(ca_conformance_options) }
#endif
/* clang-format on */

/* Runs everything; options may be NULL. Returns how many different findings there were: 0 is good. An allocator that
 * promises to be thread-safe is also used from several threads, and one that promises to validate is also misused.
 * Contract: A12. */
unsigned ca_conformance_check(ca_allocator allocator, const ca_conformance_options *options);

#ifdef __cplusplus
}
#endif
#endif
