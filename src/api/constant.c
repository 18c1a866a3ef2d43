/* Blocks whose size the caller's compiler knew: it worked out the size class and the record of the exact size, and
 * passes both as one hint (include/capalloc/heap.h). State and record are then one store, and one comparison on the way
 * back.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function, not the macro that chooses between it and the ones here */

#include "api/own.h"

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

static CAI_NOINLINE ca_block_result allocate_rest(ca_authority authority, size_t hint)
{
    ca_layout layout = {.size = size_of_hint(hint), .align = 16};
    size_t bytes;
    void *address = cai_own_take(CAI_PLACE_ordinary, CAI_PLAIN, authority, layout, &bytes);

    return CAI_LIKELY(address != NULL) ? cai_success(address, bytes)
                                       : cai_own_allocate_slow(authority, layout, CAI_PLACE_ordinary, CAI_PLAIN);
}

static CAI_NOINLINE ca_block_result allocate_slow(uint64_t key, size_t hint)
{
    return cai_own_allocate_slow((ca_authority){{key, 0}}, (ca_layout){.size = size_of_hint(hint), .align = 16},
                                 CAI_PLACE_ordinary, CAI_PLAIN);
}

CAI_EXPORT ca_block_result ca_block_allocate_hinted_(ca_authority authority, size_t hint)
{
    if (CAI_UNLIKELY(!cai_authority_is_default(authority)))
        return allocate_rest(authority, hint);
    struct cai_thread *self = cai_self;
#if defined(__x86_64__)
    __asm__("" : "+r"(self) : "d"(hint)); /* stays where it came and is returned: two instructions less */
#endif
    void *address = cai_stamped_take(&self->owner.heap, CAI_PLACE_ordinary, (uint16_t)hint, false, 0);
    if (CAI_UNLIKELY(address == NULL))
        return allocate_slow(authority.opaque[0], hint);
    return (ca_block_result){.ptr = address, .size_or_error = hint};
}

static CAI_NOINLINE void deallocate_rest(void *address, size_t hint)
{
    cai_own_deallocate_rest(address, size_of_hint(hint), CAI_PLACE_ordinary);
}

CAI_EXPORT void ca_block_deallocate_hinted_(void *address, size_t hint)
{
    if (CAI_UNLIKELY(!cai_free_stamped(CAI_PLACE_ordinary, (uint16_t)hint, address)))
        deallocate_rest(address, hint);
}
