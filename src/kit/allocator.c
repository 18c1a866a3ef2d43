/* The allocator trait: one door per method. It turns away what no allocator can serve, answers size 0 itself, and then
 * calls the method, or, where the vtable has none, makes it from the two that every allocator has.
 *
 * A layout that cannot fit its block is a violation, reported before the allocator has heard of the call.
 */
#include <capalloc/allocator.h>

#include "base/compiler.h"
#include "core/violation.h"
#include "estate/zone.h"
#include "heap/clear.h"

#include <string.h>

/* The method, or NULL: also where the vtable is older, and therefore shorter, than this one. */
#define METHOD(allocator, name) (HAS_FIELD((allocator).vtable, name) ? (allocator).vtable->name : NULL)
#define HAS_FIELD(vtable, name)                                                                                        \
    (CAI_LIKELY((vtable)->struct_size >= offsetof(ca_allocator_vtable, name) + sizeof((vtable)->name)))

static bool is_complete(ca_allocator allocator)
{
    return CAI_LIKELY(allocator.vtable != NULL && METHOD(allocator, deallocate) != NULL &&
                      allocator.vtable->allocate != NULL);
}

static ca_block_result failure(ca_error error)
{
    return (ca_block_result){.ptr = NULL, .size_or_error = (size_t)error};
}

static ca_block_result dangling(ca_layout layout)
{
    return (ca_block_result){.ptr = (void *)layout.align, .size_or_error = 0};
}

#define AS(type, value) ((type##_result){.ptr = (value).ptr, .size_or_error = (value).size_or_error})
#define BLOCK(value) ((ca_block){.ptr = (value).ptr, .size = (value).size})

static bool has_alignment(const void *address, size_t align)
{
    return ((uintptr_t)address & (align - 1)) == 0;
}

static CAI_COLD void report_misfit(ca_block block, const char *function)
{
    bool null = block.ptr == NULL;

    cai_violation_report((ca_violation){
        .kind = null ? CA_VIOLATION_INVALID_FREE : CA_VIOLATION_SIZE_MISMATCH,
        .function = function,
        .address = block.ptr,
        .size = block.size,
        .place = cai_place_name(null ? CAI_PLACE_none : cai_place_of(block.ptr)),
        .stated = "a block that its layout fits",
        .found = null ? "a null pointer" : "a layout that does not fit a block",
    });
}

/* Whether the layout can be this block's, as far as the two can tell. Reports when not. Both of size 0 fit. */
static bool fits(ca_block block, ca_layout layout, const char *function)
{
    bool empty = block.size == 0 && layout.size == 0;

    if (CAI_LIKELY(ca_layout_is_valid(layout) &&
                   (empty || (block.ptr != NULL && layout.size != 0 && layout.size <= block.size &&
                              has_alignment(block.ptr, layout.align)))))
        return true;
    report_misfit(block, function);
    return false;
}

/* --- allocate and deallocate --- */

/* What every allocating method does first. True: *answer is the result, the allocator is not asked. */
static bool is_answered(ca_allocator allocator, ca_layout layout, ca_block_result *answer)
{
    if (CAI_UNLIKELY(!is_complete(allocator)))
        *answer = failure(CA_ERROR_INVALID);
    else if (CAI_UNLIKELY(!ca_layout_is_valid(layout)))
        *answer = failure(CA_ERROR_LAYOUT);
    else if (CAI_UNLIKELY(layout.size == 0))
        *answer = dangling(layout);
    else
        return false;
    return true;
}

CAI_EXPORT ca_block_result ca_allocator_allocate(ca_allocator allocator, ca_layout layout)
{
    ca_block_result answer;

    return is_answered(allocator, layout, &answer) ? answer : allocator.vtable->allocate(allocator.self, layout);
}

/* What every deallocating method does first. False: there is nothing left to do. */
static bool is_to_deallocate(ca_allocator allocator, ca_block block, ca_layout layout, const char *function)
{
    return fits(block, layout, function) && layout.size != 0 && is_complete(allocator);
}

