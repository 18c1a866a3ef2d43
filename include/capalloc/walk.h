/* Walking the live blocks of a heap, for who holds an authority over it: a collector, a checker of leaks, a debugger's
 * helper.
 *
 *     ca_walk at = CA_WALK_INIT;
 *     ca_block_info info = CA_BLOCK_INFO_INIT;
 *     while (ca_walk_next(heap, &at, &info) == CA_OK && info.state == CA_BLOCK_STATE_LIVE)
 *         printf("%p: %zu bytes\n", info.block, info.exact_bytes);
 *
 * In integers here; as capabilities, with which blocks can be read and given back, by ca_cap_walk_next (cap.h).
 */
#ifndef CAPALLOC_WALK_H
#define CAPALLOC_WALK_H

#include <capalloc/authority.h>
#include <capalloc/describe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How far a walk has come; all zero at the beginning. Passed by address, copied as one likes: a copy goes on from
 * there. It holds nothing, and need not be ended. */
typedef struct ca_walk {
    uint64_t opaque[2];
} ca_walk;

/* A walk that has not begun. */
#define CA_WALK_INIT                                                                                                   \
    {                                                                                                                  \
        {                                                                                                              \
            0, 0                                                                                                       \
        }                                                                                                              \
    }

/* The next live block that this authority or one derived from it has taken, in order of address, which is described in
 * *out as by ca_describe; at the end, state is CA_BLOCK_STATE_NONE. Blocks of size 0 are none.
 *
 * The caller may do anything between two calls: give back the block that was told, or others, allocate, shrink, grow.
 * What lives from the first call to the last, and is not moved, is told once; what comes or goes meanwhile, by this
 * thread or by others, once or not at all, and what moves may be told twice. Another thread may give back what was just
 * told: this is a look, which keeps nothing alive. A block that a call of another thread is changing at that moment may
 * be left out, or be told with the size it had before or will have.
 *
 * Cost: a lock for each call, held while 4 MiB at most are gone over. Thread-safe; not async-signal-safe.
 *
 * Needs the right CA_RIGHT_WALK; without it, or without an authority, the violation `denied`, and after that
 * CA_ERROR_NOT_PERMITTED: *at and *out are as before. CA_ERROR_INVALID: `at` or `out` is NULL, or out->struct_size is
 * less than that of the first version. Contract: C11. */
ca_error ca_walk_next(ca_authority authority, ca_walk *at, ca_block_info *out);

#ifdef __cplusplus
}
#endif
#endif
