/* The global allocator: two words that are written while `state` is open and read once it is sealed. The first use
 * seals. The layout's size stands for the block's: between what was asked for and what was returned, as the trait
 * allows.
 *
 * Nobody registered another: then it is the heap, without the trait in between, and what lies ready in the thread's own
 * bins is handed out here.
 */
#include <capalloc/global.h>

#include "api/own.h"
#include "base/atomic.h"
#include "base/compiler.h"
#include "os/os.h"

#include <capalloc/heap.h>
#include <stdbool.h>
#include <stdint.h>

/* Held for a few instructions. Open: registered may be replaced. Sealed: nobody writes any more; by the heap: without
 * the trait in between, as nobody registered another. */
enum { OPEN, HELD, SEALED, SEALED_HEAP };

static uint32_t state;             /* atomic; who changes OPEN to HELD may write the other two */
static ca_allocator registered;    /* without vtable: the heap */
static struct cai_own_reach ready; /* atomic; nowhere until it is the heap, which spares the fast path a test */

/* False: sealed. */
static bool hold(void)
{
    uint32_t seen = OPEN;

    while (!cai_swap_strong_acq_rel(&state, &seen, HELD)) {
        if (seen >= SEALED)
            return false;
        cai_os_yield();
        seen = OPEN;
    }
    return true;
}

static CAI_COLD void seal(void)
{
    if (!hold())
        return;
    bool by_heap = registered.vtable == NULL;
    if (by_heap) {
        registered = ca_heap_allocator(ca_default_authority());
        cai_store_relaxed(&ready.shorts, (size_t)CAI_REACH_SHORTS);
        cai_store_relaxed(&ready.fine, (size_t)CAI_REACH_FINE);
        cai_store_relaxed(&ready.coarse, (size_t)CAI_REACH_COARSE);
    }
    cai_store_release(&state, by_heap ? SEALED_HEAP : SEALED);
}

/* Then nothing else is read here. */
CAI_INLINE bool is_heap(void)
{
    return CAI_LIKELY(cai_load_relaxed_in_place(&state) == SEALED_HEAP);
}

static ca_allocator global(void)
{
    if (CAI_UNLIKELY(cai_load_acquire(&state) < SEALED))
        seal();
    return registered;
}

CAI_EXPORT ca_error ca_global_register(ca_allocator allocator)
{
    /* What the trait turns down although it asks no allocator for nothing has not got its two methods. */
    if (!ca_is_ok(ca_allocator_allocate(allocator, (ca_layout){.size = 0, .align = 1})))
        return CA_ERROR_INVALID;
    if (!hold())
        return CA_ERROR_NOT_PERMITTED;
    registered = allocator;
    cai_store_release(&state, OPEN);
    return CA_OK;
}

/* Anything but what lies ready. */
static CAI_NOINLINE void *alloc_slow(ca_layout layout)
{
    return is_heap() ? ca_allocate(ca_default_authority(), layout).ptr : ca_allocator_allocate(global(), layout).ptr;
}

static CAI_NOINLINE void *alloc_zeroed_slow(ca_layout layout)
{
    return is_heap() ? ca_allocate_zeroed(ca_default_authority(), layout).ptr
                     : ca_allocator_allocate_zeroed(global(), layout).ptr;
}

CAI_INLINE void *alloc_ready(ca_layout layout, enum cai_form form)
{
    size_t bytes;

    return cai_own_take_within(&ready, NULL, CAI_PLACE_ordinary, layout, form, &bytes);
}

CAI_EXPORT void *ca_alloc(ca_layout layout)
{
    void *block = alloc_ready(layout, CAI_PLAIN);

    return CAI_LIKELY(block != NULL) ? block : alloc_slow(layout);
}

CAI_EXPORT void *ca_alloc_zeroed(ca_layout layout)
{
    void *block = alloc_ready(layout, CAI_ZEROED);

    return CAI_LIKELY(block != NULL) ? block : alloc_zeroed_slow(layout);
}

static ca_block block_of(void *ptr, ca_layout layout)
{
    return (ca_block){.ptr = ptr, .size = layout.size};
}

static CAI_NOINLINE void dealloc_slow(void *ptr, ca_layout layout)
{
    ca_allocator_deallocate(global(), block_of(ptr, layout), layout);
}

CAI_EXPORT void ca_dealloc(void *ptr, ca_layout layout)
{
    if (is_heap())
        cai_own_deallocate(CAI_PLACE_ordinary, ptr, layout.size);
    else
        dealloc_slow(ptr, layout);
}

static CAI_NOINLINE void *realloc_slow(void *ptr, ca_layout layout, size_t new_size)
{
    ca_layout new_layout = {.size = new_size, .align = layout.align};

    if (new_size >= layout.size)
        return ca_allocator_grow(global(), block_of(ptr, layout), layout, new_layout).ptr;
    return ca_allocator_shrink(global(), block_of(ptr, layout), layout, new_layout).ptr;
}

CAI_EXPORT void *ca_global_realloc(void *ptr, ca_layout layout, size_t new_size)
{
    ca_layout new_layout = {.size = new_size, .align = layout.align};

    if (is_heap() && (cai_own_resize_in_slot(CAI_PLACE_ordinary, CAI_FINE, ptr, layout.size, new_layout) ||
                      cai_own_resize_in_slot(CAI_PLACE_ordinary, CAI_COARSE, ptr, layout.size, new_layout)))
        return ptr;
    return realloc_slow(ptr, layout, new_size);
}