CAI_EXPORT void ca_allocator_deallocate(ca_allocator allocator, ca_block block, ca_layout layout)
{
    if (is_to_deallocate(allocator, block, layout, "ca_allocator_deallocate"))
        allocator.vtable->deallocate(allocator.self, block, layout);
}

static ca_block_result allocate_zeroed(ca_allocator allocator, ca_layout layout)
{
    ca_block_result (*method)(void *, ca_layout) = METHOD(allocator, allocate_zeroed);

    if (method != NULL)
        return method(allocator.self, layout);
    ca_block_result made = allocator.vtable->allocate(allocator.self, layout);
    if (made.ptr != NULL)
        memset(made.ptr, 0, made.size_or_error);
    return made;
}

CAI_EXPORT ca_block_result ca_allocator_allocate_zeroed(ca_allocator allocator, ca_layout layout)
{
    ca_block_result answer;

    return is_answered(allocator, layout, &answer) ? answer : allocate_zeroed(allocator, layout);
}

/* --- grow and shrink --- */

/* Into `made`, which is new: the first `bytes` bytes. The old block is given back. */
static ca_block_result move(ca_allocator allocator, ca_block block, ca_layout layout, ca_block_result made,
                            size_t bytes)
{
    if (made.ptr != NULL) {
        memcpy(made.ptr, block.ptr, bytes);
        allocator.vtable->deallocate(allocator.self, block, layout);
    }
    return made;
}

/* What growing does first, in both forms. */
static bool is_growth_answered(ca_allocator allocator, ca_block block, ca_layout old_layout, ca_layout new_layout,
                               const char *function, ca_block_result *answer)
{
    if (CAI_UNLIKELY(!is_complete(allocator)))
        *answer = failure(CA_ERROR_INVALID);
    else if (CAI_UNLIKELY(!ca_layout_is_valid(new_layout)))
        *answer = failure(CA_ERROR_LAYOUT);
    else if (CAI_UNLIKELY(!fits(block, old_layout, function)))
        *answer = failure(CA_ERROR_INVALID);
    else if (CAI_UNLIKELY(new_layout.size < old_layout.size))
        *answer = failure(CA_ERROR_LAYOUT);
    else if (CAI_UNLIKELY(new_layout.size == 0))
        *answer = dangling(new_layout);
    else
        return false;
    return true;
}

CAI_EXPORT ca_block_result ca_allocator_grow(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                             ca_layout new_layout)
{
    ca_block_result answer;

    if (is_growth_answered(allocator, block, old_layout, new_layout, "ca_allocator_grow", &answer))
        return answer;
    if (old_layout.size == 0)
        return allocator.vtable->allocate(allocator.self, new_layout);
    ca_block_result (*method)(void *, ca_block, ca_layout, ca_layout) = METHOD(allocator, grow);
    if (method != NULL)
        return method(allocator.self, block, old_layout, new_layout);
    return move(allocator, block, old_layout, allocator.vtable->allocate(allocator.self, new_layout), old_layout.size);
}

CAI_EXPORT ca_block_result ca_allocator_grow_zeroed(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                                    ca_layout new_layout)
{
    ca_block_result answer;

    if (is_growth_answered(allocator, block, old_layout, new_layout, "ca_allocator_grow_zeroed", &answer))
        return answer;
    if (old_layout.size == 0)
        return allocate_zeroed(allocator, new_layout);
    ca_block_result (*method)(void *, ca_block, ca_layout, ca_layout) = METHOD(allocator, grow_zeroed);
    if (method != NULL)
        return method(allocator.self, block, old_layout, new_layout);
    /* A grow of the allocator's own may stay in place; what it adds is then cleared here. */
    method = METHOD(allocator, grow);
    if (method == NULL)
        return move(allocator, block, old_layout, allocate_zeroed(allocator, new_layout), old_layout.size);
    answer = method(allocator.self, block, old_layout, new_layout);
    if (answer.ptr != NULL)
        memset((char *)answer.ptr + old_layout.size, 0, answer.size_or_error - old_layout.size);
    return answer;
}

