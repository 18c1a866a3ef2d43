/* Blocks whose size the caller's compiler knew: it worked out the size class and the record of the exact size, and
 * passes both as one hint (include/capalloc/heap.h). State and record are then one store, and one comparison on the way
 * back.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function, not the macro that chooses between it and the ones here */

#include "api/authority.h"
#include "heap/branch.h"
#include "heap/exact.h"

_Static_assert(CA_HINT_(17) == (2 | 0x8f00) && CA_HINT_(129) == (9 | 0x8f00) && CA_HINT_(257) == (17 | 0x9f00) &&
                   CA_HINT_(512) == (24 | 0x8000),
               "the public header knows the classes up to 512 bytes: they are part of the ABI");

/* What a hint was made from. */
static size_t size_of_hint(size_t hint)
{
    return cai_class_sizes[hint & 0xff] - (hint >> 8 & 0x7f);
}

static CAI_NOINLINE ca_block_result allocate_slow(ca_authority authority, size_t hint)
{
    return ca_allocate(authority, (ca_layout){.size = size_of_hint(hint), .align = 16});
}

static CAI_NOINLINE ca_block_result allocate_from_branch(ca_authority authority, size_t hint)
{
    struct cai_thread *thread = cai_self;
    struct cai_thread *branch = cai_branch_enter(thread, authority);

    if (CAI_LIKELY(branch != NULL)) {
        void *address = cai_exact_take(branch, CAI_PLACE_ordinary, (uint16_t)hint, false, 0);
        cai_branch_leave(thread);
        if (CAI_LIKELY(address != NULL))
            return (ca_block_result){.ptr = address, .size_or_error = hint};
    }
    return allocate_slow(authority, hint);
}

CAI_EXPORT ca_block_result ca_block_allocate_hinted_(ca_authority authority, size_t hint)
{
    if (CAI_UNLIKELY(!cai_authority_is_default(authority)))
        return allocate_from_branch(authority, hint);
    void *address = cai_exact_take(cai_self, CAI_PLACE_ordinary, (uint16_t)hint, false, 0);
    if (CAI_LIKELY(address != NULL))
        return (ca_block_result){.ptr = address, .size_or_error = hint};
    return allocate_slow(authority, hint);
}

static CAI_NOINLINE void deallocate_slow(void *address, size_t hint)
{
    ca_block_deallocate((ca_block){.ptr = address, .size = size_of_hint(hint)});
}

CAI_EXPORT void ca_block_deallocate_hinted_(void *address, size_t hint)
{
    if (CAI_UNLIKELY(!cai_exact_put(CAI_PLACE_ordinary, (uint16_t)hint, address)))
        deallocate_slow(address, hint);
}
