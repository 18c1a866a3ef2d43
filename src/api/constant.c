/* Blocks whose size the caller's compiler knew: it worked out the size class and the record of the exact size, and
 * passes both as one hint (include/capalloc/heap.h). State and record are then one store, and one comparison on the way
 * back.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function, not the macro that chooses between it and the ones here */

#include "api/authority.h"
#include "heap/branch.h"
#include "heap/exact.h"
#include "heap/heap.h"

_Static_assert(CA_HINT_(17) == (2 | 0x8f00) && CA_HINT_(129) == (9 | 0x8f00) && CA_HINT_(257) == (17 | 0x9f00) &&
                   CA_HINT_(512) == (24 | 0x8000),
               "the public header knows the classes up to 512 bytes: they are part of the ABI");

static unsigned class_of_hint(size_t hint)
{
    return hint & 0xff;
}

/* What a hint was made from. */
static size_t size_of_hint(size_t hint)
{
    return cai_class_sizes[class_of_hint(hint)] - (hint >> 8 & 0x7f);
}

/* Empty bins, housekeeping, the first allocation of all, other authorities. */
static CAI_NOINLINE ca_block_result allocate_slow(ca_authority authority, size_t hint)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_FINE));

    if (!cai_heap_start() || !cai_authority_is_default(authority))
        return ca_allocate(authority, (ca_layout){.size = size_of_hint(hint), .align = 16});
    void *address = cai_cache_take_slow(CAI_PLACE_ordinary, class_of_hint(hint), false, 0);
    if (address == NULL)
        return (ca_block_result){.ptr = NULL, .size_or_error = CA_ERROR_OUT_OF_MEMORY};
    cai_stamp_set(view->state + cai_granule_of(view, CAI_FINE, address), (uint16_t)hint);
    return (ca_block_result){.ptr = address, .size_or_error = hint};
}

/* The authority in two words, so that it stays in two registers. */
static CAI_NOINLINE ca_block_result allocate_from_branch(uint64_t first, uint64_t second, size_t hint)
{
    struct cai_thread *thread = cai_self;
    struct cai_thread *branch = cai_branch_enter(thread, first, second);

    if (CAI_UNLIKELY(branch == NULL))
        return allocate_slow((ca_authority){{first, second}}, hint);
    void *address = cai_exact_take(branch, CAI_PLACE_ordinary, (uint16_t)hint, false, 0);
    ca_authority authority = {{0, 0}};
    if (CAI_UNLIKELY(address == NULL))
        authority = cai_branch_opened_by(thread);
    cai_branch_leave(thread);
    if (CAI_UNLIKELY(address == NULL))
        return allocate_slow(authority, hint);
    return (ca_block_result){.ptr = address, .size_or_error = hint};
}

CAI_EXPORT ca_block_result ca_block_allocate_hinted_(ca_authority authority, size_t hint)
{
    if (CAI_UNLIKELY(!cai_authority_may_be_default(authority)))
        return allocate_from_branch(authority.opaque[0], authority.opaque[1], hint);
    authority.opaque[1] = 0; /* as it is: one register less to keep */
    if (CAI_LIKELY(cai_authority_is_default(authority))) {
        void *address = cai_exact_take(cai_self, CAI_PLACE_ordinary, (uint16_t)hint, false, 0);
        if (CAI_LIKELY(address != NULL))
            return (ca_block_result){.ptr = address, .size_or_error = hint};
    }
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
