/* Blocks whose size the caller's compiler knew: it worked out the size class and the record of the exact size, and
 * passes both as one hint (include/capalloc/heap.h). State and record are then one store, and one comparison on the way
 * back.
 */
#include <capalloc/heap.h>
#undef ca_allocate /* the function, not the macro that chooses between it and the ones here */

#include "api/authority.h"
#include "heap/cache.h"

#include <string.h>

static size_t class_of_hint(unsigned hint)
{
    return hint & 0xff;
}

_Static_assert(CA_HINT_(16) == 0x8001 && CA_HINT_(17) == (2 | 0x8f00) && CA_HINT_(129) == (9 | 0x8f00) &&
                   CA_HINT_(257) == (17 | 0x9f00) && CA_HINT_(512) == (24 | 0x8000),
               "the public header knows the classes up to 512 bytes: they are part of the ABI");

CAI_EXPORT ca_block_result ca_block_allocate_hinted_(ca_authority authority, size_t size, unsigned hint)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_FINE));
    struct cai_bin *bin = &cai_self->bins[CAI_PLACE_ordinary][class_of_hint(hint)];
    size_t count = bin->count;

    if (CAI_LIKELY(cai_authority_is_default(authority) && count != 0 && --bin->countdown >= 0)) {
        void *address = bin->slots[--count];
        uint8_t *state = view->state + (((uintptr_t)address - view->origin) >> CAI_FINE_SHIFT);
        if (CAI_LIKELY(cai_state_is_cached(cai_load_relaxed(state)))) {
            uint16_t both = (uint16_t)hint;
            memcpy(state, &both, sizeof both);
            bin->count = (uint32_t)count;
            return (ca_block_result){.ptr = address, .size_or_error = size};
        }
    }
    return ca_allocate(authority, (ca_layout){.size = size, .align = 16});
}

CAI_EXPORT void ca_block_deallocate_hinted_(ca_block block, unsigned hint)
{
    const struct cai_view *view = cai_view_of(cai_zone_number(CAI_PLACE_ordinary, CAI_FINE));
    size_t granule = cai_granule_of(view, CAI_FINE, block.ptr);

    if (CAI_LIKELY(granule < view->granules)) {
        uint8_t *state = view->state + granule;
        struct cai_thread *thread = cai_self;
        struct cai_bin *bin = &thread->bins[CAI_PLACE_ordinary][class_of_hint(hint)];
        uint32_t count = bin->count;
        uint16_t both;
        memcpy(&both, state, sizeof both);
        if (CAI_LIKELY(both == (uint16_t)hint && count != bin->limit &&
                       cai_load_relaxed(&view->owner[cai_unit_of_granule(CAI_FINE, granule)]) == thread->id)) {
            cai_store_relaxed(state, CAI_STATE_CACHED);
            bin->slots[count] = block.ptr;
            bin->count = count + 1;
            return;
        }
    }
    ca_block_deallocate(block);
}