CAI_EXPORT ca_block_result ca_allocator_shrink(ca_allocator allocator, ca_block block, ca_layout old_layout,
                                               ca_layout new_layout)
{
    if (CAI_UNLIKELY(!is_complete(allocator)))
        return failure(CA_ERROR_INVALID);
    if (CAI_UNLIKELY(!ca_layout_is_valid(new_layout)))
        return failure(CA_ERROR_LAYOUT);
    if (CAI_UNLIKELY(!fits(block, old_layout, "ca_allocator_shrink")))
        return failure(CA_ERROR_INVALID);
    if (CAI_UNLIKELY(new_layout.size > old_layout.size ||
                     (old_layout.size != 0 && !has_alignment(block.ptr, new_layout.align))))
        return failure(CA_ERROR_LAYOUT);
    if (new_layout.size == 0) {
        if (old_layout.size != 0)
            allocator.vtable->deallocate(allocator.self, block, old_layout);
        return dangling(new_layout);
    }
    ca_block_result (*method)(void *, ca_block, ca_layout, ca_layout) = METHOD(allocator, shrink);
    if (method != NULL)
        return method(allocator.self, block, old_layout, new_layout);
    if (new_layout.size == old_layout.size && new_layout.align == old_layout.align)
        return (ca_block_result){.ptr = block.ptr, .size_or_error = block.size};
    return move(allocator, block, old_layout, allocator.vtable->allocate(allocator.self, new_layout), new_layout.size);
}

/* --- intentions --- */

CAI_EXPORT ca_nocaps_result ca_allocator_allocate_nocaps(ca_allocator allocator, ca_layout layout)
{
    ca_block_result made;

    if (!is_answered(allocator, layout, &made)) {
        ca_nocaps_result (*method)(void *, ca_layout) = METHOD(allocator, allocate_nocaps);
        if (method != NULL)
            return method(allocator.self, layout);
        made = allocator.vtable->allocate(allocator.self, layout);
    }
    return AS(ca_nocaps, made);
}

CAI_EXPORT void ca_allocator_deallocate_nocaps(ca_allocator allocator, ca_nocaps block, ca_layout layout)
{
    if (!is_to_deallocate(allocator, BLOCK(block), layout, "ca_allocator_deallocate_nocaps"))
        return;
    void (*method)(void *, ca_nocaps, ca_layout) = METHOD(allocator, deallocate_nocaps);
    if (method != NULL)
        method(allocator.self, block, layout);
    else
        allocator.vtable->deallocate(allocator.self, BLOCK(block), layout);
}

CAI_EXPORT ca_mustzero_result ca_allocator_allocate_mustzero(ca_allocator allocator, ca_layout layout)
{
    ca_block_result made;

    if (!is_answered(allocator, layout, &made)) {
        ca_mustzero_result (*method)(void *, ca_layout) = METHOD(allocator, allocate_mustzero);
        if (method != NULL)
            return method(allocator.self, layout);
        made = allocate_zeroed(allocator, layout);
    }
    return AS(ca_mustzero, made);
}

CAI_EXPORT void ca_allocator_deallocate_zeroed(ca_allocator allocator, ca_mustzero block, ca_layout layout)
{
    if (!is_to_deallocate(allocator, BLOCK(block), layout, "ca_allocator_deallocate_zeroed"))
        return;
    void (*method)(void *, ca_mustzero, ca_layout) = METHOD(allocator, deallocate_zeroed);
    if (method != NULL) {
        method(allocator.self, block, layout);
        return;
    }
    cai_clear(block.ptr, block.size);
    allocator.vtable->deallocate(allocator.self, BLOCK(block), layout);
}

CAI_EXPORT unsigned ca_allocator_promises(ca_allocator allocator)
{
    if (!is_complete(allocator))
        return 0;
    unsigned (*method)(void *) = METHOD(allocator, promises_now);
    return method != NULL ? method(allocator.self) : allocator.vtable->promises;
}
